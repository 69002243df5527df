/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must always hold, checked on recorded actions: they were carried out,
 * whatever the machines of today would say.
 *
 * Per process at most one start and one exit are published, in that order and
 * between create and delete; an exec's exit before its init's; an OOM before
 * the exit it caused; nothing after the delete. Each request is answered once:
 * by an action of its own step, or by the end of the operation that it began,
 * or it waits. One operation at a time. Of a process whose beginning is lost it
 * is not asked what that beginning was.
 */
#include "shim/replay-internal.h"

#define BIT(action) FSM_ACTION_BIT(FSM_ACT_##action)

#define OPERATIONS                                                             \
	(BIT(OP_CREATE) | BIT(OP_PREPARE) | BIT(OP_START) | BIT(OP_RESTORE) |  \
	    BIT(OP_PAUSE) | BIT(OP_RESUME) | BIT(OP_UPDATE) |                  \
	    BIT(OP_CHECKPOINT) | BIT(OP_DELETE) | BIT(OP_EXEC) |               \
	    BIT(OP_CLEAN))
/* Whoever gets the request answers it. */
#define TAKES_REQUEST                                                          \
	(OPERATIONS | BIT(ADMIT) | BIT(SIGNAL) | BIT(SIGNAL_ALL) |             \
	    BIT(RESIZE) | BIT(CLOSE_STDIN) | BIT(ADD_WAITER) | BIT(ANSWER))
#define REPLIES (BIT(OP_REPLY_OK) | BIT(OP_REPLY_ERR))

static bool
is_init_request(enum fsm_init_event event)
{
	switch (event) {
	case FSM_INIT_EV_CREATE:
	case FSM_INIT_EV_CREATE_CKPT:
	case FSM_INIT_EV_START:
	case FSM_INIT_EV_DELETE:
	case FSM_INIT_EV_PAUSE:
	case FSM_INIT_EV_RESUME:
	case FSM_INIT_EV_UPDATE:
	case FSM_INIT_EV_CHECKPOINT:
	case FSM_INIT_EV_EXEC:
	case FSM_INIT_EV_KILL:
	case FSM_INIT_EV_KILL9:
	case FSM_INIT_EV_KILL_ALL:
	case FSM_INIT_EV_KILL9_ALL:
	case FSM_INIT_EV_WAIT:
	case FSM_INIT_EV_QUERY:
	case FSM_INIT_EV_RESIZE:
	case FSM_INIT_EV_CLOSE_IO:
		return true;
	case FSM_INIT_EV_OP_OK:
	case FSM_INIT_EV_OP_FAIL:
	case FSM_INIT_EV_EXITED:
	case FSM_INIT_EV_EXECS_GONE:
	case FSM_INIT_EV_OOM:
	case FSM_INIT_EV_CANCEL:
	case FSM_INIT_EV_STOP_POD:
	case FSM_INIT_EVENTS:
		return false;
	}
	return false;
}

static bool
is_exec_request(enum fsm_exec_event event)
{
	switch (event) {
	case FSM_EXEC_EV_ADD:
	case FSM_EXEC_EV_START:
	case FSM_EXEC_EV_START_DEAD:
	case FSM_EXEC_EV_DELETE:
	case FSM_EXEC_EV_KILL:
	case FSM_EXEC_EV_KILL9:
	case FSM_EXEC_EV_WAIT:
	case FSM_EXEC_EV_QUERY:
	case FSM_EXEC_EV_RESIZE:
	case FSM_EXEC_EV_CLOSE_IO:
		return true;
	case FSM_EXEC_EV_OP_OK:
	case FSM_EXEC_EV_OP_OK_DEAD:
	case FSM_EXEC_EV_OP_FAIL:
	case FSM_EXEC_EV_EXITED:
	case FSM_EXEC_EV_GONE:
	case FSM_EXEC_EVENTS:
		return false;
	}
	return false;
}

static bool
is_request(const struct actor *a, uint8_t event)
{
	return actor_is_init(a) ? is_init_request((enum fsm_init_event)event)
				: is_exec_request((enum fsm_exec_event)event);
}

static bool
ends_operation(const struct actor *a, uint8_t event)
{
	if (actor_is_init(a))
		return event == FSM_INIT_EV_OP_OK ||
		       event == FSM_INIT_EV_OP_FAIL;
	return event == FSM_EXEC_EV_OP_OK || event == FSM_EXEC_EV_OP_OK_DEAD ||
	       event == FSM_EXEC_EV_OP_FAIL;
}

/* ---- answers ---- */

static void
check_request(struct replay *r, struct actor *a, const struct record *record)
{
	int taken = __builtin_popcountll(record->actions & TAKES_REQUEST);
	int due = is_request(a, record->event) && record->step == FSM_GO;

	if (taken != due)
		replay_problem(
		    r, "a request is answered %d times, not %d", taken, due);
	if (record->actions & BIT(ADD_WAITER))
		a->waiters++;
	if (record->actions & BIT(WAKE))
		a->waiters = 0;
}

