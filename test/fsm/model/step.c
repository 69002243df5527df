/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step, as the shim's process_event() takes it: the same order of entering a
 * state, carrying out actions, and offering the queue, and the same re-entry
 * when an action raises an event. Around each step it is checked that the
 * request went somewhere and that what ended was told.
 */
#include <string.h>

#include "test/fsm/model/world.h"

void
stepping_break(const struct stepping *s, enum rule rule, const char *why)
{
	bool init = s->who == 0;

	verdict_break(&s->m->verdict, rule, "%s: %s, %s: %s",
	    init ? "init" : "exec", tables_state_name(init, s->from),
	    tables_event_name(init, s->event), why);
}

/* ---- what a step must have brought about ---- */

/* The mark that a success of this operation leaves, where it leaves one. */
static const uint16_t successes[FSM_ACTIONS + 1] = {
	[FSM_ACT_OP_CREATE] = MARK_CREATED,
	[FSM_ACT_OP_PREPARE] = MARK_CREATED,
	[FSM_ACT_OP_START] = MARK_STARTED,
	[FSM_ACT_OP_RESTORE] = MARK_STARTED,
	[FSM_ACT_OP_EXEC] = MARK_STARTED,
	[FSM_ACT_OP_DELETE] = MARK_DELETED,
};

static bool
told_of_success(const struct stepping *s, const struct proc *p)
{
	uint16_t mark = successes[s->op];

	if (s->op == FSM_ACT_OP_PAUSE)
		return p->life == LIFE_DEAD || s->w->paused;
	if (s->op == FSM_ACT_OP_RESUME)
		return p->life == LIFE_DEAD || !s->w->paused;
	return (p->marks & mark) == mark;
}

/* What belongs to both machines. */
static void
check_common(const struct stepping *s, const struct proc *p)
{
	bool init = s->who == 0;
	bool ok = stepping_is_success(s);
	unsigned fail = init ? FSM_INIT_EV_OP_FAIL : FSM_EXEC_EV_OP_FAIL;
	unsigned exited = init ? FSM_INIT_EV_EXITED : FSM_EXEC_EV_EXITED;

	if ((ok || s->event == fail) && !s->replied)
		stepping_break(s, RULE_REQUEST, "who asked is not answered");
	if (ok && !told_of_success(s, p))
		stepping_break(s, RULE_ORDER, "success is not told");
	if (s->event == exited && !(p->marks & MARK_RECORDED))
		stepping_break(s, RULE_EXIT, "exit is not recorded");
}

static bool
must_abort(const struct stepping *s)
{
	if (s->event == FSM_INIT_EV_CANCEL)
		return true;
	if (s->event == FSM_INIT_EV_STOP_POD)
		return s->op == FSM_ACT_OP_CREATE ||
		       s->op == FSM_ACT_OP_PREPARE ||
		       (s->op == FSM_ACT_OP_RESTORE &&
			   s->w->p[0].life == LIFE_NONE);
	return s->event == FSM_INIT_EV_DELETE && s->step.kind == FSM_WAIT &&
	       (s->op == FSM_ACT_OP_CREATE || s->op == FSM_ACT_OP_PREPARE);
}

static void
check_init_step(const struct stepping *s, const struct proc *p)
{
	bool may_starve = s->marks & MARK_CREATED &&
			  !(s->marks & MARK_EXITED) &&
			  (p->life != LIFE_NONE || s->op == FSM_ACT_OP_RESTORE);

	if (s->event == FSM_INIT_EV_OOM && may_starve && !s->oom_told)
		stepping_break(s, RULE_OOM, "not told");
	if ((s->step.next == FSM_INIT_STOPPING && s->from != s->step.next) !=
	    !!(s->step.actions & BIT(KILL_REST)))
		stepping_break(s, RULE_DEATH,
		    "the rest is killed once, when init has been dealt with");
	if (must_abort(s) && !(s->step.actions & BIT(ABORT_OP)))
		stepping_break(s, RULE_DEATH, "create is not aborted");
	if (s->event == FSM_INIT_EV_STOP_POD && p->life == LIFE_ALIVE &&
	    !(p->marks & MARK_KILLED) && !(s->step.actions & BIT(KILL_PROCESS)))
		stepping_break(s, RULE_DEATH, "outlives its sandbox");
}

