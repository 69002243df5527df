/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals to what lives in a sandbox.
 *
 * The sandbox is one process of the host, so there is one signal that the
 * kernel can deliver: SIGKILL to the sandbox's own container is SIGKILL to the
 * sandbox, which works whatever hangs in it. Everything else it is asked for.
 * What was created and not started has no process inside yet: it can be killed,
 * but gets no other signal.
 */
#include "shim/runsc-control.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fsm/fsm.h"
#include "oci/argv.h"
#include "oci/child.h"
#include "oci/urpc.h"
#include "shim/container.h"
#include "shim/control.h"
#include "shim/process.h"
#include "shim/refuse.h"
#include "shim/reply.h"
#include "shim/request.h"
#include "shim/runsc-ask.h"
#include "shim/runsc-freeze.h"
#include "shim/runsc-process.h"
#include "shim/runsc-sandbox.h"
#include "shim/runsc-stats.h"

#define STATUS_KILLED (128 + SIGKILL)
/* What a kill waits for a sandbox to run again. */
#define RESUME_TIME     (10 * NSEC_PER_SEC)
#define OWN_RESUME_TIME (2 * NSEC_PER_SEC)

/* gVisor's control.SignalDeliveryMode. */
enum {
	DELIVER_TO_PROCESS,
	DELIVER_TO_ALL,
};

/* ---- signals ---- */

static bool
is_own(const struct process *p)
{
	return p->is_init && p->child;
}

static bool
was_started(const struct process *p)
{
	uint8_t state = p->container->init.state;

	return state != FSM_INIT_CREATED && state != FSM_INIT_CREATED_BUSY &&
	       state != FSM_INIT_CONDEMNED;
}

/* A sandbox is not asked to kill these: its own container's process is our
 * child, and what was never started it knows no process of. */
static bool
dies_unasked(const struct process *init)
{
	return is_own(init) || !was_started(init);
}

static int
signal_spec(const struct process *p, int signal, bool all,
    struct runsc_ask_spec *ret, char **ret_arg)
{
	const struct container *c = p->container;
	struct oci_runtime runtime = container_runtime(c);
	pid_t pid = all ? 0 : p->inner_pid;

	if (asprintf(ret_arg,
		"{\"CID\":\"%s\",\"Signo\":%d,\"PID\":%d,\"Mode\":%d}", c->id,
		signal, (int)pid,
		all ? DELIVER_TO_ALL : DELIVER_TO_PROCESS) < 0)
		return -ENOMEM;
	*ret = (struct runsc_ask_spec){
		.method = "containerManager.Signal",
		.arg = *ret_arg,
	};
	return oci_argv_runsc_kill(
	    &runtime, c->id, pid, signal, all, &ret->argv);
}

/* One that the sandbox is asked to deliver. */
struct delivery {
	struct container *c;
	struct request *req; /* NULL: nobody waits for it */
	bool kills;          /* a SIGKILL to init, so it has to run */
	bool all;
	struct runsc_freeze_wait wait;
};

/* The words of the socket and of the command for a process that has ended. */
static bool
means_finished(const char *text)
{
	return strstr(text, "no such process") || strstr(text, "not running") ||
	       strstr(text, "not found") || strstr(text, "does not exist");
}

static void
delivery_failed(struct delivery *d, const struct err *err)
{
	if (d->kills)
		runsc_freeze_let_die(d->c, false);
	if (d->req)
		request_fail(d->req, err);
	free(d);
}

static void
on_signalled(
    const struct runsc_answer *answer, const struct err *ask_err, void *arg)
{
	struct delivery *d = arg;
	struct err err;

	if (answer && answer->ok) {
		if (d->req)
			request_reply(d->req, NULL, 0);
		free(d);
		return;
	}
	if (!answer)
		err = *ask_err;
	else if (means_finished(answer->refusal))
		(void)refuse_finished(&err);
	else
		(void)err_set(&err, ERR_UNKNOWN, EIO,
		    "unknown error after kill: %s", answer->refusal);
	delivery_failed(d, &err);
}

static int
deliver(
    struct delivery *d, const struct process *p, int signal, struct err *err)
{
	struct container *c = d->c;
	cleanup_free char *arg = NULL;
	struct runsc_ask_spec spec;

	int r = signal_spec(p, signal, d->all, &spec, &arg);
	if (r < 0)
		return err_set_errno(err, -r, "kill");
	return runsc_ask_start(
	    c->sandbox, &c->asks, &spec, on_signalled, d, NULL, err);
}

static void
on_resumed(const struct err *wait_err, void *arg)
{
	struct delivery *d = arg;
	struct err err;

	if (wait_err)
		err = *wait_err;
	if (wait_err || deliver(d, &d->c->init, SIGKILL, &err) < 0)
		delivery_failed(d, &err);
}

