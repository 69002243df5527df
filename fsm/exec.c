/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exec machine: its table, its names, and how its states look from outside.
 * All of it comes from exec.def.
 */
#include "fsm/fsm.h"
#include "fsm/table-internal.h"

static const struct fsm_step table[FSM_EXEC_STATES][FSM_EXEC_EVENTS] = {
#define STATE(name)
#define EVENT(name)
#define ROW(state, event, kind, next, actions)                                 \
	[FSM_EXEC_##state][FSM_EXEC_EV_##event] =                              \
	    FSM_CELL(kind, FSM_EXEC_##next, actions),
#include "fsm/exec.def"
#undef STATE
#undef EVENT
#undef ROW
};

/*
 * With a count that is right and no cell named twice (-Werror=override-init),
 * every cell is there exactly once.
 */
enum {
	ROWS = 0
#define STATE(name)
#define EVENT(name)
#define ROW(state, event, kind, next, actions) +1
#include "fsm/exec.def"
#undef STATE
#undef EVENT
#undef ROW
};
_Static_assert(ROWS == (int)FSM_EXEC_STATES * (int)FSM_EXEC_EVENTS,
    "a cell of exec.def is missing");
_Static_assert(FSM_ACTIONS <= 64, "actions do not fit their bit set");

static const char *const state_names[FSM_EXEC_STATES] = {
#define STATE(name) [FSM_EXEC_##name] = #name,
#define EVENT(name)
#define ROW(state, event, kind, next, actions)
#include "fsm/exec.def"
#undef STATE
#undef EVENT
#undef ROW
};

static const char *const event_names[FSM_EXEC_EVENTS] = {
#define STATE(name)
#define EVENT(name) [FSM_EXEC_EV_##name] = #name,
#define ROW(state, event, kind, next, actions)
#include "fsm/exec.def"
#undef STATE
#undef EVENT
#undef ROW
};

struct fsm_step
fsm_exec_step(enum fsm_exec_state state, enum fsm_exec_event event)
{
	const struct fsm_step outside = FSM_CELL(BUG, 0, 0);

	if (state >= FSM_EXEC_STATES || event >= FSM_EXEC_EVENTS)
		return outside;
	return table[state][event];
}

const char *
fsm_exec_state_name(enum fsm_exec_state state)
{
	return state < FSM_EXEC_STATES ? state_names[state] : "?";
}

const char *
fsm_exec_event_name(enum fsm_exec_event event)
{
	return event < FSM_EXEC_EVENTS ? event_names[event] : "?";
}

enum fsm_status
fsm_exec_status(enum fsm_exec_state state)
{
	switch (state) {
	case FSM_EXEC_NEW:
	case FSM_EXEC_ADDED:
	case FSM_EXEC_STARTING:
		return FSM_STATUS_CREATED;
	case FSM_EXEC_RUNNING:
		return FSM_STATUS_RUNNING;
	case FSM_EXEC_STARTING_X:
	case FSM_EXEC_FAILED:
	case FSM_EXEC_STOPPED:
	case FSM_EXEC_DELETING:
	case FSM_EXEC_DELETED:
		return FSM_STATUS_STOPPED;
	case FSM_EXEC_STATES:
		break;
	}
	return FSM_STATUS_UNKNOWN;
}
