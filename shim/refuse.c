/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error texts of refused requests. The tables say THAT a request is refused;
 * the words depend only on what was asked and on how the state looks from
 * outside. Codes: an illegal state is UNKNOWN in the Go shim, what is not there
 * is NOT_FOUND.
 */
#include "shim/refuse.h"

#include <errno.h>

#include "fsm/fsm.h"
#include "shim/container.h"
#include "shim/process.h"

int
refuse_missing_container(struct err *ret)
{
	return err_set(
	    ret, ERR_NOT_FOUND, ENOENT, "container not created: not found");
}

int
refuse_missing_exec(const char *exec_id, struct err *ret)
{
	return err_set(ret, ERR_NOT_FOUND, ENOENT,
	    "process does not exist %s: not found", exec_id);
}

int
refuse_missing(const struct process *p, struct err *ret)
{
	return p->is_init ? refuse_missing_container(ret)
			  : refuse_missing_exec(p->id, ret);
}

int
refuse_finished(struct err *ret)
{
	return err_set(
	    ret, ERR_NOT_FOUND, ESRCH, "process already finished: not found");
}

/* How the Go shim names a state in its errors. */
static const char *
state_word(const struct process *p)
{
	enum fsm_status status =
	    p->is_init ? fsm_init_status((enum fsm_init_state)p->state)
		       : fsm_exec_status((enum fsm_exec_state)p->state);

	switch (status) {
	case FSM_STATUS_UNKNOWN:
		break;
	case FSM_STATUS_CREATED:
		return "created";
	case FSM_STATUS_RUNNING:
		return "running";
	case FSM_STATUS_STOPPED:
		return "stopped";
	case FSM_STATUS_PAUSED:
	case FSM_STATUS_PAUSING:
		return "paused";
	}
	return "unknown";
}

static void
illegal(struct err *ret, const char *what, const char *word, const char *noun)
{
	(void)err_set(
	    ret, ERR_UNKNOWN, EPERM, "cannot %s a %s %s", what, word, noun);
}

/* Pause and the like name a created container in a sentence of their own. */
static void
illegal_task(const struct process *p, struct err *ret, const char *what,
    const char *task)
{
	if (fsm_init_status((enum fsm_init_state)p->state) ==
	    FSM_STATUS_CREATED)
		(void)err_set(ret, ERR_UNKNOWN, EPERM,
		    "cannot %s %s in created state", what, task);
	else
		illegal(ret, what, state_word(p), "container");
}

static bool
not_there_yet(const struct process *p)
{
	return p->state == FSM_INIT_CREATING ||
	       p->state == FSM_INIT_CREATING_X ||
	       p->state == FSM_INIT_PREPARING;
}

static void
refuse_init_kill(const struct process *p, struct err *ret)
{
	if (p->state == FSM_INIT_RESTORABLE ||
	    p->state == FSM_INIT_RESTORABLE_BUSY)
		(void)err_set(
		    ret, ERR_NOT_FOUND, ESRCH, "no such container: not found");
	else
		(void)refuse_finished(ret);
}

