/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `runsc exec` ends with 128 when it fails itself, as when its sandbox dies,
 * and a process may end with 128, too. Which it was is known once it is known
 * whether the sandbox lives: its sockets close a moment before it is dead to
 * those who watch, so a 128 is held back for a moment. So is what `runsc wait`
 * could not tell.
 */
#include "shim/runsc-process.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "oci/argv.h"
#include "oci/run.h"
#include "oci/urpc.h"
#include "shim/container.h"
#include "shim/process.h"
#include "shim/runsc-control.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

#define STATUS_RUNSC_FAILED 128
#define STATUS_KILLED       (128 + SIGKILL)

/* From closed sockets to a dead process. */
#define GRACE (500 * NSEC_PER_MSEC)

struct runsc_process {
	struct process *p;
	struct event grace;
	struct oci_urpc *call; /* Wait, for as long as it runs */
	struct oci_run *run;   /* the same by command */
	bool unknown;          /* neither could tell */
	char *why;             /* that is, or NULL */
};

static void
on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct runsc_process *self = arg;
	struct process *p = self->p;

	(void)fd;
	(void)what;
	if (p->exit_seen)
		return;
	if (!self->unknown) {
		process_tell_exit(p);
		return;
	}
	log_task(LOG_LEVEL_WARN, p->container->id, NULL,
	    "its exit status cannot be known: %s",
	    self->why ? self->why : "out of memory");
	process_exited(p, STATUS_RUNSC_FAILED);
}

static struct runsc_process *
get(struct process *p)
{
	if (p->runsc)
		return p->runsc;
	struct runsc_process *self = calloc(1, sizeof(*self));
	if (!self)
		return NULL;
	self->p = p;
	(void)event_assign(
	    &self->grace, p->container->shim->base, -1, 0, on_grace, self);
	p->runsc = self;
	return self;
}

void
runsc_process_free(struct runsc_process *self)
{
	if (!self)
		return;
	(void)event_del(&self->grace);
	free(self->why);
	oci_urpc_free(self->call);
	oci_run_free(self->run);
	free(self);
}

void
runsc_process_end(struct process *p, uint32_t status)
{
	struct runsc_process *self = get(p);

	p->exit = (struct exit_status){
		.pid = (uint32_t)p->pid,
		.status = status,
		.at_ns = clock_realtime_ns(),
	};
	if (self)
		event_active(&self->grace, 0, 0);
	else
		process_tell_exit(p);
}

/* ---- children ---- */

static bool
exec_exited(struct process *p)
{
	const struct timeval tv = clock_timeval(GRACE);

	if (p->exit.status != STATUS_RUNSC_FAILED)
		return true;
	if (runsc_sandbox_is_dead(p->container->sandbox)) {
		p->exit.status = STATUS_KILLED;
		return true;
	}
	struct runsc_process *self = get(p);
	if (!self)
		return true;
	(void)event_add(&self->grace, &tv);
	return false;
}

bool
runsc_process_exited(struct process *p)
{
	struct container *c = p->container;

	if (!p->is_init)
		return !c->sandbox || exec_exited(p);
	if (c->sandbox)
		runsc_sandbox_died(c->sandbox, c);
	return true;
}

/* ---- another container's exit ---- */

static int await_by_command(struct runsc_process *self, struct err *err);

/* A sandbox that dies hangs up first, on a command as well. One that lives is
 * asked to kill what nobody can wait for. */
static void
give_up(struct runsc_process *self, const struct err *err)
{
	const struct timeval tv = clock_timeval(GRACE);
	struct process *p = self->p;

	if (runsc_sandbox_is_dead(p->container->sandbox)) {
		process_exited(p, STATUS_KILLED);
		return;
	}
	runsc_kill(p);
	self->unknown = true;
	free(self->why);
	self->why = strdup(err->msg);
	if (event_add(&self->grace, &tv) < 0)
		on_grace(-1, 0, self);
}

static void
on_wait_done(
    struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct runsc_process *self = arg;
	cJSON *json = result->ok ? cJSON_Parse(result->output) : NULL;
	double status = cJSON_GetNumberValue(
	    cJSON_GetObjectItemCaseSensitive(json, "exitStatus"));
	struct err err;

	cJSON_Delete(json);
	oci_run_describe(result, &err);
	oci_run_free(run);
	self->run = NULL;
	if (status >= 0 && status <= 255)
		process_exited(self->p, (uint32_t)status);
	else
		give_up(self, &err);
}

static int
await_by_command(struct runsc_process *self, struct err *err)
{
	const struct container *c = self->p->container;
	struct oci_runtime runtime = container_runtime(c);
	cleanup_argv struct oci_argv argv = { 0 };

	int r = oci_argv_runsc_wait(&runtime, c->id, &argv);
	if (r < 0)
		return err_set_errno(err, -r, "runsc wait");
	const struct oci_run_spec spec = {
		.argv = argv.args,
		.stdio = { -1, -1, -1 },
		.capture = true,
	};
	return oci_run_start(c->shim->base, PRIORITY_CHILD, c->shim->children,
	    &spec, on_wait_done, self, &self->run, err);
}

/* As waitpid(2) gives it. */
static bool
is_wait_status(const cJSON *result)
{
	double status = cJSON_GetNumberValue(result);

	return status >= 0 && status <= UINT16_MAX;
}

static uint32_t
status_of_wait(int status)
{
	return WIFSIGNALED(status) ? 128U + (uint32_t)WTERMSIG(status)
				   : (uint32_t)WEXITSTATUS(status);
}

static void
on_wait_reply(
    const struct oci_urpc_reply *reply, const struct err *urpc_err, void *arg)
{
	struct runsc_process *self = arg;
	struct runsc_sandbox *sandbox = self->p->container->sandbox;
	struct err err;

	if (reply && reply->success && is_wait_status(reply->result)) {
		process_exited(
		    self->p, status_of_wait((int)reply->result->valuedouble));
		return;
	}
	/* A sandbox that died hangs up; its death tells the rest. */
	if (runsc_sandbox_is_dead(sandbox))
		return;
	if (reply && reply->success) {
		oci_urpc_misunderstood(&err);
		urpc_err = &err;
		reply = NULL;
	}
	if (!reply)
		runsc_sandbox_distrust(sandbox, urpc_err);
	if (await_by_command(self, &err) < 0)
		give_up(self, &err);
}

static int
await_by_socket(struct runsc_process *self, struct err *err)
{
	const struct container *c = self->p->container;
	cleanup_free char *arg = NULL;

	/* An id needs no escapes. */
	if (asprintf(&arg, "\"%s\"", c->id) < 0)
		return err_set_errno(err, ENOMEM, "await exit");
	const struct oci_urpc_spec spec = {
		.peer = c->sandbox->peer,
		.method = "containerManager.Wait",
		.arg = arg,
	};
	return oci_urpc_call(c->shim->base, PRIORITY_CHILD, &spec,
	    on_wait_reply, self, &self->call, err);
}

int
runsc_process_await(struct process *p, struct err *err)
{
	struct runsc_process *self = get(p);

	if (!self)
		return err_set_errno(err, ENOMEM, "await exit");
	if (p->container->sandbox->use_socket) {
		if (await_by_socket(self, err) == 0)
			return 0;
		runsc_sandbox_distrust(p->container->sandbox, err);
	}
	return await_by_command(self, err);
}
