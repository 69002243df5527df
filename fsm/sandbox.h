/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSM_SANDBOX_H
#define FSM_SANDBOX_H

/*
 * The machine of a sandbox (containerd's Sandbox service): one process that
 * holds the namespaces of a pod, from CreateSandbox to its end. Pure, as all of
 * fsm/.
 *
 *             START        STOP            EXITED        WAIT
 *   CREATED   READY spawn  STOPPED wake    bug           keep
 *   READY     refuse       STOPPING kill   STOPPED wake  keep
 *   STOPPING  refuse       kill            STOPPED wake  keep
 *   STOPPED   refuse       reply           bug           reply
 */

enum fsm_sandbox_state {
	FSM_SANDBOX_CREATED,
	FSM_SANDBOX_READY,
	FSM_SANDBOX_STOPPING,
	FSM_SANDBOX_STOPPED,
	FSM_SANDBOX_STATES
};

enum fsm_sandbox_event {
	FSM_SANDBOX_EV_START, /* once its process is there */
	FSM_SANDBOX_EV_STOP,
	FSM_SANDBOX_EV_EXITED, /* its process is dead */
	FSM_SANDBOX_EV_WAIT,
	FSM_SANDBOX_EVENTS
};

/* What a step asks for. */
enum fsm_sandbox_action {
	FSM_SANDBOX_SPAWN,  /* the process is this sandbox's: answer */
	FSM_SANDBOX_REPLY,  /* answer */
	FSM_SANDBOX_KILL,   /* end the process, and keep the request until it is
			     * dead */
	FSM_SANDBOX_KEEP,   /* keep the request until it is dead */
	FSM_SANDBOX_WAKE,   /* answer what was kept, and the request */
	FSM_SANDBOX_REFUSE, /* not in this state */
	FSM_SANDBOX_BUG,    /* cannot happen */
};

struct fsm_sandbox_step {
	enum fsm_sandbox_state next;
	enum fsm_sandbox_action action;
};

/* Numbers out of range give BUG and the state CREATED. */
struct fsm_sandbox_step fsm_sandbox_step(
    enum fsm_sandbox_state state, enum fsm_sandbox_event event);

const char *fsm_sandbox_state_name(enum fsm_sandbox_state state);

#endif
