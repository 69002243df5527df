/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machines' actions do. This is the only switch over actions, and each
 * effect on the world is in one place. No effect decides a state: what an
 * effect finds out comes back to the machines as an event of a later step.
 */
#include "shim/effects.h"

#include "base/clock.h"
#include "fsm/fsm.h"
#include "oci/child.h"
#include "shim/announce.h"
#include "shim/container.h"
#include "shim/control.h"
#include "shim/op.h"
#include "shim/process.h"
#include "shim/reply.h"
#include "shim/request.h"
#include "shim/shim.h"
#include "shim/tombstone.h"

/* The code of a process that never ran: nothing else is known of it. */
#define STATUS_NEVER_RAN 255

static void
reply_op_ok(struct process *p)
{
	reply_done(op_release(p), p);
}

static void
reply_op_err(struct process *p)
{
	struct err err = p->op->err;

	request_fail(op_release(p), &err);
}

static void
record_exit(struct process *p)
{
	if (!p->is_init)
		return;
	container_rule(p->container, FSM_RULE_INIT_DEAD);
	container_hurry_starts(p->container);
}

static void
record_failed(struct process *p)
{
	p->exit = (struct exit_status){
		.status = STATUS_NEVER_RAN,
		.at_ns = clock_realtime_ns(),
	};
}

static void
wake(struct process *p)
{
	list_for_each(l, tmp, &p->waiters)
	{
		reply_done(list_entry(l, struct request, link), p);
	}
}

static void
remember(const struct process *p)
{
	const struct container *c = p->container;

	tombstones_add(
	    &c->shim->tombstones, c->id, p->is_init ? "" : p->id, &p->exit);
}

/* Execs that nobody deleted go with their container. */
static void
forget_execs(struct container *c)
{
	list_for_each(l, tmp, &c->execs)
	{
		process_event(list_entry(l, struct process, link),
		    FSM_EXEC_EV_GONE, NULL);
	}
}

static void
forget(struct process *p)
{
	if (p->is_init)
		forget_execs(p->container);
	shim_bury(p->container->shim, p);
}

static void
run_one(struct process *p, enum fsm_action action, struct request *req)
{
	struct container *c = p->container;

	switch (action) {
	case FSM_ACT_ABORT_OP:
		op_abort(p->op);
		return;
	case FSM_ACT_KILL_INIT:
		control_kill(p);
		return;
	case FSM_ACT_RECORD_EXIT:
		record_exit(p);
		return;
	case FSM_ACT_RECORD_FAILED:
		record_failed(p);
		return;
	case FSM_ACT_EXEC_BEGIN:
		container_rule(c, FSM_RULE_EXEC_BEGIN);
		return;
	case FSM_ACT_OP_CREATE:
	case FSM_ACT_OP_PREPARE:
	case FSM_ACT_OP_START:
	case FSM_ACT_OP_RESTORE:
	case FSM_ACT_OP_PAUSE:
	case FSM_ACT_OP_RESUME:
	case FSM_ACT_OP_UPDATE:
	case FSM_ACT_OP_CHECKPOINT:
	case FSM_ACT_OP_DELETE:
	case FSM_ACT_OP_EXEC:
	case FSM_ACT_OP_CLEAN:
		op_begin(p, action, req);
		return;
	case FSM_ACT_PUB_CREATE:
		announce_create(p);
		return;
	case FSM_ACT_PUB_EXEC_ADDED:
		announce_exec_added(p);
		return;
	case FSM_ACT_PUB_START:
		announce_start(p);
		return;
	case FSM_ACT_PUB_PAUSED:
		announce_paused(p);
		return;
	case FSM_ACT_PUB_RESUMED:
		announce_resumed(p);
		return;
	case FSM_ACT_PUB_DELETE:
		announce_delete(p);
		return;
	case FSM_ACT_OP_REPLY_OK:
		reply_op_ok(p);
		return;
	case FSM_ACT_OP_REPLY_ERR:
		reply_op_err(p);
		return;
	case FSM_ACT_ADMIT:
		control_admit(c, req);
		return;
	case FSM_ACT_SIGNAL:
		control_signal(p, req);
		return;
	case FSM_ACT_SIGNAL_ALL:
		control_signal_all(c, req);
		return;
	case FSM_ACT_RESIZE:
		control_resize(p, req);
		return;
	case FSM_ACT_CLOSE_STDIN:
		control_close_stdin(p, req);
		return;
	case FSM_ACT_ADD_WAITER:
		control_add_waiter(p, req);
		return;
	case FSM_ACT_ANSWER:
		reply_done(req, p);
		return;
	case FSM_ACT_PUB_OOM:
		announce_oom(p);
		return;
	case FSM_ACT_KILL_REST:
		control_kill_rest(c);
		return;
	case FSM_ACT_THAW:
		control_thaw(c);
		return;
	case FSM_ACT_WAKE:
		wake(p);
		return;
	case FSM_ACT_PUB_EXIT:
		announce_exit(p);
		return;
	case FSM_ACT_ASK_EXECS:
		container_rule(c, FSM_RULE_INIT_ASKS);
		return;
	case FSM_ACT_EXEC_END:
		container_rule(c, FSM_RULE_EXEC_END);
		return;
	case FSM_ACT_REMEMBER:
		remember(p);
		return;
	case FSM_ACT_FORGET:
		forget(p);
		return;
	case FSM_ACTIONS:
		return;
	}
}

void
effects_run(struct process *p, uint64_t actions, struct request *req)
{
	for (unsigned a = 0; a < FSM_ACTIONS; a++) {
		if (actions & FSM_ACTION_BIT(a))
			run_one(p, (enum fsm_action)a, req);
	}
}
