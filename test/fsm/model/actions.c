/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each action does to the world, and what must be true when it does: the
 * counterpart of the shim's effects.c. An action that may not be taken breaks a
 * rule, whether or not it would do harm in this very world.
 */
#include "test/fsm/model/world.h"

static struct proc *
self(const struct stepping *s)
{
	return &s->w->p[s->who];
}

static bool
is_init(const struct stepping *s)
{
	return s->who == 0;
}

static void
require(const struct stepping *s, bool truth, enum rule rule, const char *why)
{
	if (!truth)
		stepping_break(s, rule, why);
}

static bool
is_event(const struct stepping *s, enum fsm_init_event init,
    enum fsm_exec_event exec)
{
	return s->event == (is_init(s) ? (unsigned)init : (unsigned)exec);
}

static bool
is_deleted(const struct stepping *s)
{
	return self(s)->state == (is_init(s) ? (unsigned)FSM_INIT_DELETED
					     : (unsigned)FSM_EXEC_DELETED);
}

static bool
is_launch(uint8_t op)
{
	return op == FSM_ACT_OP_CREATE || op == FSM_ACT_OP_PREPARE ||
	       op == FSM_ACT_OP_RESTORE || op == FSM_ACT_OP_EXEC;
}

bool
stepping_is_success(const struct stepping *s)
{
	return is_event(s, FSM_INIT_EV_OP_OK, FSM_EXEC_EV_OP_OK) ||
	       (!is_init(s) && s->event == FSM_EXEC_EV_OP_OK_DEAD);
}

/* ---- the rule between processes ---- */

static void
step_rule(const struct stepping *s, enum fsm_rule_event event)
{
	struct world *w = s->w;
	struct fsm_rule rule = { w->rule_execs, w->rule_dead, w->rule_waits };
	struct fsm_rule_step step = fsm_rule_step(rule, event);

	require(s, !step.bug, RULE_BUG, "the container rule says so");
	w->rule_execs = (uint8_t)step.next.execs;
	w->rule_dead = step.next.init_dead;
	w->rule_waits = step.next.init_waits;
	if (step.execs_gone)
		step_event(s->m, w, 0, FSM_INIT_EV_EXECS_GONE, NULL);
}

/* ---- requests ---- */

static void
take(struct stepping *s)
{
	require(s,
	    tables_serves(is_init(s), s->event) & FSM_ACTION_BIT(s->action),
	    RULE_REPLY, "does what nobody asked for");
	require(s, s->req && !s->req->taken, RULE_REQUEST,
	    s->req ? "a request is taken twice" : "no request is there");
	if (s->req)
		s->req->taken = true;
}

/* Of a container, whoever asks for it. */
static bool
is_kill9(const struct stepping *s)
{
	return is_init(s) && (s->event == FSM_INIT_EV_KILL9 ||
				 s->event == FSM_INIT_EV_KILL9_ALL ||
				 s->event == FSM_INIT_EV_STOP_POD);
}

/* By the state's name alone: an earlier SIGKILL may have thawed it. */
static bool
may_be_frozen(const struct stepping *s)
{
	return s->from == FSM_INIT_PAUSING || s->from == FSM_INIT_PAUSED ||
	       s->from == FSM_INIT_PAUSED_BUSY || s->from == FSM_INIT_RESUMING;
}

/* What is frozen, or about to be, might not die of SIGKILL. */
static void
require_thaw(struct stepping *s)
{
	bool pausing = self(s)->op == FSM_ACT_OP_PAUSE;

	/* After init's death what is in flight ends with a thaw anyway. */
	if (!is_kill9(s) || self(s)->life != LIFE_ALIVE)
		return;
	require(s, !pausing || s->step.actions & BIT(ABORT_OP), RULE_DEATH,
	    "lets a pause freeze what is to die");
	require(s, !(pausing || s->w->frozen) || s->step.actions & BIT(THAW),
	    RULE_DEATH, "leaves frozen what is to die");
}

static void
send_signal(struct stepping *s)
{
	take(s);
	require(s, self(s)->life == LIFE_ALIVE, RULE_REPLY,
	    "signals what is not there");
	require_thaw(s);
}