/* Nothing in a sandbox dies while it is paused: what is killed is let go. */
static int
begin_to_kill(struct delivery *d, const struct process *p, struct err *err)
{
	int r = 0;

	runsc_freeze_let_die(d->c, true);
	if (!runsc_freeze_by_command(d->c))
		r = deliver(d, p, SIGKILL, err);
	else
		runsc_freeze_start(&d->wait, RUNSC_FREEZE_RUNS, RESUME_TIME);
	if (r < 0)
		runsc_freeze_let_die(d->c, false);
	return r;
}

static int
ask_signal(struct process *p, int signal, bool all, struct request *req,
    struct err *err)
{
	struct container *c = p->container;
	struct delivery *d;

	if (!c->sandbox)
		return refuse_finished(err);
	d = malloc(sizeof(*d));
	if (!d)
		return err_set_errno(err, ENOMEM, "kill");
	*d = (struct delivery){ .c = c,
		.req = req,
		.all = all,
		.kills = p->is_init && signal == SIGKILL,
		.wait = { .c = c, .fn = on_resumed, .arg = d } };
	int r =
	    d->kills ? begin_to_kill(d, p, err) : deliver(d, p, signal, err);
	if (r < 0)
		free(d);
	return r;
}

static void
on_own_resumed(const struct err *err, void *arg)
{
	struct delivery *d = arg;

	(void)err; /* then it cannot be deleted, but it is dead */
	control_kill(&d->c->init);
	request_reply(d->req, NULL, 0);
	free(d);
}

/* runsc deletes nothing that died while its file calls it paused, so it is
 * resumed for as long as that takes. */
static bool
resume_to_kill(struct process *p, struct request *req)
{
	struct container *c = p->container;
	struct delivery *d;

	if (!is_own(p) || !c->sandbox || !runsc_freeze_by_command(c))
		return false;
	d = malloc(sizeof(*d));
	if (!d)
		return false;
	*d = (struct delivery){ .c = c,
		.req = req,
		.wait = { .c = c, .fn = on_own_resumed, .arg = d } };
	runsc_freeze_let_die(c, true);
	runsc_freeze_start(&d->wait, RUNSC_FREEZE_RUNS, OWN_RESUME_TIME);
	return true;
}

static void
kill_unasked(struct process *p, struct request *req)
{
	if (resume_to_kill(p, req))
		return;
	if (is_own(p))
		control_kill(p);
	else
		runsc_process_end(p, STATUS_KILLED);
	request_reply(req, NULL, 0);
}

void
runsc_kill(struct process *p)
{
	struct err err;

	if (p->exit_seen || !p->pid)
		return;
	if (p->is_init && dies_unasked(p)) {
		kill_unasked(p, NULL);
		return;
	}
	/* Without a pid inside, as after an exec that failed in the middle, the
	 * sandbox would be asked to kill process 0, which is the init. */
	if (!p->is_init && !p->inner_pid) {
		control_kill(p);
		return;
	}
	if (ask_signal(p, SIGKILL, /* all= */ false, NULL, &err) < 0)
		log_task(LOG_LEVEL_WARN, p->container->id,
		    p->is_init ? NULL : p->id, "cannot kill: %s", err.msg);
}

void
runsc_kill_rest(struct container *c)
{
	/* Its processes have ended with its init. */
	runsc_freeze_exited(c);
}

void
runsc_thaw(struct container *c)
{
	(void)c; /* what is killed is let go with it */
}

void
runsc_signal(struct process *p, struct request *req)
{
	int signal = (int)req->signal;
	struct err err;
	int r;

	if (p->is_init && signal == SIGKILL && dies_unasked(p)) {
		kill_unasked(p, req);
		return;
	}
	if (!was_started(p))
		r = err_set(&err, ERR_FAILED_PRECONDITION, ESRCH,
		    "container was not started: failed precondition");
	else
		r = ask_signal(p, signal, /* all= */ false, req, &err);
	if (r < 0)
		request_fail(req, &err);
}

void
runsc_signal_all(struct container *c, struct request *req)
{
	struct err err;

	if (req->signal == SIGKILL &&
	    (dies_unasked(&c->init) || c->init.exit_seen))
		runsc_signal(&c->init, req);
	else if (ask_signal(&c->init, (int)req->signal, /* all= */ true, req,
		     &err) < 0)
		request_fail(req, &err);
}

/* ---- questions ---- */

struct question {
	struct container *c;
	struct request *req;
};

static int
ask_question(struct container *c, struct runsc_ask_spec *spec, runsc_ask_fn *fn,
    struct request *req, struct err *err)
{
	struct question *q = malloc(sizeof(*q));

