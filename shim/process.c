/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choke point. A state changes in process_event() and nowhere else; what is
 * decided there comes from the tables in fsm/, and what it brings about is in
 * effects.c.
 */
#include "shim/process.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "fsm/fsm.h"
#include "oci/child.h"
#include "oci/stdio.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/effects.h"
#include "shim/launch.h"
#include "shim/op.h"
#include "shim/recorder.h"
#include "shim/refuse.h"
#include "shim/request.h"
#include "shim/runsc-process.h"
#include "shim/shim.h"

void
process_init(struct process *p, struct container *container, bool is_init)
{
	*p = (struct process){ .container = container,
		.is_init = is_init,
		.exit = EXIT_STATUS_UNKNOWN };
	list_init(&p->link);
	list_init(&p->waiters);
	list_init(&p->queue);
}

static void
fail_all(struct list *requests, const struct process *p)
{
	struct err err;

	(void)refuse_missing(p, &err);
	list_for_each(l, tmp, requests)
	{
		request_fail(list_entry(l, struct request, link), &err);
	}
}

void
process_done(struct process *p)
{
	struct request *req = op_release(p);
	struct err err;

	(void)refuse_missing(p, &err);
	request_fail(req, &err);
	fail_all(&p->waiters, p);
	fail_all(&p->queue, p);
	oci_stdio_free(p->io);
	runsc_process_free(p->runsc);
	child_free(p->child);
	p->child = NULL; /* what waits in its sandbox is still to be ended */
	list_del(&p->link);
	free(p->id);
	free(p->in);
	free(p->out);
	free(p->err);
	free(p->spec);
}

const char *
process_state_name(const struct process *p, uint8_t state)
{
	return p->is_init ? fsm_init_state_name((enum fsm_init_state)state)
			  : fsm_exec_state_name((enum fsm_exec_state)state);
}

const char *
process_event_name(const struct process *p, unsigned event)
{
	return p->is_init ? fsm_init_event_name((enum fsm_init_event)event)
			  : fsm_exec_event_name((enum fsm_exec_event)event);
}

static unsigned
common_event(const struct process *p, enum process_common_event event)
{
	static const uint8_t init_events[] = {
		[PROCESS_OP_OK] = FSM_INIT_EV_OP_OK,
		[PROCESS_OP_FAIL] = FSM_INIT_EV_OP_FAIL,
		[PROCESS_EXITED] = FSM_INIT_EV_EXITED,
	};
	static const uint8_t exec_events[] = {
		[PROCESS_OP_OK] = FSM_EXEC_EV_OP_OK,
		[PROCESS_OP_FAIL] = FSM_EXEC_EV_OP_FAIL,
		[PROCESS_EXITED] = FSM_EXEC_EV_EXITED,
	};

	return p->is_init ? init_events[event] : exec_events[event];
}

/* An exec may come to run when init's death has ended the others already. */
static unsigned
raised_event(const struct process *p, enum process_common_event event)
{
	if (!p->is_init && event == PROCESS_OP_OK &&
	    !fsm_rule_admits_start(p->container->rule))
		return FSM_EXEC_EV_OP_OK_DEAD;
	return common_event(p, event);
}

static struct fsm_step
step_of(const struct process *p, unsigned event)
{
	return p->is_init ? fsm_init_step((enum fsm_init_state)p->state,
				(enum fsm_init_event)event)
			  : fsm_exec_step((enum fsm_exec_state)p->state,
				(enum fsm_exec_event)event);
}

static void
record_step(
    const struct process *p, unsigned event, const struct fsm_step *step)
{
	struct record record = {
		.kind = p->is_init ? RECORD_INIT : RECORD_EXEC,
		.event = (uint8_t)event,
		.from = p->state,
		.next = step->next,
		.step = (uint8_t)step->kind,
		.process = p->slot,
		.actions = step->actions,
		.pid = (uint32_t)p->pid,
		.status = p->exit.status,
	};

	if (event == common_event(p, PROCESS_EXITED))
		record.at_ns = p->exit.at_ns;
	recorder_add(p->container->recorder, &record);
}