static void
signal_all(struct stepping *s)
{
	const struct proc *p = self(s);

	take(s);
	require(s,
	    p->marks & MARK_CREATED && (p->life != LIFE_NONE || p->op == NO_OP),
	    RULE_REPLY, "signals what is not there yet");
	require_thaw(s);
}

static void
add_waiter(struct stepping *s)
{
	take(s);
	require(s, !world_is_over(self(s), is_init(s)), RULE_AT_ONCE,
	    "waits for an exit that is known");
	self(s)->waiters = 1;
}

static void
answer(struct stepping *s)
{
	struct proc *p = self(s);

	take(s);
	if (is_event(s, FSM_INIT_EV_DELETE, FSM_EXEC_EV_DELETE)) {
		require(s, is_deleted(s), RULE_REPLY, "is not deleted yet");
		p->marks |= MARK_TOLD;
	} else if (is_event(s, FSM_INIT_EV_WAIT, FSM_EXEC_EV_WAIT)) {
		require(s, world_is_over(p, is_init(s)), RULE_REPLY,
		    "tells of an exit that was not");
	} else if (is_event(s, FSM_INIT_EV_KILL9, FSM_EXEC_EV_KILL9) ||
		   is_event(s, FSM_INIT_EV_KILL9_ALL, FSM_EXEC_EV_KILL9)) {
		/* Without a process yet, the command that makes it. */
		require(s, s->step.actions & BIT(ABORT_OP) && is_launch(p->op),
		    RULE_REPLY, "nothing is killed");
	}
}

static void
admit(struct stepping *s)
{
	struct proc *exec;

	require(s, is_init(s) && s->event == FSM_INIT_EV_EXEC && s->req,
	    RULE_REPLY, "admits what nobody asked for");
	if (!is_init(s) || !s->req)
		return;
	exec = &s->w->p[s->req->slot];
	if (exec->state == ABSENT)
		exec->state = FSM_EXEC_NEW;
	step_event(s->m, s->w, s->req->slot, FSM_EXEC_EV_ADD, s->req);
}

/* What was never created never ran, even if something was seen to exit. */
static bool
knows_end(const struct stepping *s)
{
	unsigned marks = self(s)->marks;

	if (!is_init(s))
		return true;
	if (!(marks & MARK_CREATED))
		return marks & MARK_FAILED;
	return marks & (MARK_RECORDED | MARK_FAILED);
}

static void
wake(struct stepping *s)
{
	const struct fsm_step *cell = tables_cell(&s->m->tables, is_init(s),
	    s->step.next, is_init(s) ? FSM_INIT_EV_WAIT : FSM_EXEC_EV_WAIT);

	require(s, !(cell->actions & BIT(ADD_WAITER)), RULE_REPLY,
	    "wakes where others would wait");
	require(s, s->step.next != s->from, RULE_REPLY,
	    "wakes though nothing has changed");
	require(s, !self(s)->waiters || knows_end(s), RULE_REPLY,
	    "wakes with nothing to tell");
	if (self(s)->waiters)
		s->m->useful[is_init(s)][s->from][s->event] |= BIT(WAKE);
	self(s)->waiters = 0;
}

/* ---- operations ---- */

static void
begin(struct stepping *s)
{
	struct proc *p = self(s);

	take(s);
	require(s, p->op == NO_OP, RULE_STATE, "two operations at a time");
	p->op = (uint8_t)s->action;
	if (s->action == FSM_ACT_OP_PAUSE)
		s->w->frozen = true;
}

static void
end_op(struct stepping *s)
{
	self(s)->op = NO_OP;
	s->replied = true;
}

static void
reply_ok(struct stepping *s)
{
	struct proc *p = self(s);
	bool deletes = p->op == FSM_ACT_OP_DELETE || p->op == FSM_ACT_OP_CLEAN;

	require(s, p->op != NO_OP, RULE_REQUEST, "there is no operation");
	require(s,
	    stepping_is_success(s) ||
		(!is_init(s) && s->event == FSM_EXEC_EV_GONE && deletes),
	    RULE_REPLY, "it has not succeeded");
	if (deletes)
		p->marks |= MARK_TOLD;
	if (p->op == FSM_ACT_OP_RESUME)
		s->w->frozen = false;
	end_op(s);
}

