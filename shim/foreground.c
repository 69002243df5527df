/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two things can happen first: the pid file is complete, or the command exits.
 * Both look at the pid file: if it is there the process has come to run,
 * however short; if not, the command has failed.
 */
#include "shim/foreground.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "oci/child.h"
#include "oci/file-wait.h"
#include "oci/run.h"
#include "oci/runtime-log.h"
#include "shim/container.h"
#include "shim/process.h"
#include "shim/runtime-error.h"
#include "shim/shim.h"

struct foreground {
	struct process *p;
	struct child *child; /* until it is p's */
	struct oci_file_wait *wait;
	struct event deadline;
	char *pid_file;
	const char *verb;
	char *argv0;
	off_t log_mark;
	bool timed_out, aborted;
	foreground_fn *fn;
	void *arg;
};

static bool
has_pid(const struct foreground *fg)
{
	char path[PATH_MAX];
	pid_t pid;

	return path_format(path, sizeof(path), "%s/%s",
		   fg->p->container->bundle, fg->pid_file) == 0 &&
	       file_read_pid(AT_FDCWD, path, &pid) == 0;
}

static void
settle(struct foreground *fg)
{
	oci_file_wait_free(fg->wait);
	fg->wait = NULL;
	(void)event_del(&fg->deadline);
}

static void
fail(struct foreground *fg, const struct child_exit *exit)
{
	const struct oci_run_result result = {
		.timed_out = fg->timed_out,
		.aborted = fg->aborted,
		.exit = *exit,
		.argv0 = fg->argv0,
		.output = "",
	};
	struct err err;

	runtime_error(fg->p->container, fg->verb, fg->log_mark, &result, &err);
	fg->fn(&err, fg->arg);
}

static void
on_command_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct foreground *fg = arg;
	struct process *p = fg->p;
	bool ran = has_pid(fg);

	settle(fg);
	fg->child = NULL;
	if (!ran) {
		child_free(child);
		fail(fg, exit);
		return;
	}
	process_take(p, child);
	fg->fn(NULL, fg->arg);
	process_child_exited(child, exit, p);
}

static void
on_file(void *arg)
{
	struct foreground *fg = arg;

	if (!has_pid(fg))
		return;
	settle(fg);
	process_take(fg->p, fg->child);
	fg->child = NULL;
	fg->fn(NULL, fg->arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct foreground *fg = arg;

	(void)fd;
	(void)what;
	fg->timed_out = true;
	(void)child_signal(fg->child, SIGKILL);
}

static int
begin(
    struct foreground *fg, const struct foreground_spec *spec, struct err *err)
{
	struct container *c = fg->p->container;
	const struct child_program program = {
		.argv = spec->argv,
		.fds = spec->stdio,
		.n_fds = 3,
		.deathsig = SIGKILL,
	};

	fg->pid_file = strdup(spec->pid_file);
	fg->argv0 = strdup(spec->argv[0]);
	if (!fg->pid_file || !fg->argv0)
		return err_set_errno(err, ENOMEM, "%s", spec->verb);
	int r = oci_file_wait_new(c->shim->base, PRIORITY_CHILD, c->bundle,
	    spec->pid_file, on_file, fg, &fg->wait, err);
	if (r == 0)
		r = child_spawn(c->shim->children, &program, on_command_exit,
		    fg, &fg->child, err);
	return r;
}

int
foreground_start(struct process *p, const struct foreground_spec *spec,
    foreground_fn *fn, void *arg, struct foreground **ret, struct err *err)
{
	struct foreground *fg = calloc(1, sizeof(*fg));

	if (!fg)
		return err_set_errno(err, ENOMEM, "%s", spec->verb);
	fg->p = p;
	fg->verb = spec->verb;
	fg->fn = fn;
	fg->arg = arg;
	fg->log_mark = oci_log_mark(p->container->bundle);
	(void)event_assign(
	    &fg->deadline, p->container->shim->base, -1, 0, on_deadline, fg);
	int r = begin(fg, spec, err);
	if (r < 0) {
		foreground_free(fg);
		return r;
	}
	foreground_hurry(fg, spec->timeout_ns);
	*ret = fg;
	return 0;
}

void
foreground_abort(struct foreground *fg)
{
	if (!fg->child)
		return;
	fg->aborted = true;
	(void)child_signal(fg->child, SIGKILL);
}

void
foreground_hurry(struct foreground *fg, int64_t timeout_ns)
{
	struct timeval tv = clock_timeval(timeout_ns);

	if (fg->child)
		(void)event_add(&fg->deadline, &tv);
}

void
foreground_free(struct foreground *fg)
{
	if (!fg)
		return;
	settle(fg);
	if (fg->child) {
		(void)child_signal(fg->child, SIGKILL);
		child_free(fg->child);
	}
	free(fg->pid_file);
	free(fg->argv0);
	free(fg);
}