	if (!q) {
		oci_argv_done(&spec->argv);
		return err_set_errno(err, ENOMEM, "ask the sandbox");
	}
	*q = (struct question){ .c = c, .req = req };
	int r = runsc_ask_start(c->sandbox, &c->asks, spec, fn, q, NULL, err);
	if (r < 0)
		free(q);
	return r;
}

static void
fail_question(const struct question *q, const struct runsc_answer *answer,
    const struct err *ask_err)
{
	struct err err;

	if (answer)
		(void)err_set(
		    &err, ERR_UNKNOWN, EIO, "runsc: %s", answer->refusal);
	request_fail(q->req, answer ? &err : ask_err);
}

/* The socket lists objects, the command numbers. */
static pid_t
pid_of(const cJSON *entry)
{
	const cJSON *pid = cJSON_IsObject(entry)
			       ? cJSON_GetObjectItemCaseSensitive(entry, "pid")
			       : entry;
	double value = cJSON_GetNumberValue(pid);

	return value >= 1 && value <= INT32_MAX ? (pid_t)value : 0;
}

static void
reply_processes(const struct question *q, const cJSON *list)
{
	size_t max = (size_t)cJSON_GetArraySize(list), n = 0;
	cleanup_free pid_t *pids = calloc(max + 1, sizeof(*pids));
	const cJSON *entry;
	struct err err;

	if (!pids) {
		(void)err_set_errno(&err, ENOMEM, "list processes");
		request_fail(q->req, &err);
		return;
	}
	cJSON_ArrayForEach(entry, list)
	{
		pid_t pid = pid_of(entry);
		if (pid)
			pids[n++] = pid;
	}
	/* It has ended inside, which we have yet to be told. As with
	 * runc, it is not to be taken for one that never was. */
	if (n == 0)
		pids[n++] = q->c->init.pid;
	reply_pid_list(q->req, q->c, pids, n);
}

static void
on_processes(
    const struct runsc_answer *answer, const struct err *err, void *arg)
{
	cleanup_free struct question *q = arg;

	if (answer && answer->ok)
		reply_processes(q, answer->result);
	else
		fail_question(q, answer, err);
}

/* null is Go's empty list. */
static bool
is_list(const cJSON *result)
{
	return cJSON_IsArray(result) || cJSON_IsNull(result);
}

static bool
is_event(const cJSON *result)
{
	return cJSON_IsObject(result);
}

static int
quote(const char *id, char **ret)
{
	return asprintf(ret, "\"%s\"", id) < 0 ? -ENOMEM : 0;
}

void
runsc_pids(struct container *c, struct request *req)
{
	struct oci_runtime runtime = container_runtime(c);
	struct runsc_ask_spec spec = {
		.method = "containerManager.Processes",
		.answer_max = OCI_URPC_PROCESSES_MAX,
		.fits = is_list,
	};
	cleanup_free char *arg = NULL;
	struct err err;

	/* As with runc: nobody is to take it for one that never was. */
	if (!c->sandbox || c->init.exit_seen || !was_started(&c->init)) {
		reply_pid_list(req, c, &c->init.pid, c->init.pid > 0);
		return;
	}
	int r = quote(c->id, &arg);
	if (r == 0)
		r = oci_argv_ps(&runtime, c->id, &spec.argv);
	spec.arg = arg;
	if (r < 0)
		(void)err_set_errno(&err, -r, "list processes");
	else
		r = ask_question(c, &spec, on_processes, req, &err);
	if (r < 0)
		request_fail(req, &err);
}

static void
on_stats(const struct runsc_answer *answer, const struct err *err, void *arg)
{
	cleanup_free struct question *q = arg;

	if (answer && answer->ok)
		runsc_stats_reply(q->req, q->c, answer->result);
	else
		fail_question(q, answer, err);
}

void
runsc_stats(struct container *c, struct request *req)
{
	struct oci_runtime runtime = container_runtime(c);
	struct runsc_ask_spec spec = {
		.method = "containerManager.Event",
		.older = "containerManager.Event",
		.answer_max = OCI_URPC_EVENT_MAX,
		.fits = is_event,
	};
	cleanup_free char *arg = NULL;
	struct err err;
	int r;

	if (!c->sandbox || c->init.exit_seen)
		r = err_set(&err, ERR_NOT_FOUND, ESRCH,
		    "cgroup does not exist: not found");
	else if (quote(c->id, &arg) < 0 ||
		 oci_argv_runsc_stats(&runtime, c->id, &spec.argv) < 0)
		r = err_set_errno(&err, ENOMEM, "count");
	else {
		spec.arg = arg;
		r = ask_question(c, &spec, on_stats, req, &err);
	}
	if (r < 0)
		request_fail(req, &err);
}
