/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all operations have in common: beginning, the deferred end, and being
 * thrown away half-way.
 */
#include "shim/op.h"

#include "shim/container.h"
#include "shim/driver.h"
#include "shim/process.h"
#include "shim/request.h"
#include "shim/shim.h"

static const struct op_type nothing_yet = { .free = NULL };

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct op *op = arg;

	(void)fd;
	(void)what;
	process_raise(op->p, op->failed ? PROCESS_OP_FAIL : PROCESS_OP_OK);
}

static int
start(struct op *op, struct err *err)
{
	return op->p->container->driver->start(op, err);
}

static int
pause_container(struct op *op, struct err *err)
{
	return op->p->container->driver->pause(op, err);
}

static int
resume_container(struct op *op, struct err *err)
{
	return op->p->container->driver->resume(op, err);
}

static op_begin_fn *
beginner(enum fsm_action action)
{
	static op_begin_fn *const beginners[FSM_ACTIONS] = {
		[FSM_ACT_OP_CREATE] = op_create,
		[FSM_ACT_OP_PREPARE] = op_prepare,
		[FSM_ACT_OP_START] = start,
		[FSM_ACT_OP_RESTORE] = op_restore,
		[FSM_ACT_OP_PAUSE] = pause_container,
		[FSM_ACT_OP_RESUME] = resume_container,
		[FSM_ACT_OP_UPDATE] = op_update,
		[FSM_ACT_OP_CHECKPOINT] = op_checkpoint,
		[FSM_ACT_OP_DELETE] = op_delete,
		[FSM_ACT_OP_EXEC] = op_exec,
		[FSM_ACT_OP_CLEAN] = op_clean,
	};

	return beginners[action];
}

void
op_begin(struct process *p, enum fsm_action action, struct request *req)
{
	struct op *op = req->op;
	struct event_base *base = p->container->shim->base;
	struct err err;

	*op = (struct op){ .type = &nothing_yet, .p = p, .req = req };
	(void)event_assign(&op->done, base, -1, 0, on_done, op);
	(void)event_priority_set(&op->done, PRIORITY_CHILD);
	p->op = op;
	if (beginner(action)(op, &err) < 0)
		op_finish(op, &err);
}

void
op_finish(struct op *op, const struct err *err)
{
	if (op->finished)
		return;
	op->finished = true;
	op->failed = err != NULL;
	if (err)
		op->err = *err;
	event_active(&op->done, 0, 0);
}

void
op_abort(struct op *op)
{
	if (op && !op->finished && op->type->abort)
		op->type->abort(op);
}

void
op_hurry(struct op *op, int64_t timeout_ns)
{
	if (op && !op->finished && op->type->hurry)
		op->type->hurry(op, timeout_ns);
}

struct request *
op_release(struct process *p)
{
	struct op *op = p->op;

	if (!op)
		return NULL;
	p->op = NULL;
	(void)event_del(&op->done);
	if (op->type->free)
		op->type->free(op);
	return op->req;
}