static void
check_operation(struct replay *r, struct actor *a, const struct record *record)
{
	int replies = __builtin_popcountll(record->actions & REPLIES);

	if (replies > 1)
		replay_problem(r, "an operation is answered twice");
	if (replies > 0 && !a->op && a->whole)
		replay_problem(r, "no operation is there to be answered");
	if (replies == 0 && ends_operation(a, record->event))
		replay_problem(r, "an operation ends unanswered");
	if (replies > 0)
		a->op = false;
	if (!(record->actions & OPERATIONS))
		return;
	if (a->op)
		replay_problem(r, "a second operation begins");
	a->op = true;
}

/* ---- publications, one function each ---- */

static void
on_created(struct replay *r, struct actor *a)
{
	if (a->created++ > 0)
		replay_problem(r, "%s is announced twice", a->name);
}

static void
on_started(struct replay *r, struct actor *a)
{
	if (a->started++ > 0)
		replay_problem(r, "%s starts twice", a->name);
	if (a->exited > 0)
		replay_problem(r, "%s starts after its exit", a->name);
	if (a->whole && a->created == 0)
		replay_problem(r, "%s starts unannounced", a->name);
}

static void
on_paused(struct replay *r, struct actor *a)
{
	if (a->paused++ > a->resumed && a->whole)
		replay_problem(r, "%s is paused twice", a->name);
	if (a->exited > 0 || (a->whole && a->started == 0))
		replay_problem(r, "%s is paused but not running", a->name);
}

static void
on_resumed(struct replay *r, struct actor *a)
{
	if (++a->resumed > a->paused && a->whole)
		replay_problem(r, "%s is resumed but not paused", a->name);
	if (a->exited > 0)
		replay_problem(r, "%s is resumed after its exit", a->name);
}

static void
on_removed(struct replay *r, struct actor *a)
{
	a->removed++;
	if (a->exited == 0 && (a->started > 0 || a->dead))
		replay_problem(r, "%s is deleted before its exit", a->name);
}

static void
on_oom(struct replay *r, struct actor *a)
{
	if (a->exited > 0)
		replay_problem(r, "OOM after the exit it caused");
}

static void
check_execs_are_told(struct replay *r)
{
	list_for_each(l, tmp, &r->actors)
	{
		const struct actor *a = list_entry(l, struct actor, link);
		if (!actor_is_init(a) && a->started > a->exited)
			replay_problem(
			    r, "init's exit before that of %s", a->name);
	}
}

static void
on_exited(struct replay *r, struct actor *a)
{
	if (a->exited++ > 0)
		replay_problem(r, "%s exits twice", a->name);
	if (a->whole && !a->dead)
		replay_problem(r, "%s exits but has not ended", a->name);
	if (a->whole && a->created == 0)
		replay_problem(r, "%s exits unannounced", a->name);
	if (actor_is_init(a))
		check_execs_are_told(r);
	else if (r->init->exited > 0)
		replay_problem(r, "%s exits after init", a->name);
}

/* In the order in which they are carried out. */
static const struct publication {
	enum fsm_action action;
	void (*check)(struct replay *r, struct actor *a);
} publications[] = {
	{ FSM_ACT_PUB_CREATE, on_created },
	{ FSM_ACT_PUB_EXEC_ADDED, on_created },
	{ FSM_ACT_PUB_START, on_started },
	{ FSM_ACT_PUB_PAUSED, on_paused },
	{ FSM_ACT_PUB_RESUMED, on_resumed },
	{ FSM_ACT_PUB_DELETE, on_removed },
	{ FSM_ACT_PUB_OOM, on_oom },
	{ FSM_ACT_PUB_EXIT, on_exited },
};

static void
check_publications(struct replay *r, struct actor *a, uint64_t actions)
{
	for (size_t i = 0; i < sizeof(publications) / sizeof(publications[0]);
	     i++) {
		const struct publication *p = &publications[i];
		if (!(actions & FSM_ACTION_BIT(p->action)))
			continue;
		if (a->deleted || r->init->removed > 0)
			replay_problem(r, "%s after the delete",
			    fsm_action_name(p->action));
		p->check(r, a);
	}
}

void
rules_step(struct replay *r, struct actor *a, const struct record *record)
{
	if (record->actions & BIT(RECORD_EXIT))
		a->dead = true;
	check_request(r, a, record);
	check_operation(r, a, record);
	check_publications(r, a, record->actions);
}

void
rules_gone(struct replay *r, struct actor *a)
{
	if (a->deleted)
		replay_problem(r, "%s goes twice", a->name);
	if (a->started > a->exited)
		replay_problem(r, "%s goes and its exit was not told", a->name);
	if (a->waiters > 0)
		replay_problem(r, "%s goes and is still waited for", a->name);
	if (a->op)
		replay_problem(
		    r, "%s goes in the middle of an operation", a->name);
	if (actor_is_init(a) && a->created > a->removed)
		replay_problem(
		    r, "%s goes and its delete was not told", a->name);
}
