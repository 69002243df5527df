/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machines' actions do. Each action has one effect, in one place. No
 * effect decides a state: what an effect finds out comes back to the machines
 * as an event of a later step.
 */
#include "shim/effects.h"

#include "base/clock.h"
#include "fsm/fsm.h"
#include "oci/child.h"
#include "shim/announce.h"
#include "shim/container.h"
#include "shim/control.h"
#include "shim/driver.h"
#include "shim/op.h"
#include "shim/process.h"
#include "shim/reply.h"
#include "shim/request.h"
#include "shim/shim.h"
#include "shim/tombstone.h"

/* The code of a process that never ran: nothing else is known of it. */
#define STATUS_NEVER_RAN 255

/*
 * One function for each action, named after it; the table at the end is made
 * from actions.def, so that an action without an effect does not compile.
 */
typedef void effect_fn(struct process *p, struct request *req);

#define EFFECT(name)                                                           \
	static void effect_##name(struct process *p __attribute__((unused)),   \
	    struct request *req __attribute__((unused)))

/* ---- ending things ---- */

EFFECT(ABORT_OP)
{
	op_abort(p->op);
}

EFFECT(KILL_PROCESS)
{
	p->container->driver->kill(p);
}

/* The status is in p->exit since it was reaped. */
EFFECT(RECORD_EXIT)
{
	if (!p->is_init)
		return;
	container_rule(p->container, FSM_RULE_INIT_DEAD);
	container_hurry(p->container);
}

EFFECT(RECORD_FAILED)
{
	p->exit = (struct exit_status){
		.status = STATUS_NEVER_RAN,
		.at_ns = clock_realtime_ns(),
	};
}

/* ---- beginning operations ---- */

EFFECT(EXEC_BEGIN)
{
	container_rule(p->container, FSM_RULE_EXEC_BEGIN);
}

#define OPERATION(name)                                                        \
	EFFECT(name)                                                           \
	{                                                                      \
		op_begin(p, FSM_ACT_##name, req);                              \
	}

OPERATION(OP_CREATE)
OPERATION(OP_PREPARE)
OPERATION(OP_START)
OPERATION(OP_RESTORE)
OPERATION(OP_PAUSE)
OPERATION(OP_RESUME)
OPERATION(OP_UPDATE)
OPERATION(OP_CHECKPOINT)
OPERATION(OP_DELETE)
OPERATION(OP_EXEC)
OPERATION(OP_CLEAN)

/* ---- telling, then answering ---- */

EFFECT(PUB_CREATE)
{
	announce_create(p);
	container_told(p->container);
}

EFFECT(PUB_EXEC_ADDED)
{
	announce_exec_added(p);
}

EFFECT(PUB_START)
{
	announce_start(p);
}

EFFECT(PUB_PAUSED)
{
	announce_paused(p);
}

EFFECT(PUB_RESUMED)
{
	announce_resumed(p);
}

EFFECT(PUB_DELETE)
{
	announce_delete(p);
}

EFFECT(OP_REPLY_OK)
{
	reply_done(op_release(p), p);
}

EFFECT(OP_REPLY_ERR)
{
	struct err err = p->op->err;

	request_fail(op_release(p), &err);
}

/* ---- serving the request at once ---- */

EFFECT(ADMIT)
{
	control_admit(p->container, req);
}

EFFECT(SIGNAL)
{
	p->container->driver->signal(p, req);
}

EFFECT(SIGNAL_ALL)
{
	p->container->driver->signal_all(p->container, req);
}

EFFECT(RESIZE)
{
	control_resize(p, req);
}

EFFECT(CLOSE_STDIN)
{
	control_close_stdin(p, req);
}

EFFECT(ADD_WAITER)
{
	control_add_waiter(p, req);
}

EFFECT(ANSWER)
{
	reply_done(req, p);
}

/* ---- the end of a process ---- */

EFFECT(PUB_OOM)
{
	announce_oom(p);
}

EFFECT(KILL_REST)
{
	p->container->driver->kill_rest(p->container);
}

EFFECT(THAW)
{
	p->container->driver->thaw(p->container);
}

EFFECT(WAKE)
{
	list_for_each(l, tmp, &p->waiters)
	{
		reply_done(list_entry(l, struct request, link), p);
	}
}

EFFECT(PUB_EXIT)
{
	announce_exit(p);
}

EFFECT(ASK_EXECS)
{
	container_rule(p->container, FSM_RULE_INIT_ASKS);
}

EFFECT(EXEC_END)
{
	container_rule(p->container, FSM_RULE_EXEC_END);
}

EFFECT(REMEMBER)
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

/* A containerd that was killed while it made the first container of a shim does
 * not know of the shim when it is back (1.6), or has nothing else to tell it.
 */
static void
end_unwanted(struct container *c)
{
	const struct shim *shim = c->shim;

	if (c->unwanted && !c->told && list_empty(&shim->containers) &&
	    !shim->sandbox)
		shim_end(c->shim);
}

EFFECT(FORGET)
{
	if (p->is_init)
		forget_execs(p->container);
	shim_bury(p->container->shim, p);
	if (p->is_init)
		end_unwanted(p->container);
}

static effect_fn *const effects[FSM_ACTIONS] = {
#define ACTION(name) [FSM_ACT_##name] = effect_##name,
#include "fsm/actions.def"
#undef ACTION
};

void
effects_run(struct process *p, uint64_t actions, struct request *req)
{
	for (unsigned a = 0; a < FSM_ACTIONS; a++) {
		if (actions & FSM_ACTION_BIT(a))
			effects[a](p, req);
	}
}