static void
reply_err(struct stepping *s)
{
	struct proc *p = self(s);

	require(s, p->op != NO_OP, RULE_REQUEST, "there is no operation");
	require(s, is_event(s, FSM_INIT_EV_OP_FAIL, FSM_EXEC_EV_OP_FAIL),
	    RULE_REPLY, "it has not failed");
	if (p->op == FSM_ACT_OP_PAUSE)
		s->w->frozen = false;
	end_op(s);
}

/* Delete ends what comes to be; what was created is asked to be stopped first.
 */
static bool
asks_for_abort(const struct stepping *s)
{
	uint8_t op = self(s)->op;

	if (is_event(s, FSM_INIT_EV_KILL9, FSM_EXEC_EV_KILL9))
		return true;
	if (is_init(s) && s->event == FSM_INIT_EV_DELETE)
		return op == FSM_ACT_OP_CREATE || op == FSM_ACT_OP_PREPARE;
	return is_kill9(s) || (is_init(s) && s->event == FSM_INIT_EV_CANCEL);
}

static void
abort_op(struct stepping *s)
{
	require(s,
	    (asks_for_abort(s) && is_launch(self(s)->op)) ||
		(is_kill9(s) && self(s)->op == FSM_ACT_OP_PAUSE),
	    RULE_DEATH, "aborts what goes on");
}

/* ---- ends ---- */

/* A container whose sandbox is stopped may live on, as after a Kill: nothing is
 * built on its death. */
static void
kill_process(struct stepping *s)
{
	bool stop = is_init(s) && s->event == FSM_INIT_EV_STOP_POD;

	require(s,
	    self(s)->life == LIFE_ALIVE && !(self(s)->marks & MARK_KILLED) &&
		(stop ||
		    is_event(s, FSM_INIT_EV_DELETE, FSM_EXEC_EV_OP_OK_DEAD)),
	    RULE_DEATH, "kills what may live, or kills it again");
	require_thaw(s);
	if (!stop)
		self(s)->marks |= MARK_KILLED;
}

static void
kill_rest(struct stepping *s)
{
	require(s, is_init(s) && self(s)->life == LIFE_DEAD, RULE_DEATH,
	    "kills what lives with a living init");
	for (unsigned i = 1; i <= s->m->execs; i++) {
		if (s->w->p[i].life == LIFE_ALIVE)
			s->w->p[i].marks |= MARK_KILLED;
	}
}

static void
thaw(struct stepping *s)
{
	require(s,
	    s->step.actions & BIT(KILL_REST) ||
		(is_kill9(s) && may_be_frozen(s)),
	    RULE_DEATH, "thaws what is not to die");
	if (s->w->frozen)
		s->m->useful[1][s->from][s->event] |= BIT(THAW);
	s->w->frozen = false;
}

static void
record_exit(struct stepping *s)
{
	struct proc *p = self(s);

	require(s, p->life == LIFE_DEAD && !(p->marks & MARK_RECORDED),
	    RULE_EXIT, "records an exit that was not");
	p->marks |= MARK_RECORDED;
	if (is_init(s))
		step_rule(s, FSM_RULE_INIT_DEAD);
}

/* What would have made the process failed, or is no longer wanted. */
static bool
never_runs(const struct stepping *s)
{
	const struct proc *p = self(s);

	if (!is_init(s))
		return s->event == FSM_EXEC_EV_OP_FAIL &&
		       p->op == FSM_ACT_OP_EXEC;
	if (s->event == FSM_INIT_EV_DELETE)
		return p->life == LIFE_NONE && !(p->marks & MARK_FAILED);
	return s->event == FSM_INIT_EV_OP_FAIL &&
	       (p->op == FSM_ACT_OP_CREATE || p->op == FSM_ACT_OP_PREPARE);
}

