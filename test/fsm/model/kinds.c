/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests a state accepts, derived from what is known of the runtimes
 * and of containerd's own shim, and not from the tables.
 *
 * Known are the states at rest. For a state in which something is in flight two
 * things follow: it ends in one of two states at rest, and a request that is
 * welcome in one of these waits, while one that is welcome in neither is
 * refused at once. Of what is being created nothing can be asked but its end.
 */
#include "test/fsm/model/tables.h"

#define INIT(name) (UINT32_C(1) << FSM_INIT_EV_##name)
#define EXEC(name) (UINT32_C(1) << FSM_EXEC_EV_##name)

/* ---- init ---- */

#define KILLS_ALL (INIT(KILL_ALL) | INIT(KILL9_ALL))
#define KILLS     (INIT(KILL) | INIT(KILL9) | KILLS_ALL)
#define ALWAYS    (INIT(WAIT) | INIT(QUERY) | INIT(RESIZE) | INIT(CLOSE_IO))

/* At rest. */
#define CREATED                                                                \
	(INIT(START) | INIT(DELETE) | INIT(UPDATE) | INIT(EXEC) | KILLS |      \
	    ALWAYS)
#define RESTORABLE (INIT(START) | INIT(DELETE) | INIT(UPDATE) | ALWAYS)
#define RUNNING                                                                \
	(INIT(PAUSE) | INIT(UPDATE) | INIT(CHECKPOINT) | INIT(EXEC) | KILLS |  \
	    ALWAYS)
#define PAUSED  (INIT(RESUME) | INIT(UPDATE) | INIT(CHECKPOINT) | KILLS | ALWAYS)
#define STOPPED (INIT(DELETE) | KILLS_ALL | ALWAYS)
#define DELETED INIT(DELETE) /* whoever asked twice is told twice */

/* What comes to be: its end may be waited for, and brought about. */
#define UNBORN (INIT(DELETE) | INIT(KILL9) | INIT(KILL9_ALL) | ALWAYS)

struct outlook {
	uint32_t ends[2]; /* what is welcome where this may lead */
	uint32_t now;     /* what is served at once, in so far as welcome */
	uint32_t again;   /* the verb in flight: asked twice, it waits */
};

#define SERVED                                                                 \
	(INIT(EXEC) | KILLS | ALWAYS) /* begins nothing, where it may be done  \
				       */
#define REST(set)                                                              \
	{                                                                      \
		{ (set), (set) }, (set), 0                                     \
	}
#define FLIGHT(one, other, again)                                              \
	{                                                                      \
		{ (one), (other) }, SERVED, (again)                            \
	}

static const struct outlook init_outlooks[FSM_INIT_STATES] = {
	[FSM_INIT_NEW] = REST(INIT(CREATE) | INIT(CREATE_CKPT)),
	[FSM_INIT_CREATING] = FLIGHT(UNBORN, UNBORN, 0),
	[FSM_INIT_CREATING_X] = FLIGHT(UNBORN, UNBORN, 0),
	[FSM_INIT_PREPARING] = FLIGHT(UNBORN, UNBORN, 0),
	/* Deleted alive: it must die first. */
	[FSM_INIT_CREATED] = { { CREATED, CREATED }, CREATED & ~INIT(DELETE),
	    0 },
	[FSM_INIT_CREATED_BUSY] = FLIGHT(CREATED, CREATED, 0),
	[FSM_INIT_CONDEMNED] = FLIGHT(STOPPED | KILLS, STOPPED | KILLS, 0),
	[FSM_INIT_RESTORABLE] = REST(RESTORABLE),
	[FSM_INIT_RESTORABLE_BUSY] = FLIGHT(RESTORABLE, RESTORABLE, 0),
	[FSM_INIT_STARTING] = FLIGHT(CREATED, RUNNING, INIT(START)),
	[FSM_INIT_STARTING_X] = FLIGHT(STOPPED, STOPPED, INIT(START)),
	[FSM_INIT_RESTORING] = FLIGHT(
	    RESTORABLE | INIT(KILL9) | INIT(KILL9_ALL), RUNNING, INIT(START)),
	[FSM_INIT_RUNNING] = REST(RUNNING),
	[FSM_INIT_RUNNING_BUSY] = FLIGHT(RUNNING, RUNNING, 0),
	[FSM_INIT_PAUSING] = FLIGHT(RUNNING, PAUSED, 0),
	[FSM_INIT_PAUSED] = REST(PAUSED),
	[FSM_INIT_PAUSED_BUSY] = FLIGHT(PAUSED, PAUSED, 0),
	[FSM_INIT_RESUMING] = FLIGHT(PAUSED, RUNNING, 0),
	[FSM_INIT_BUSY_X] = FLIGHT(STOPPED, STOPPED, 0),
	[FSM_INIT_STOPPING] = FLIGHT(STOPPED, STOPPED, 0),
	[FSM_INIT_STOPPED] = REST(STOPPED),
	/* Nothing is left to be killed; what was asked of it is still known. */
	[FSM_INIT_DELETING] = FLIGHT(DELETED | ALWAYS, DELETED | ALWAYS, 0),
	[FSM_INIT_DELETED] = REST(DELETED),
};

