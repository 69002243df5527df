/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSM_FSM_H
#define FSM_FSM_H

/*
 * The state machines. Pure: a step is a function of its arguments, and nothing
 * in fsm/ calls, reads a clock, or allocates. Conditions become different
 * events before the call; no action decides a state.
 */
#include <stdbool.h>
#include <stdint.h>

enum fsm_kind {
	FSM_GO,     /* take the actions, enter the next state */
	FSM_IGNORE, /* legal, nothing to do */
	FSM_REJECT, /* the request is refused, in words that name the state */
	FSM_WAIT,   /* the request waits until the state has changed and is then
		     * stepped again; actions and next state count as in GO */
	FSM_BUG,    /* cannot happen */
};

/* ---- actions, shared by both machines ---- */

enum fsm_action {
#define ACTION(name) FSM_ACT_##name,
#include "fsm/actions.def"
#undef ACTION
	FSM_ACTIONS
};

#define FSM_ACTION_BIT(action) (UINT64_C(1) << (action))

struct fsm_step {
	enum fsm_kind kind;
	uint8_t next;     /* an enum fsm_init_state or fsm_exec_state */
	uint64_t actions; /* bits of enum fsm_action */
};

/* ---- init ---- */

enum fsm_init_state {
#define STATE(name) FSM_INIT_##name,
#define EVENT(name)
#define ROW(state, event, kind, next, actions)
#include "fsm/init.def"
#undef STATE
#undef EVENT
#undef ROW
	FSM_INIT_STATES
};

enum fsm_init_event {
#define STATE(name)
#define EVENT(name) FSM_INIT_EV_##name,
#define ROW(state, event, kind, next, actions)
#include "fsm/init.def"
#undef STATE
#undef EVENT
#undef ROW
	FSM_INIT_EVENTS
};

/* Numbers out of range (from a file) give BUG and state 0. */
struct fsm_step fsm_init_step(
    enum fsm_init_state state, enum fsm_init_event event);

/* ---- exec ---- */

enum fsm_exec_state {
#define STATE(name) FSM_EXEC_##name,
#define EVENT(name)
#define ROW(state, event, kind, next, actions)
#include "fsm/exec.def"
#undef STATE
#undef EVENT
#undef ROW
	FSM_EXEC_STATES
};

enum fsm_exec_event {
#define STATE(name)
#define EVENT(name) FSM_EXEC_EV_##name,
#define ROW(state, event, kind, next, actions)
#include "fsm/exec.def"
#undef STATE
#undef EVENT
#undef ROW
	FSM_EXEC_EVENTS
};

struct fsm_step fsm_exec_step(
    enum fsm_exec_state state, enum fsm_exec_event event);

/* ---- the container rule: what holds between the processes of a container ----
 */

struct fsm_rule {
	uint32_t execs;  /* under way: start in flight, or running */
	bool init_dead;  /* init was reaped: no exec may start */
	bool init_waits; /* init's exit is held back until execs is 0 */
};

enum fsm_rule_event {
	FSM_RULE_EXEC_BEGIN, /* an exec's start was accepted */
	FSM_RULE_EXEC_END,   /* its exit was published, or it never ran */
	FSM_RULE_INIT_DEAD,  /* init was reaped */
	FSM_RULE_INIT_ASKS,  /* init wants its exit published */
	FSM_RULE_EVENTS
};

struct fsm_rule_step {
	struct fsm_rule next;
	bool execs_gone; /* raise EXECS_GONE on the init machine, once */
	bool bug;        /* cannot happen; next is unchanged */
};

struct fsm_rule_step fsm_rule_step(
    struct fsm_rule rule, enum fsm_rule_event event);

/* True when an exec's START may be stepped; else it is START_DEAD. */
bool fsm_rule_admits_start(struct fsm_rule rule);

/* ---- what others see ---- */

/* containerd.v1.types.Status */
enum fsm_status {
	FSM_STATUS_UNKNOWN = 0,
	FSM_STATUS_CREATED = 1,
	FSM_STATUS_RUNNING = 2,
	FSM_STATUS_STOPPED = 3,
	FSM_STATUS_PAUSED = 4,
	FSM_STATUS_PAUSING = 5,
};

enum fsm_status fsm_init_status(enum fsm_init_state state);
enum fsm_status fsm_exec_status(enum fsm_exec_state state);

/* Names as in the .def files; "?" for a number out of range. */
const char *fsm_init_state_name(enum fsm_init_state state);
const char *fsm_init_event_name(enum fsm_init_event event);
const char *fsm_exec_state_name(enum fsm_exec_state state);
const char *fsm_exec_event_name(enum fsm_exec_event event);
const char *fsm_rule_event_name(enum fsm_rule_event event);
const char *fsm_action_name(enum fsm_action action);
const char *fsm_kind_name(enum fsm_kind kind);

#endif
