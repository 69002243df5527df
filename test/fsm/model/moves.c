/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients, runtimes and kernels may do next, and nothing that they cannot:
 *
 * - A client may ask anything at any time of what is in the tables; only so
 *   many requests wait at a time.
 * - An operation ends well or badly, when it likes; nobody relies on a SIGKILL
 *   to make it end badly. Launching fails only after the process that it left
 *   behind, if any, was seen to exit. Draining does not fail.
 * - A process exits once it exists, also before the command that made it ends.
 * - OOM is heard of once the cgroup is known, as long as it exists.
 * - Create's caller may give up while Create is unanswered.
 * - The pod's sandbox may be stopped at any time.
 *
 * Inevitable are the ends of operations, for each has a deadline, and the exit
 * of what was sent SIGKILL and is not frozen.
 */
#include <string.h>

#include "test/fsm/model/world.h"

void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i <= WORLD_EXECS; i++)
		w->p[i].op = NO_OP;
	for (unsigned i = 1; i <= WORLD_EXECS; i++)
		w->p[i].state = ABSENT;
}

struct list {
	struct move *moves;
	unsigned n;
};

static void
add(struct list *l, unsigned who, unsigned event, unsigned slot,
    bool inevitable)
{
	l->moves[l->n++] = (struct move){ (uint8_t)who, (uint8_t)event,
		(uint8_t)slot, inevitable };
}

static bool
makes_process(uint8_t op)
{
	return op == FSM_ACT_OP_CREATE || op == FSM_ACT_OP_RESTORE ||
	       op == FSM_ACT_OP_EXEC;
}

static bool
is_killed(const struct world *w, unsigned who)
{
	return w->p[who].marks & MARK_KILLED && (who == 0 || !w->frozen);
}

/* ---- the world ---- */

/* What both machines have in common. */
struct common {
	unsigned ok, fail, exited;
};

static const struct common init_common = { FSM_INIT_EV_OP_OK,
	FSM_INIT_EV_OP_FAIL, FSM_INIT_EV_EXITED };
static const struct common exec_common = { FSM_EXEC_EV_OP_OK,
	FSM_EXEC_EV_OP_FAIL, FSM_EXEC_EV_EXITED };
static const struct common late_common = { FSM_EXEC_EV_OP_OK_DEAD,
	FSM_EXEC_EV_OP_FAIL, FSM_EXEC_EV_EXITED };

static const struct common *
common_events(const struct world *w, unsigned who)
{
	const struct fsm_rule rule = { w->rule_execs, w->rule_dead,
		w->rule_waits };

	if (who == 0)
		return &init_common;
	return fsm_rule_admits_start(rule) ? &exec_common : &late_common;
}

static void
list_ends(struct list *l, const struct world *w, unsigned who)
{
	const struct common *events = common_events(w, who);
	const struct proc *p = &w->p[who];

	if (p->op != NO_OP) {
		add(l, who, events->ok, 0, true);
		if (p->op != FSM_ACT_OP_CLEAN)
			add(l, who, events->fail, 0, true);
	}
	if (p->life == LIFE_ALIVE)
		add(l, who, events->exited, 0, is_killed(w, who));
	else if (p->life == LIFE_NONE && makes_process(p->op))
		add(l, who, events->exited, 0, false);
}

static void
list_init_world(struct list *l, const struct world *w)
{
	const struct proc *p = &w->p[0];

	list_ends(l, w, 0);
	if (p->marks & MARK_CREATED &&
	    (p->life != LIFE_NONE || makes_process(p->op)))
		add(l, 0, FSM_INIT_EV_OOM, 0, false);
	if (p->op == FSM_ACT_OP_CREATE || p->op == FSM_ACT_OP_PREPARE)
		add(l, 0, FSM_INIT_EV_CANCEL, 0, false);
	add(l, 0, FSM_INIT_EV_STOP_POD, 0, false);
}

/* ---- clients ---- */