/* ---- exec ---- */

#define EXEC_ALWAYS  (EXEC(WAIT) | EXEC(QUERY) | EXEC(CLOSE_IO))
#define EXEC_ADDED   (EXEC(START) | EXEC(DELETE) | EXEC(RESIZE) | EXEC_ALWAYS)
#define EXEC_RUNNING (EXEC(KILL) | EXEC(KILL9) | EXEC(RESIZE) | EXEC_ALWAYS)
#define EXEC_STOPPED (EXEC(DELETE) | EXEC_ALWAYS)
#define EXEC_SERVED                                                            \
	(EXEC(KILL9) | EXEC(RESIZE) | EXEC_ALWAYS) /* KILL: of nothing yet */
#define EXEC_START_AGAIN (EXEC(START) | EXEC(START_DEAD))

static const struct outlook exec_outlooks[FSM_EXEC_STATES] = {
	[FSM_EXEC_NEW] = REST(EXEC(ADD)),
	[FSM_EXEC_ADDED] = REST(EXEC_ADDED),
	[FSM_EXEC_STARTING] = { { EXEC_STOPPED | EXEC(KILL9) | EXEC(RESIZE),
				    EXEC_RUNNING },
	    EXEC_SERVED, EXEC_START_AGAIN },
	/* Its start is not told yet, so its terminal may still be asked for. */
	[FSM_EXEC_STARTING_X] = { { EXEC_STOPPED | EXEC(RESIZE),
				      EXEC_STOPPED | EXEC(RESIZE) },
	    EXEC_SERVED, EXEC_START_AGAIN },
	[FSM_EXEC_RUNNING] = REST(EXEC_RUNNING),
	[FSM_EXEC_FAILED] = REST(EXEC_STOPPED),
	[FSM_EXEC_STOPPED] = REST(EXEC_STOPPED),
	[FSM_EXEC_DELETING] = { { EXEC_STOPPED, EXEC_STOPPED }, EXEC_SERVED,
	    0 },
	[FSM_EXEC_DELETED] = REST(EXEC(DELETE)),
};

/* ---- both ---- */

static enum fsm_kind
expected(const struct outlook *outlook, bool is_new, uint32_t event)
{
	uint32_t all = outlook->ends[0] & outlook->ends[1];
	uint32_t any = outlook->ends[0] | outlook->ends[1] | outlook->again;

	if (all & outlook->now & event)
		return FSM_GO;
	if (any & event)
		return FSM_WAIT;
	return is_new ? FSM_BUG : FSM_REJECT;
}

static void
check_kind(const struct fsm_step *step, bool init, unsigned state,
    unsigned event, struct verdict *v)
{
	const struct outlook *outlook =
	    init ? &init_outlooks[state] : &exec_outlooks[state];
	enum fsm_kind kind =
	    expected(outlook, state == 0, UINT32_C(1) << event);

	if (step->kind != kind)
		verdict_break(v, RULE_KINDS, "%s, %s is %s, expected %s",
		    tables_state_name(init, state),
		    tables_event_name(init, event), fsm_kind_name(step->kind),
		    fsm_kind_name(kind));
}

void
tables_check_kinds(const struct tables *t, struct verdict *v)
{
	for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
		for (unsigned e = 0; tables_is_request(true, e); e++)
			check_kind(&t->init[s][e], true, s, e, v);
	}
	for (unsigned s = 0; s < FSM_EXEC_STATES; s++) {
		for (unsigned e = 0; tables_is_request(false, e); e++)
			check_kind(&t->exec[s][e], false, s, e, v);
	}
}