static void
record_failed(struct stepping *s)
{
	require(s, never_runs(s), RULE_EXIT, "records a failure that was not");
	self(s)->marks |= MARK_FAILED;
}

static void
remember(struct stepping *s)
{
	require(s, is_deleted(s) && self(s)->marks & MARK_TOLD, RULE_RETRY,
	    "remembers what was not told");
	self(s)->marks |= MARK_STONE;
}

static void
forget(struct stepping *s)
{
	struct proc *p = self(s);

	require(s, p->op == NO_OP && p->waiters == 0, RULE_REQUEST,
	    "somebody still waits");
	if (!is_init(s))
		return;
	for (unsigned i = 1; i <= s->m->execs; i++) {
		if (s->w->p[i].state != ABSENT)
			step_event(s->m, s->w, i, FSM_EXEC_EV_GONE, NULL);
	}
}

/* ---- events ---- */

static void
mark_once(struct stepping *s, enum mark mark, uint16_t needs)
{
	struct proc *p = self(s);
	uint16_t later = (uint16_t)((MARK_DELETED << 1) - mark);

	require(s, (p->marks & needs) == needs, RULE_ORDER, "told too early");
	require(s, !(p->marks & later), RULE_ORDER, "told too late, or twice");
	p->marks |= (uint16_t)mark;
}

static bool
is_success_of(const struct stepping *s, uint64_t ops)
{
	return stepping_is_success(s) && self(s)->op != NO_OP &&
	       FSM_ACTION_BIT(self(s)->op) & ops;
}

static void
pub_create(struct stepping *s)
{
	require(s,
	    is_init(s) && is_success_of(s, BIT(OP_CREATE) | BIT(OP_PREPARE)),
	    RULE_ORDER, "nothing was created");
	mark_once(s, MARK_CREATED, 0);
}

static void
pub_exec_added(struct stepping *s)
{
	require(s, !is_init(s) && s->event == FSM_EXEC_EV_ADD, RULE_ORDER,
	    "nothing was added");
	mark_once(s, MARK_CREATED, 0);
}

static void
pub_start(struct stepping *s)
{
	require(s,
	    is_success_of(s, BIT(OP_START) | BIT(OP_RESTORE) | BIT(OP_EXEC)),
	    RULE_ORDER, "nothing was started");
	require(s, !(s->w->p[0].marks & MARK_EXITED), RULE_ACROSS,
	    "starts after init's exit");
	mark_once(s, MARK_STARTED, MARK_CREATED);
}

static void
tell_paused(struct stepping *s, bool paused)
{
	require(s,
	    is_success_of(s, paused ? BIT(OP_PAUSE) : BIT(OP_RESUME)) &&
		self(s)->life == LIFE_ALIVE && s->w->paused != paused,
	    RULE_ORDER, "nothing was paused or resumed");
	s->w->paused = paused;
}

static void
pub_paused(struct stepping *s)
{
	tell_paused(s, true);
}

static void
pub_resumed(struct stepping *s)
{
	tell_paused(s, false);
}

static void
pub_oom(struct stepping *s)
{
	require(s,
	    is_init(s) && s->event == FSM_INIT_EV_OOM &&
		(self(s)->marks & (MARK_CREATED | MARK_EXITED)) == MARK_CREATED,
	    RULE_OOM, "tells of an OOM out of place");
	s->oom_told = true;
}

static void
pub_init_exit(struct stepping *s)
{
	mark_once(s, MARK_EXITED, MARK_CREATED | MARK_RECORDED);
	for (unsigned i = 1; i <= s->m->execs; i++) {
		uint16_t marks = s->w->p[i].marks;
		require(s, !(marks & MARK_STARTED) || marks & MARK_EXITED,
		    RULE_ACROSS, "an exec's exit is not out");
	}
}

static void
pub_exit(struct stepping *s)
{
	require(s, self(s)->waiters == 0, RULE_EXIT,
	    "told before those who wait for it");
	if (is_init(s)) {
		pub_init_exit(s);
		return;
	}
	require(s, !(s->w->p[0].marks & MARK_EXITED), RULE_ACROSS,
	    "exits after its init");
	mark_once(s, MARK_EXITED, MARK_STARTED | MARK_RECORDED);
}