static void
log_step(const struct process *p, unsigned event, const struct fsm_step *step)
{
	char actions[512] = "";
	size_t n = 0;

	if (log_get_level() < LOG_LEVEL_DEBUG)
		return;
	for (unsigned a = 0; a < FSM_ACTIONS && n < sizeof(actions); a++) {
		if (step->actions & FSM_ACTION_BIT(a))
			n += (size_t)snprintf(actions + n, sizeof(actions) - n,
			    "%s%s", n ? " " : "",
			    fsm_action_name((enum fsm_action)a));
	}
	log_task(LOG_LEVEL_DEBUG, p->container->id, p->is_init ? NULL : p->id,
	    "%s --%s--> %s%s%s [%s]", process_state_name(p, p->state),
	    process_event_name(p, event), process_state_name(p, step->next),
	    step->kind == FSM_GO ? "" : " ",
	    step->kind == FSM_GO ? "" : fsm_kind_name(step->kind), actions);
}

static void
refuse(struct process *p, unsigned event, struct request *req)
{
	struct err err;

	refuse_event(p, event, &err);
	request_fail(req, &err);
}

static void
report_bug(struct process *p, unsigned event, struct request *req)
{
	struct err err;

	(void)err_set(&err, ERR_INTERNAL, 0, "impossible event %s in state %s",
	    process_event_name(p, event), process_state_name(p, p->state));
	log_task(LOG_LEVEL_ERROR, p->container->id, p->is_init ? NULL : p->id,
	    "%s, ignoring", err.msg);
	request_fail(req, &err);
}

/*
 * One step. True when a request was put back to wait, so that offering stops:
 * requests keep their order.
 */
static bool
step_once(struct process *p, unsigned event, struct request *req, bool again)
{
	struct fsm_step step = step_of(p, event);

	record_step(p, event, &step);
	log_step(p, event, &step);
	switch (step.kind) {
	case FSM_GO:
		p->state = step.next;
		effects_run(p, step.actions, req);
		return false;
	case FSM_WAIT:
		assert(req); /* only requests can wait */
		p->state = step.next;
		req->event = event;
		if (again)
			list_add_head(&p->queue, &req->link);
		else
			list_add_tail(&p->queue, &req->link);
		effects_run(p, step.actions, NULL);
		return true;
	case FSM_IGNORE:
		return false;
	case FSM_REJECT:
		refuse(p, event, req);
		return false;
	case FSM_BUG:
		report_bug(p, event, req);
		return false;
	}
	return false;
}

/* Each change of state makes waiting requests worth another look. */
static void
offer_queue(struct process *p)
{
	while (!list_empty(&p->queue)) {
		struct request *req =
		    list_entry(p->queue.next, struct request, link);
		uint8_t before = p->state;

		list_del(&req->link);
		if (step_once(p, req->event, req, /* again= */ true) &&
		    p->state == before)
			return;
	}
}

void
process_event(struct process *p, unsigned event, struct request *req)
{
	uint8_t before = p->state;

	(void)step_once(p, event, req, /* again= */ false);
	if (p->state != before)
		offer_queue(p);
}

void
process_raise(struct process *p, enum process_common_event event)
{
	process_event(p, raised_event(p, event), NULL);
}

void
process_tell_exit(struct process *p)
{
	p->exit_seen = true;
	if (p->io)
		oci_stdio_process_exited(p->io);
	container_process_exited(p->container, p);
	process_raise(p, PROCESS_EXITED);
	launch_process_exited(p->launch);
}

void
process_child_exited(
    struct child *child, const struct child_exit *exit, void *arg)
{
	struct process *p = arg;
	const struct driver *driver = p->container->driver;

	child_free(child);
	p->child = NULL;
	p->exit = (struct exit_status){
		.pid = (uint32_t)exit->pid,
		.status = child_exit_status(exit),
		.at_ns = exit->at_ns,
	};
	if (!driver->exited || driver->exited(p))
		process_tell_exit(p);
}

void
process_exited(struct process *p, uint32_t status)
{
	if (p->exit_seen)
		return;
	p->exit = (struct exit_status){
		.pid = (uint32_t)p->pid,
		.status = status,
		.at_ns = clock_realtime_ns(),
	};
	process_tell_exit(p);
}

int
process_adopt(struct process *p, pid_t pid, struct err *err)
{
	int r = child_adopt(p->container->shim->children, pid,
	    process_child_exited, p, &p->child, err);

	if (r < 0)
		return r;
	p->pid = pid;
	return 0;
}

void
process_take(struct process *p, struct child *child)
{
	child_set_owner(child, process_child_exited, p);
	p->child = child;
	p->pid = child_pid(child);
}
