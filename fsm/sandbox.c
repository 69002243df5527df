/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that sandbox.h draws.
 */
#include "fsm/sandbox.h"

#define CELL(event, to, do)                                                    \
	[FSM_SANDBOX_EV_##event] = { FSM_SANDBOX_##to, FSM_SANDBOX_##do }

static const struct fsm_sandbox_step
    table[FSM_SANDBOX_STATES][FSM_SANDBOX_EVENTS] = {
	    [FSM_SANDBOX_CREATED] = {
		CELL(START, READY, SPAWN),
		CELL(STOP, STOPPED, WAKE),
		CELL(EXITED, CREATED, BUG),
		CELL(WAIT, CREATED, KEEP),
	    },
	    [FSM_SANDBOX_READY] = {
		CELL(START, READY, REFUSE),
		CELL(STOP, STOPPING, KILL),
		CELL(EXITED, STOPPED, WAKE),
		CELL(WAIT, READY, KEEP),
	    },
	    [FSM_SANDBOX_STOPPING] = {
		CELL(START, STOPPING, REFUSE),
		CELL(STOP, STOPPING, KILL),
		CELL(EXITED, STOPPED, WAKE),
		CELL(WAIT, STOPPING, KEEP),
	    },
	    [FSM_SANDBOX_STOPPED] = {
		CELL(START, STOPPED, REFUSE),
		CELL(STOP, STOPPED, REPLY),
		CELL(EXITED, STOPPED, BUG),
		CELL(WAIT, STOPPED, REPLY),
	    },
    };

struct fsm_sandbox_step
fsm_sandbox_step(enum fsm_sandbox_state state, enum fsm_sandbox_event event)
{
	const struct fsm_sandbox_step bug = { FSM_SANDBOX_CREATED,
		FSM_SANDBOX_BUG };

	return (unsigned)state < FSM_SANDBOX_STATES &&
		       (unsigned)event < FSM_SANDBOX_EVENTS
		   ? table[state][event]
		   : bug;
}

const char *
fsm_sandbox_state_name(enum fsm_sandbox_state state)
{
	static const char *const names[FSM_SANDBOX_STATES] = {
		[FSM_SANDBOX_CREATED] = "created",
		[FSM_SANDBOX_READY] = "running",
		[FSM_SANDBOX_STOPPING] = "stopping",
		[FSM_SANDBOX_STOPPED] = "stopped",
	};

	return (unsigned)state < FSM_SANDBOX_STATES ? names[state] : "unknown";
}