static void
pub_delete(struct stepping *s)
{
	struct proc *p = self(s);

	require(s, is_init(s) && is_success_of(s, BIT(OP_DELETE)), RULE_ORDER,
	    "nothing was deleted");
	mark_once(s, MARK_DELETED,
	    p->life == LIFE_NONE ? MARK_CREATED : MARK_CREATED | MARK_EXITED);
}

static void
ask_execs(struct stepping *s)
{
	require(s, is_init(s), RULE_ACROSS, "only init asks");
	step_rule(s, FSM_RULE_INIT_ASKS);
}

static void
exec_begin(struct stepping *s)
{
	require(s, !is_init(s), RULE_ACROSS, "only an exec begins");
	step_rule(s, FSM_RULE_EXEC_BEGIN);
}

static void
exec_end(struct stepping *s)
{
	require(s, !is_init(s) && self(s)->marks & (MARK_EXITED | MARK_FAILED),
	    RULE_ACROSS, "its exit is not out");
	step_rule(s, FSM_RULE_EXEC_END);
}

/* ---- the list ---- */

typedef void action_fn(struct stepping *s);

static action_fn *const doers[FSM_ACTIONS] = {
	[FSM_ACT_ABORT_OP] = abort_op,
	[FSM_ACT_KILL_PROCESS] = kill_process,
	[FSM_ACT_RECORD_EXIT] = record_exit,
	[FSM_ACT_RECORD_FAILED] = record_failed,
	[FSM_ACT_EXEC_BEGIN] = exec_begin,
	[FSM_ACT_OP_CREATE] = begin,
	[FSM_ACT_OP_PREPARE] = begin,
	[FSM_ACT_OP_START] = begin,
	[FSM_ACT_OP_RESTORE] = begin,
	[FSM_ACT_OP_PAUSE] = begin,
	[FSM_ACT_OP_RESUME] = begin,
	[FSM_ACT_OP_UPDATE] = begin,
	[FSM_ACT_OP_CHECKPOINT] = begin,
	[FSM_ACT_OP_DELETE] = begin,
	[FSM_ACT_OP_EXEC] = begin,
	[FSM_ACT_OP_CLEAN] = begin,
	[FSM_ACT_PUB_CREATE] = pub_create,
	[FSM_ACT_PUB_EXEC_ADDED] = pub_exec_added,
	[FSM_ACT_PUB_START] = pub_start,
	[FSM_ACT_PUB_PAUSED] = pub_paused,
	[FSM_ACT_PUB_RESUMED] = pub_resumed,
	[FSM_ACT_PUB_DELETE] = pub_delete,
	[FSM_ACT_OP_REPLY_OK] = reply_ok,
	[FSM_ACT_OP_REPLY_ERR] = reply_err,
	[FSM_ACT_ADMIT] = admit,
	[FSM_ACT_SIGNAL] = send_signal,
	[FSM_ACT_SIGNAL_ALL] = signal_all,
	[FSM_ACT_RESIZE] = take,
	[FSM_ACT_CLOSE_STDIN] = take,
	[FSM_ACT_ADD_WAITER] = add_waiter,
	[FSM_ACT_ANSWER] = answer,
	[FSM_ACT_PUB_OOM] = pub_oom,
	[FSM_ACT_KILL_REST] = kill_rest,
	[FSM_ACT_THAW] = thaw,
	[FSM_ACT_WAKE] = wake,
	[FSM_ACT_PUB_EXIT] = pub_exit,
	[FSM_ACT_ASK_EXECS] = ask_execs,
	[FSM_ACT_EXEC_END] = exec_end,
	[FSM_ACT_REMEMBER] = remember,
	[FSM_ACT_FORGET] = forget,
};

void
actions_run(struct stepping *s)
{
	for (unsigned a = 0; a < FSM_ACTIONS && !s->m->verdict.broken; a++) {
		if (!(s->step.actions & FSM_ACTION_BIT(a)))
			continue;
		s->action = (enum fsm_action)a;
		doers[a](s);
	}
}
