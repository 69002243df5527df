/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the tables through the functions that the shim uses, and checks each
 * row on its own: rows that nothing reaches are checked here and nowhere else.
 */
#include "test/fsm/model/tables.h"

#include <stddef.h>

static const uint64_t init_serves[FSM_INIT_EVENTS] = {
	[FSM_INIT_EV_CREATE] = BIT(OP_CREATE),
	[FSM_INIT_EV_CREATE_CKPT] = BIT(OP_PREPARE),
	[FSM_INIT_EV_START] = BIT(OP_START) | BIT(OP_RESTORE),
	[FSM_INIT_EV_DELETE] = BIT(OP_DELETE) | BIT(ANSWER),
	[FSM_INIT_EV_PAUSE] = BIT(OP_PAUSE),
	[FSM_INIT_EV_RESUME] = BIT(OP_RESUME),
	[FSM_INIT_EV_UPDATE] = BIT(OP_UPDATE),
	[FSM_INIT_EV_CHECKPOINT] = BIT(OP_CHECKPOINT),
	[FSM_INIT_EV_EXEC] = BIT(ADMIT),
	[FSM_INIT_EV_KILL] = BIT(SIGNAL),
	[FSM_INIT_EV_KILL9] = BIT(SIGNAL) | BIT(ANSWER),
	[FSM_INIT_EV_KILL_ALL] = BIT(SIGNAL_ALL),
	[FSM_INIT_EV_KILL9_ALL] = BIT(SIGNAL_ALL) | BIT(ANSWER),
	[FSM_INIT_EV_WAIT] = BIT(ADD_WAITER) | BIT(ANSWER),
	[FSM_INIT_EV_QUERY] = BIT(ANSWER),
	[FSM_INIT_EV_RESIZE] = BIT(RESIZE),
	[FSM_INIT_EV_CLOSE_IO] = BIT(CLOSE_STDIN),
};

static const uint64_t exec_serves[FSM_EXEC_EVENTS] = {
	[FSM_EXEC_EV_ADD] = BIT(ANSWER),
	[FSM_EXEC_EV_START] = BIT(OP_EXEC),
	[FSM_EXEC_EV_START_DEAD] = 0,
	[FSM_EXEC_EV_DELETE] = BIT(OP_CLEAN) | BIT(ANSWER),
	[FSM_EXEC_EV_KILL] = BIT(SIGNAL),
	[FSM_EXEC_EV_KILL9] = BIT(SIGNAL) | BIT(ANSWER),
	[FSM_EXEC_EV_WAIT] = BIT(ADD_WAITER) | BIT(ANSWER),
	[FSM_EXEC_EV_QUERY] = BIT(ANSWER),
	[FSM_EXEC_EV_RESIZE] = BIT(RESIZE),
	[FSM_EXEC_EV_CLOSE_IO] = BIT(CLOSE_STDIN),
};

void
tables_load(struct tables *t)
{
	for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
		for (unsigned e = 0; e < FSM_INIT_EVENTS; e++)
			t->init[s][e] = fsm_init_step(
			    (enum fsm_init_state)s, (enum fsm_init_event)e);
	}
	for (unsigned s = 0; s < FSM_EXEC_STATES; s++) {
		for (unsigned e = 0; e < FSM_EXEC_EVENTS; e++)
			t->exec[s][e] = fsm_exec_step(
			    (enum fsm_exec_state)s, (enum fsm_exec_event)e);
	}
}

struct fsm_step *
tables_cell(struct tables *t, bool init, unsigned state, unsigned event)
{
	return init ? &t->init[state][event] : &t->exec[state][event];
}

unsigned
tables_states(bool init)
{
	return init ? (unsigned)FSM_INIT_STATES : (unsigned)FSM_EXEC_STATES;
}

unsigned
tables_events(bool init)
{
	return init ? (unsigned)FSM_INIT_EVENTS : (unsigned)FSM_EXEC_EVENTS;
}

const char *
tables_state_name(bool init, unsigned state)
{
	return init ? fsm_init_state_name((enum fsm_init_state)state)
		    : fsm_exec_state_name((enum fsm_exec_state)state);
}

const char *
tables_event_name(bool init, unsigned event)
{
	return init ? fsm_init_event_name((enum fsm_init_event)event)
		    : fsm_exec_event_name((enum fsm_exec_event)event);
}