static void
refuse_init(const struct process *p, enum fsm_init_event event, struct err *ret)
{
	bool again =
	    event == FSM_INIT_EV_CREATE || event == FSM_INIT_EV_CREATE_CKPT;

	if (p->state == FSM_INIT_DELETED || (not_there_yet(p) && !again)) {
		(void)refuse_missing_container(ret);
		return;
	}
	switch (event) {
	case FSM_INIT_EV_CREATE:
	case FSM_INIT_EV_CREATE_CKPT:
		(void)err_set(ret, ERR_ALREADY_EXISTS, EEXIST,
		    "id %s: already exists", p->id);
		return;
	case FSM_INIT_EV_START:
		illegal(ret, "start", state_word(p), "process");
		return;
	case FSM_INIT_EV_DELETE:
		illegal(ret, "delete", state_word(p), "process");
		return;
	case FSM_INIT_EV_PAUSE:
		illegal_task(p, ret, "pause", "task");
		return;
	case FSM_INIT_EV_RESUME:
		if (fsm_init_status((enum fsm_init_state)p->state) ==
		    FSM_STATUS_RUNNING)
			illegal(ret, "resume", "running", "process");
		else
			illegal_task(p, ret, "resume", "task");
		return;
	case FSM_INIT_EV_UPDATE:
		illegal(ret, "update", state_word(p), "container");
		return;
	case FSM_INIT_EV_CHECKPOINT:
		illegal_task(p, ret, "checkpoint", "a task");
		return;
	case FSM_INIT_EV_EXEC:
		(void)err_set(ret, ERR_UNKNOWN, EPERM,
		    "cannot exec in a %s state", state_word(p));
		return;
	case FSM_INIT_EV_KILL:
	case FSM_INIT_EV_KILL9:
	case FSM_INIT_EV_KILL_ALL:
	case FSM_INIT_EV_KILL9_ALL:
		refuse_init_kill(p, ret);
		return;
	case FSM_INIT_EV_WAIT:
	case FSM_INIT_EV_QUERY:
	case FSM_INIT_EV_RESIZE:
	case FSM_INIT_EV_CLOSE_IO:
	case FSM_INIT_EV_OP_OK:
	case FSM_INIT_EV_OP_FAIL:
	case FSM_INIT_EV_EXITED:
	case FSM_INIT_EV_EXECS_GONE:
	case FSM_INIT_EV_OOM:
	case FSM_INIT_EV_CANCEL:
	case FSM_INIT_EV_STOP_POD:
	case FSM_INIT_EVENTS:
		(void)refuse_missing_container(ret);
		return;
	}
}

static void
refuse_exec_kill(const struct process *p, struct err *ret)
{
	if (p->state == FSM_EXEC_ADDED)
		(void)err_set(ret, ERR_FAILED_PRECONDITION, EPERM,
		    "process not created: failed precondition");
	else
		(void)refuse_finished(ret);
}

static void
refuse_exec(const struct process *p, enum fsm_exec_event event, struct err *ret)
{
	if (p->state == FSM_EXEC_DELETED) {
		(void)refuse_missing_exec(p->id, ret);
		return;
	}
	switch (event) {
	case FSM_EXEC_EV_ADD:
		(void)err_set(ret, ERR_ALREADY_EXISTS, EEXIST,
		    "id %s: already exists", p->id);
		return;
	case FSM_EXEC_EV_START_DEAD:
		if (p->state == FSM_EXEC_ADDED) {
			(void)err_set(ret, ERR_FAILED_PRECONDITION, EPERM,
			    "container %s init process is not running: "
			    "failed precondition",
			    p->container->id);
			return;
		}
		illegal(ret, "start", state_word(p), "process");
		return;
	case FSM_EXEC_EV_START:
		illegal(ret, "start", state_word(p), "process");
		return;
	case FSM_EXEC_EV_DELETE:
		illegal(ret, "delete", state_word(p), "process");
		return;
	case FSM_EXEC_EV_KILL:
	case FSM_EXEC_EV_KILL9:
		refuse_exec_kill(p, ret);
		return;
	case FSM_EXEC_EV_RESIZE:
		illegal(ret, "resize", state_word(p), "container");
		return;
	case FSM_EXEC_EV_WAIT:
	case FSM_EXEC_EV_QUERY:
	case FSM_EXEC_EV_CLOSE_IO:
	case FSM_EXEC_EV_OP_OK:
	case FSM_EXEC_EV_OP_OK_DEAD:
	case FSM_EXEC_EV_OP_FAIL:
	case FSM_EXEC_EV_EXITED:
	case FSM_EXEC_EV_GONE:
	case FSM_EXEC_EVENTS:
		(void)refuse_missing_exec(p->id, ret);
		return;
	}
}

void
refuse_event(const struct process *p, unsigned event, struct err *ret)
{
	if (p->is_init)
		refuse_init(p, (enum fsm_init_event)event, ret);
	else
		refuse_exec(p, (enum fsm_exec_event)event, ret);
}
