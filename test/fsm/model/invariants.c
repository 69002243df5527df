/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each state means, in terms that the machines know nothing of: which
 * operations may be in flight, whether there is a process, and what has been
 * told. A state that is entered for another reason than it stands for is found
 * here.
 */
#include "test/fsm/model/world.h"

struct meaning {
	uint64_t ops;   /* one of these is in flight; 0: none */
	unsigned lives; /* bits of enum life */
	uint16_t has;   /* marks */
	uint16_t lacks; /* marks */
	bool paused;
};

#define NONE  (1U << LIFE_NONE)
#define ALIVE (1U << LIFE_ALIVE)
#define DEAD  (1U << LIFE_DEAD)

#define C MARK_CREATED
#define S MARK_STARTED
#define X MARK_EXITED
#define D MARK_DELETED
#define R MARK_RECORDED
#define F MARK_FAILED
#define K MARK_KILLED

static const struct meaning init_meanings[FSM_INIT_STATES] = {
	[FSM_INIT_NEW] = { 0, NONE, 0, C, false },
	[FSM_INIT_CREATING] = { BIT(OP_CREATE), NONE, 0, C, false },
	[FSM_INIT_CREATING_X] = { BIT(OP_CREATE), DEAD, R, C, false },
	[FSM_INIT_PREPARING] = { BIT(OP_PREPARE), NONE, 0, C, false },
	[FSM_INIT_CREATED] = { 0, ALIVE, C, S | K, false },
	[FSM_INIT_CREATED_BUSY] = { BIT(OP_UPDATE), ALIVE, C, S | K, false },
	[FSM_INIT_CONDEMNED] = { 0, ALIVE, C | K, S, false },
	[FSM_INIT_RESTORABLE] = { 0, NONE, C, S, false },
	[FSM_INIT_RESTORABLE_BUSY] = { BIT(OP_UPDATE), NONE, C, S, false },
	[FSM_INIT_STARTING] = { BIT(OP_START), ALIVE, C, S | K, false },
	[FSM_INIT_STARTING_X] = { BIT(OP_START) | BIT(OP_RESTORE), DEAD, C | R,
	    S | X, false },
	[FSM_INIT_RESTORING] = { BIT(OP_RESTORE), NONE, C, S, false },
	[FSM_INIT_RUNNING] = { 0, ALIVE, C | S, K, false },
	[FSM_INIT_RUNNING_BUSY] = { BIT(OP_UPDATE) | BIT(OP_CHECKPOINT), ALIVE,
	    C | S, K, false },
	[FSM_INIT_PAUSING] = { BIT(OP_PAUSE), ALIVE, C | S, K, false },
	[FSM_INIT_PAUSED] = { 0, ALIVE, C | S, K, true },
	[FSM_INIT_PAUSED_BUSY] = { BIT(OP_UPDATE) | BIT(OP_CHECKPOINT), ALIVE,
	    C | S, K, true },
	[FSM_INIT_RESUMING] = { BIT(OP_RESUME), ALIVE, C | S, K, true },
	[FSM_INIT_BUSY_X] = { BIT(OP_UPDATE) | BIT(OP_CHECKPOINT) |
				  BIT(OP_PAUSE) | BIT(OP_RESUME),
	    DEAD, C | R, X, false },
	[FSM_INIT_STOPPING] = { 0, DEAD, C | R, X, false },
	[FSM_INIT_STOPPED] = { 0, NONE | DEAD, C, D, false },
	[FSM_INIT_DELETING] = { BIT(OP_DELETE), NONE | DEAD, C, D, false },
	[FSM_INIT_DELETED] = { 0, NONE | DEAD, 0, 0, false },
};

static const struct meaning exec_meanings[FSM_EXEC_STATES] = {
	[FSM_EXEC_NEW] = { 0, 0, 0, 0, false }, /* lasts for no step */
	[FSM_EXEC_ADDED] = { 0, NONE, C, S | F, false },
	[FSM_EXEC_STARTING] = { BIT(OP_EXEC), NONE, C, S | F, false },
	[FSM_EXEC_STARTING_X] = { BIT(OP_EXEC), DEAD, C | R, S | F, false },
	[FSM_EXEC_RUNNING] = { 0, ALIVE, C | S, F, false },
	[FSM_EXEC_FAILED] = { 0, NONE | DEAD, C | F, S, false },
	[FSM_EXEC_STOPPED] = { 0, DEAD, C | S | X | R, F, false },
	[FSM_EXEC_DELETING] = { BIT(OP_CLEAN), NONE | DEAD, C, 0, false },
	[FSM_EXEC_DELETED] = { 0, 0, 0, 0, false }, /* lasts for no step */
};