static void
list_request(const struct model *m, struct list *l, const struct world *w,
    unsigned who, unsigned event, unsigned slot)
{
	const struct proc *p = &w->p[who];
	const struct fsm_step *step = who == 0
					  ? &m->tables.init[p->state][event]
					  : &m->tables.exec[p->state][event];

	if (step->kind != FSM_WAIT || p->queued < m->queue_max)
		add(l, who, event, slot, false);
}

static void
list_init_requests(const struct model *m, struct list *l, const struct world *w)
{
	for (unsigned e = 0; tables_is_request(true, e); e++) {
		if (e != FSM_INIT_EV_EXEC) {
			list_request(m, l, w, 0, e, 0);
			continue;
		}
		for (unsigned slot = 1; slot <= m->execs; slot++)
			list_request(m, l, w, 0, e, slot);
	}
}

static void
list_exec_requests(
    const struct model *m, struct list *l, const struct world *w, unsigned who)
{
	const struct fsm_rule rule = { w->rule_execs, w->rule_dead,
		w->rule_waits };

	for (unsigned e = 0; tables_is_request(false, e); e++) {
		/* Comes from the init machine. */
		if (e == FSM_EXEC_EV_ADD)
			continue;
		if (e == (fsm_rule_admits_start(rule)
				 ? (unsigned)FSM_EXEC_EV_START_DEAD
				 : (unsigned)FSM_EXEC_EV_START))
			continue;
		list_request(m, l, w, who, e, 0);
	}
}

unsigned
moves_list(const struct model *m, const struct world *w, struct move *ret)
{
	struct list l = { .moves = ret };

	if (w->p[0].state == FSM_INIT_NEW) {
		add(&l, 0, FSM_INIT_EV_CREATE, 0, false);
		add(&l, 0, FSM_INIT_EV_CREATE_CKPT, 0, false);
		return l.n;
	}
	list_init_world(&l, w);
	if (w->p[0].state == FSM_INIT_DELETED)
		return l.n;
	list_init_requests(m, &l, w);
	for (unsigned i = 1; i <= m->execs; i++) {
		if (w->p[i].state == ABSENT)
			continue;
		list_ends(&l, w, i);
		list_exec_requests(m, &l, w, i);
	}
	return l.n;
}

/* ---- making it happen ---- */

static void
happen(struct world *w, const struct move *move)
{
	const struct common *events = common_events(w, move->who);
	struct proc *p = &w->p[move->who];

	if (move->event == events->exited) {
		p->life = LIFE_DEAD;
		p->marks &= (uint16_t)~MARK_KILLED;
		if (move->who == 0)
			w->paused = false;
	} else if (move->event == events->ok && makes_process(p->op) &&
		   p->life == LIFE_NONE) {
		p->life = LIFE_ALIVE;
	}
}

/* What is deleted is freed by the loop; its slot can be used again. */
static void
bury(struct model *m, struct world *w, unsigned who)
{
	struct proc *p = &w->p[who];
	bool told = p->marks & MARK_TOLD, stone = p->marks & MARK_STONE;

	if (told != stone)
		verdict_break(&m->verdict, RULE_RETRY, "%s: %s",
		    who == 0 ? "init" : "exec",
		    told ? "told, but not remembered"
			 : "remembered, but not told");
	if (p->queued)
		verdict_break(&m->verdict, RULE_REQUEST,
		    "a request waits for what is gone");
	if (who == 0)
		return;
	memset(p, 0, sizeof(*p));
	p->op = NO_OP;
	p->state = ABSENT;
}

void
moves_apply(struct model *m, struct world *w, const struct move *move)
{
	bool init = move->who == 0;
	struct request req = { move->event, move->slot, false };

	happen(w, move);
	step_event(m, w, move->who, move->event,
	    tables_is_request(init, move->event) ? &req : NULL);
	if (m->verdict.broken)
		return;
	for (unsigned i = 1; i <= m->execs; i++) {
		if (w->p[i].state == FSM_EXEC_DELETED)
			bury(m, w, i);
	}
	if (w->p[0].state == FSM_INIT_DELETED)
		bury(m, w, 0);
	invariants_check(m, w);
}
