/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init machine: its table, its names, and how its states look from outside.
 * All of it comes from init.def.
 */
#include "fsm/fsm.h"
#include "fsm/table-internal.h"

static const struct fsm_step table[FSM_INIT_STATES][FSM_INIT_EVENTS] = {
#define STATE(name)
#define EVENT(name)
#define ROW(state, event, kind, next, actions)                                 \
	[FSM_INIT_##state][FSM_INIT_EV_##event] =                              \
	    FSM_CELL(kind, FSM_INIT_##next, actions),
#include "fsm/init.def"
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
#include "fsm/init.def"
#undef STATE
#undef EVENT
#undef ROW
};
_Static_assert(ROWS == (int)FSM_INIT_STATES * (int)FSM_INIT_EVENTS,
    "a cell of init.def is missing");
_Static_assert(FSM_ACTIONS <= 64, "actions do not fit their bit set");

static const char *const state_names[FSM_INIT_STATES] = {
#define STATE(name) [FSM_INIT_##name] = #name,
#define EVENT(name)
#define ROW(state, event, kind, next, actions)
#include "fsm/init.def"
#undef STATE
#undef EVENT
#undef ROW
};

static const char *const event_names[FSM_INIT_EVENTS] = {
#define STATE(name)
#define EVENT(name) [FSM_INIT_EV_##name] = #name,
#define ROW(state, event, kind, next, actions)
#include "fsm/init.def"
#undef STATE
#undef EVENT
#undef ROW
};

struct fsm_step
fsm_init_step(enum fsm_init_state state, enum fsm_init_event event)
{
	const struct fsm_step outside = FSM_CELL(BUG, 0, 0);

	if (state >= FSM_INIT_STATES || event >= FSM_INIT_EVENTS)
		return outside;
	return table[state][event];
}

const char *
fsm_init_state_name(enum fsm_init_state state)
{
	return state < FSM_INIT_STATES ? state_names[state] : "?";
}

const char *
fsm_init_event_name(enum fsm_init_event event)
{
	return event < FSM_INIT_EVENTS ? event_names[event] : "?";
}

enum fsm_status
fsm_init_status(enum fsm_init_state state)
{
	switch (state) {
	case FSM_INIT_NEW:
	case FSM_INIT_CREATING:
	case FSM_INIT_PREPARING:
	case FSM_INIT_CREATED:
	case FSM_INIT_CREATED_BUSY:
	case FSM_INIT_RESTORABLE:
	case FSM_INIT_RESTORABLE_BUSY:
	case FSM_INIT_STARTING:
	case FSM_INIT_RESTORING:
		return FSM_STATUS_CREATED;
	case FSM_INIT_RUNNING:
	case FSM_INIT_RUNNING_BUSY:
	case FSM_INIT_RESUMING:
		return FSM_STATUS_RUNNING;
	case FSM_INIT_PAUSING:
		return FSM_STATUS_PAUSING;
	case FSM_INIT_PAUSED:
	case FSM_INIT_PAUSED_BUSY:
		return FSM_STATUS_PAUSED;
	case FSM_INIT_CREATING_X:
	case FSM_INIT_STARTING_X:
	case FSM_INIT_CONDEMNED:
	case FSM_INIT_BUSY_X:
	case FSM_INIT_STOPPING:
	case FSM_INIT_STOPPED:
	case FSM_INIT_DELETING:
	case FSM_INIT_DELETED:
		return FSM_STATUS_STOPPED;
	case FSM_INIT_STATES:
		break;
	}
	return FSM_STATUS_UNKNOWN;
}