static const char *
fault_of(const struct meaning *meaning, const struct proc *p)
{
	uint64_t op = p->op == NO_OP ? 0 : FSM_ACTION_BIT(p->op);

	if (meaning->ops ? !(meaning->ops & op) : op != 0)
		return "another operation is in flight";
	if (!(meaning->lives >> p->life & 1))
		return "its process is in another state";
	if ((p->marks & meaning->has) != meaning->has)
		return "something was not told";
	if (p->marks & meaning->lacks)
		return "something was told too early";
	return NULL;
}

bool
world_is_over(const struct proc *p, bool init)
{
	if (init)
		return p->state == FSM_INIT_STOPPED ||
		       p->state == FSM_INIT_DELETING ||
		       p->state == FSM_INIT_DELETED;
	return p->state == FSM_EXEC_FAILED || p->state == FSM_EXEC_STOPPED ||
	       p->state == FSM_EXEC_DELETING;
}

/* Whose exit is to be told: of what was said to exist, or to run. */
static bool
owes_exit(const struct proc *p, bool init)
{
	uint16_t told = init ? MARK_CREATED : MARK_STARTED;

	return p->life == LIFE_DEAD && p->marks & told &&
	       !(p->marks & MARK_EXITED);
}

static bool
owes_delete(const struct proc *p)
{
	return p->state == FSM_INIT_DELETED &&
	       (p->marks & (MARK_CREATED | MARK_DELETED)) == MARK_CREATED;
}

/* Where Wait is answered at once, nobody waits but for a running operation. */
static bool
forgets_waiters(const struct model *m, const struct proc *p, bool init)
{
	uint64_t wait =
	    init ? m->tables.init[p->state][FSM_INIT_EV_WAIT].actions
		 : m->tables.exec[p->state][FSM_EXEC_EV_WAIT].actions;

	return p->waiters && p->op == NO_OP && !(wait & BIT(ADD_WAITER));
}

static void
check_proc(struct model *m, const struct proc *p, bool init)
{
	const struct meaning *meaning =
	    init ? &init_meanings[p->state] : &exec_meanings[p->state];
	const char *state = tables_state_name(init, p->state);
	const char *fault = fault_of(meaning, p);

	if (fault)
		verdict_break(
		    &m->verdict, RULE_STATE, "in %s: %s", state, fault);
	if (world_is_over(p, init) && owes_exit(p, init))
		verdict_break(&m->verdict, RULE_EXIT, "not told in %s", state);
	if (init && owes_delete(p))
		verdict_break(&m->verdict, RULE_ORDER, "delete is not told");
	if (forgets_waiters(m, p, init))
		verdict_break(&m->verdict, RULE_PROGRESS,
		    "waiters are forgotten in %s", state);
}

static unsigned
execs_under_way(const struct model *m, const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= m->execs; i++)
		n += w->p[i].state == FSM_EXEC_STARTING ||
		     w->p[i].state == FSM_EXEC_STARTING_X ||
		     w->p[i].state == FSM_EXEC_RUNNING;
	return n;
}

void
invariants_check(struct model *m, const struct world *w)
{
	const struct proc *init = &w->p[0];

	check_proc(m, init, true);
	for (unsigned i = 1; i <= m->execs; i++) {
		if (w->p[i].state != ABSENT)
			check_proc(m, &w->p[i], false);
		if (w->p[i].state != ABSENT && init->state == FSM_INIT_DELETED)
			verdict_break(&m->verdict, RULE_STATE,
			    "an exec outlives its container");
	}
	if (w->paused != init_meanings[init->state].paused)
		verdict_break(&m->verdict, RULE_STATE, "in %s: paused or not?",
		    tables_state_name(true, init->state));
	if (w->frozen && init->life == LIFE_DEAD && init->op == NO_OP)
		verdict_break(&m->verdict, RULE_DEATH, "the dead stay frozen");
	if (w->rule_execs != execs_under_way(m, w))
		verdict_break(&m->verdict, RULE_ACROSS,
		    "the container rule has lost count");
}

/* ---- progress ---- */

bool
progress_needed(const struct model *m, const struct world *w)
{
	bool needed = owes_exit(&w->p[0], true);

	for (unsigned i = 0; i <= m->execs; i++)
		needed |= w->p[i].queued > 0;
	return needed;
}

static unsigned
weight(const struct proc *p)
{
	bool makes = p->op == FSM_ACT_OP_CREATE ||
		     p->op == FSM_ACT_OP_RESTORE || p->op == FSM_ACT_OP_EXEC;

	return 4U * p->queued + (p->op != NO_OP) + makes +
	       (p->life == LIFE_ALIVE);
}

unsigned
progress_left(const struct model *m, const struct world *w)
{
	unsigned left = 0;

	for (unsigned i = 0; i <= m->execs; i++)
		left += weight(&w->p[i]);
	return left;
}