static void
check_exec_step(const struct stepping *s, const struct proc *p)
{
	if (s->event == FSM_EXEC_EV_ADD && s->step.kind == FSM_GO &&
	    !(p->marks & MARK_CREATED))
		stepping_break(s, RULE_ORDER, "adding is not told");
	if (s->event == FSM_EXEC_EV_OP_OK_DEAD && p->life == LIFE_ALIVE &&
	    !(p->marks & MARK_KILLED))
		stepping_break(s, RULE_DEATH, "runs though init is dead");
	if (s->event == FSM_EXEC_EV_GONE && p->state != FSM_EXEC_DELETED)
		stepping_break(s, RULE_STATE, "outlives its container");
}

static bool
is_dead_state(const struct stepping *s, uint8_t state)
{
	return state == (s->who == 0 ? (uint8_t)FSM_INIT_DELETED
				     : (uint8_t)FSM_EXEC_DELETED);
}

static void
check_step(const struct stepping *s)
{
	const struct proc *p = &s->w->p[s->who];
	bool dies =
	    is_dead_state(s, s->step.next) && !is_dead_state(s, s->from);

	if (dies != !!(s->step.actions & BIT(FORGET)))
		stepping_break(s, RULE_STATE,
		    "what is deleted, and nothing else, is forgotten");
	check_common(s, p);
	if (s->who == 0)
		check_init_step(s, p);
	else
		check_exec_step(s, p);
}

/* ---- process.c of the shim ---- */

static void
go(struct stepping *s)
{
	s->w->p[s->who].state = s->step.next;
	actions_run(s);
	check_step(s);
	if (s->req && !s->req->taken)
		stepping_break(s, RULE_REQUEST, "the request is lost");
}

static void
wait(struct stepping *s, bool again)
{
	struct proc *p = &s->w->p[s->who];
	struct request *req = s->req;
	unsigned at = again ? 0 : p->queued;

	p->state = s->step.next;
	if (!req) {
		stepping_break(s, RULE_ROWS, "nothing is there to wait");
		return;
	}
	if (p->queued == QUEUE_MAX) {
		stepping_break(s, RULE_ROWS, "waits though it was not to");
		return;
	}
	memmove(&p->queue[at + 1], &p->queue[at],
	    (p->queued - at) * sizeof(p->queue[0]));
	p->queue[at] = (struct waiting){ (uint8_t)s->event, req->slot };
	p->queued++;
	req->taken = true;
	s->req = NULL;
	actions_run(s);
	check_step(s);
}

/* True when a request was put back to wait. */
static bool
step_once(struct model *m, struct world *w, unsigned who, unsigned event,
    struct request *req, bool again)
{
	struct proc *p = &w->p[who];
	struct stepping s = { .m = m,
		.w = w,
		.who = who,
		.event = event,
		.from = p->state,
		.step = *tables_cell(&m->tables, who == 0, p->state, event),
		.req = req,
		.op = p->op,
		.marks = p->marks };

	if (who == 0)
		m->seen_init[p->state][event] = true;
	else
		m->seen_exec[p->state][event] = true;
	switch (s.step.kind) {
	case FSM_GO:
		go(&s);
		return false;
	case FSM_WAIT:
		wait(&s, again);
		return true;
	case FSM_IGNORE:
		check_step(&s);
		if (req)
			stepping_break(&s, RULE_REQUEST, "a request is lost");
		return false;
	case FSM_REJECT:
		check_step(&s);
		if (req)
			req->taken = true;
		return false;
	case FSM_BUG:
		stepping_break(&s, RULE_BUG, "reached");
		return false;
	}
	return false;
}

/* Right tables offer each request once for each change of state. */
#define OFFERS_MAX 32

static void
offer_queue(struct model *m, struct world *w, unsigned who)
{
	struct proc *p = &w->p[who];
	unsigned offers = 0;

	while (p->queued && !m->verdict.broken) {
		struct request req = { p->queue[0].event, p->queue[0].slot,
			false };
		uint8_t before = p->state;

		if (++offers > OFFERS_MAX) {
			verdict_break(&m->verdict, RULE_PROGRESS,
			    "a request is offered for ever");
			return;
		}
		p->queued--;
		memmove(&p->queue[0], &p->queue[1],
		    p->queued * sizeof(p->queue[0]));
		p->queue[p->queued] = (struct waiting){ 0, 0 };
		if (step_once(m, w, who, req.event, &req, /* again= */ true) &&
		    p->state == before)
			return;
	}
}

void
step_event(struct model *m, struct world *w, unsigned who, unsigned event,
    struct request *req)
{
	uint8_t before = w->p[who].state;

	(void)step_once(m, w, who, event, req, /* again= */ false);
	if (w->p[who].state != before)
		offer_queue(m, w, who);
}