bool
tables_is_request(bool init, unsigned event)
{
	return init ? event <= FSM_INIT_EV_CLOSE_IO
		    : event <= FSM_EXEC_EV_CLOSE_IO;
}

uint64_t
tables_serves(bool init, unsigned event)
{
	return init ? init_serves[event] : exec_serves[event];
}

/* ---- rows ---- */

static bool
is_one_bit(uint64_t set)
{
	return set && !(set & (set - 1));
}

static const char *
accepting_row_fault(
    const struct fsm_step *step, bool request, unsigned state, uint64_t serves)
{
	uint64_t taken = step->actions & TAKES_REQUEST;

	if (step->kind == FSM_WAIT)
		return !request ? "nothing is there to wait"
		       : taken  ? "takes what is to wait"
				: NULL;
	if (!step->actions && step->next == state)
		return "accepts, but does nothing";
	if (request && !is_one_bit(taken))
		return "must take the request once";
	if (taken & ~serves)
		return "serves a request that was not made";
	return NULL;
}

static const char *
row_fault(
    const struct fsm_step *step, bool request, unsigned state, uint64_t serves)
{
	switch (step->kind) {
	case FSM_GO:
	case FSM_WAIT:
		return accepting_row_fault(step, request, state, serves);
	case FSM_IGNORE:
	case FSM_REJECT:
		if (request != (step->kind == FSM_REJECT))
			return "requests are refused, other events ignored";
		break;
	case FSM_BUG:
		break;
	}
	return step->actions || step->next != state
		   ? "does something though it refuses"
		   : NULL;
}

/* NEW, of both machines. */
#define FIRST_STATE 0
_Static_assert(
    (int)FSM_INIT_NEW == FIRST_STATE && (int)FSM_EXEC_NEW == FIRST_STATE,
    "both begin with NEW");

static bool
is_urgent(bool init, unsigned event)
{
	if (init)
		return event == FSM_INIT_EV_QUERY ||
		       event == FSM_INIT_EV_WAIT ||
		       event == FSM_INIT_EV_KILL9 ||
		       event == FSM_INIT_EV_KILL9_ALL;
	return event == FSM_EXEC_EV_QUERY || event == FSM_EXEC_EV_WAIT ||
	       event == FSM_EXEC_EV_KILL9;
}

static bool
is_deleted(bool init, unsigned state)
{
	return state ==
	       (init ? (unsigned)FSM_INIT_DELETED : (unsigned)FSM_EXEC_DELETED);
}

/* Of what is served, this marks Delete. */
#define DELETES (BIT(OP_DELETE) | BIT(OP_CLEAN))

static void
check_row(const struct fsm_step *step, bool init, unsigned state,
    unsigned event, struct verdict *v)
{
	const char *state_name = tables_state_name(init, state);
	const char *event_name = tables_event_name(init, event);
	const char *fault = row_fault(step, tables_is_request(init, event),
	    state, tables_serves(init, event));

	if (fault)
		verdict_break(
		    v, RULE_ROWS, "%s, %s: %s", state_name, event_name, fault);
	if (is_deleted(init, state) && step->next != state)
		verdict_break(v, RULE_DELETED, "%s leads to %s", event_name,
		    tables_state_name(init, step->next));
	if (is_deleted(init, state) && step->kind == FSM_GO &&
	    !(tables_serves(init, event) & DELETES))
		verdict_break(v, RULE_DELETED, "%s does something", event_name);
	if (is_urgent(init, event) && state != FIRST_STATE &&
	    ((step->kind != FSM_GO && step->kind != FSM_REJECT) ||
		(step->actions & BEGINS_OP)))
		verdict_break(
		    v, RULE_AT_ONCE, "%s, %s", state_name, event_name);
}

void
tables_check(const struct tables *t, struct verdict *v)
{
	for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
		for (unsigned e = 0; e < FSM_INIT_EVENTS; e++)
			check_row(&t->init[s][e], true, s, e, v);
	}
	for (unsigned s = 0; s < FSM_EXEC_STATES; s++) {
		for (unsigned e = 0; e < FSM_EXEC_EVENTS; e++)
			check_row(&t->exec[s][e], false, s, e, v);
	}
}
