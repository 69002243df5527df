/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a command line to a running process.
 *
 * The command is run once the streams are ready, which a logging binary makes
 * wait. Done is a join: the command has exited with success, and the terminal,
 * if there is to be one, has arrived. Only then is the pid file read; it is
 * complete by then by the runtimes' contract.
 *
 * Failed is a join as well: the command is dead, and so is the process that it
 * left behind, whose exit was told.
 */
#include "shim/launch.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "oci/child.h"
#include "oci/console.h"
#include "oci/logger.h"
#include "oci/run.h"
#include "oci/runtime-log.h"
#include "oci/stdio.h"
#include "shim/config.h"
#include "shim/container.h"
#include "shim/control.h"
#include "shim/driver.h"
#include "shim/foreground.h"
#include "shim/process.h"
#include "shim/runtime-error.h"
#include "shim/shim.h"

/* What a terminal has left whose process is dead already. */
#define DEAD_CONSOLE_TIME (500 * NSEC_PER_MSEC)
/* From SIGKILL to the end of a process that does not hang in the kernel. */
#define DEATH_TIME (5 * NSEC_PER_SEC)

struct launch {
	struct list link; /* in the shim's launches */
	struct process *p;
	const char *verb;
	char *pid_file;
	launch_argv_fn *argv;
	launch_made_fn *made;
	launch_done_fn *done;
	void *arg;
	enum launch_child child;
	bool no_streams;
	struct oci_run *run;
	struct foreground *foreground; /* instead of run */
	struct oci_console *console;
	struct event deadline; /* of the terminal, or of what was killed */
	int master;            /* of the terminal, between arrival and use */
	off_t log_mark;
	bool ran, run_done, run_ok;
	bool failed; /* waits for the exit of a process that it left behind */
	struct err err;
};

static void
finish(struct launch *l)
{
	list_del(&l->link);
	(void)event_del(&l->deadline);
	l->p->launch = NULL;
	l->done(l->failed ? &l->err : NULL, l->arg);
}

static int
pid_file_path(const struct launch *l, char *buf, size_t size)
{
	return path_format(
	    buf, size, "%s/%s", l->p->container->bundle, l->pid_file);
}

/* What the runtime wrote, if it wrote any: 0 and a pid, or -errno. */
static int
read_pid(const struct launch *l, pid_t *ret)
{
	char path[PATH_MAX];
	int r = l->pid_file ? pid_file_path(l, path, sizeof(path)) : -ENOENT;

	return r < 0 ? r : file_read_pid(AT_FDCWD, path, ret);
}

/* The command is still at it. */
static bool
is_running(const struct launch *l)
{
	return (l->run || l->foreground) && !l->run_done;
}

static void
abort_command(struct launch *l)
{
	if (l->foreground)
		foreground_abort(l->foreground);
	else
		oci_run_abort(l->run);
}

static void
set_deadline(struct launch *l, int64_t ns)
{
	struct timeval tv = clock_timeval(ns);

	(void)event_add(&l->deadline, &tv);
}

/* Of an exec its driver wants to know more before it can be killed inside. */
static void
find_left_behind(struct launch *l)
{
	struct process *p = l->p;
	struct err ignored;
	pid_t pid;

	if (l->child != LAUNCH_NAMED || p->pid || !l->ran ||
	    read_pid(l, &pid) < 0 || process_adopt(p, pid, &ignored) < 0)
		return;
	if (l->made && !p->is_init)
		(void)l->made(p, &ignored);
}

/* A process that a failed command left behind must not outlive it. It is not
 * told of before its exit was seen, so that what is undone is undone for good.
 * Whatever its driver asks of others, our child gets SIGKILL: that comes back.
 */
static void
clear(struct launch *l)
{
	struct process *p = l->p;

	find_left_behind(l);
	oci_stdio_free(p->io);
	p->io = NULL;
	if (!p->child) {
		finish(l);
		return;
	}
	p->container->driver->kill(p);
	control_kill(p);
	set_deadline(l, DEATH_TIME);
}

/* It hangs in the kernel. Its end, if it comes, concerns nobody any more. */
static void
let_go(struct launch *l)
{
	struct process *p = l->p;

	log_task(LOG_LEVEL_WARN, p->container->id, p->is_init ? NULL : p->id,
	    "process %d of a failed %s was killed and does not end", p->pid,
	    l->verb);
	child_free(p->child);
	p->child = NULL;
	p->pid = 0;
	finish(l);
}

/* The command must be dead before anything is undone, or they would race. */
static void
fail(struct launch *l, const struct err *err)
{
	if (l->failed)
		return;
	l->failed = true;
	l->err = *err;
	if (is_running(l))
		abort_command(l);
	else
		clear(l);
}

static int
take_process(struct launch *l, struct err *err)
{
	struct process *p = l->p;
	pid_t pid;

	if (p->child || p->pid || !l->pid_file)
		return 0; /* claimed already, dead or alive, or not to be */
	int r = read_pid(l, &pid);
	if (r < 0)
		return err_set(err, ERR_UNKNOWN, -r,
		    "OCI runtime %s left no pid in %s: %s", l->verb,
		    l->pid_file, strerrordesc_np(-r));
	if (l->child == LAUNCH_FOREIGN) {
		p->pid = pid;
		return 0;
	}
	return process_adopt(p, pid, err);
}

static int
make(struct launch *l, struct err *err)
{
	int r = take_process(l, err);

	if (r == 0 && l->made)
		r = l->made(l->p, err);
	/* Not that the container is not there. */
	if (r < 0 && err->code == ERR_NOT_FOUND)
		err->code = ERR_UNKNOWN;
	return r;
}

static void
complete(struct launch *l)
{
	struct process *p = l->p;
	struct err err;
	int r = 0;

	if (!l->run_ok || (p->terminal && l->master < 0) || l->failed)
		return;
	if (p->terminal)
		r = oci_stdio_set_console_consume(
		    p->io, take_fd(&l->master), &err);
	if (r == 0)
		r = make(l, &err);
	if (r < 0) {
		fail(l, &err);
		return;
	}
	control_catch_up(p);
	finish(l);
}

static void
on_console(int master, const struct err *err, void *arg)
{
	struct launch *l = arg;

	if (err) {
		fail(l, err);
		return;
	}
	l->master = master;
	complete(l);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct launch *l = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (l->failed) {
		let_go(l);
		return;
	}
	(void)err_set(&err, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
	    "the runtime sent no terminal: context deadline exceeded");
	fail(l, &err);
}

static void
command_succeeded(struct launch *l)
{
	l->run_ok = true;
	if (l->p->terminal && l->master < 0)
		set_deadline(l, l->p->container->shim->times.console);
	complete(l);
}

static void
on_run_done(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct launch *l = arg;
	struct err err;

	(void)run;
	l->run_done = true;
	if (l->failed) {
		clear(l);
		return;
	}
	if (!result->ok) {
		runtime_error(
		    l->p->container, l->verb, l->log_mark, result, &err);
		fail(l, &err);
		return;
	}
	command_succeeded(l);
}

int
launch_open_streams(struct process *p, struct err *err)
{
	const struct task_options *o = &p->container->options;
	struct shim *shim = p->container->shim;
	const struct oci_logger_owner owner = {
		.children = shim->children,
		.lingering = &shim->loggers,
		.id = p->id,
		.ns = shim->ns,
		.times = {
			.ready = shim->config->logger_ready,
			.term = OCI_LOGGER_TERM_TIME,
			.kill = OCI_LOGGER_KILL_TIME,
		},
	};
	const struct oci_stdio_spec spec = {
		.in = p->in,
		.out = p->out,
		.err = p->err,
		.terminal = p->terminal,
		.uid = o->io_uid,
		.gid = o->io_gid,
		.logger = &owner,
	};

	if (p->io)
		return 0;
	return oci_stdio_open(shim->base, PRIORITY_PUBLISH, &spec, &p->io, err);
}

static int
open_console(struct launch *l, struct err *err)
{
	struct event_base *base = l->p->container->shim->base;

	if (!l->p->terminal)
		return 0;
	return oci_console_new(
	    base, PRIORITY_CHILD, on_console, l, &l->console, err);
}

static void
on_foreground(const struct err *err, void *arg)
{
	struct launch *l = arg;

	l->run_done = true;
	if (l->failed) {
		clear(l);
		return;
	}
	if (err) {
		fail(l, err);
		return;
	}
	command_succeeded(l);
}

static int
start_foreground(struct launch *l, const struct oci_argv *argv,
    const int stdio[3], struct err *err)
{
	struct process *p = l->p;
	const struct foreground_spec spec = {
		.verb = l->verb,
		.pid_file = l->pid_file,
		.argv = argv->args,
		.stdio = { stdio[0], stdio[1], stdio[2] },
		.timeout_ns = p->container->shim->times.runtime,
	};

	return foreground_start(
	    p, &spec, on_foreground, l, &l->foreground, err);
}

static int
start_run(struct launch *l, const struct oci_argv *argv, const int stdio[3],
    struct err *err)
{
	struct process *p = l->p;
	struct shim *shim = p->container->shim;
	struct oci_run_spec spec = {
		.argv = argv->args,
		.stdio = { stdio[0], stdio[1], stdio[2] },
		.capture = p->terminal || !p->io,
		.timeout_ns = shim->times.runtime,
	};

	return oci_run_start(shim->base, PRIORITY_CHILD, shim->children, &spec,
	    on_run_done, l, &l->run, err);
}

static int
run_command(struct launch *l, const struct oci_argv *argv, struct err *err)
{
	struct process *p = l->p;
	int stdio[3] = { -1, -1, -1 };

	if (p->io)
		oci_stdio_child_fds(p->io, stdio);
	l->log_mark = oci_log_mark(p->container->bundle);
	int r = l->child == LAUNCH_ITSELF
		    ? start_foreground(l, argv, stdio, err)
		    : start_run(l, argv, stdio, err);
	if (r < 0)
		return err_wrap(err, "OCI runtime %s failed", l->verb);
	l->ran = true;
	/* From here on it has to end as a command does. */
	if (p->io && oci_stdio_started(p->io, err) < 0)
		fail(l, err);
	return 0;
}

/* An old pid file would be taken for this command's. */
static int
remove_pid_file(const struct launch *l, struct err *err)
{
	char path[PATH_MAX];

	if (!l->pid_file)
		return 0;
	int r = pid_file_path(l, path, sizeof(path));
	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? err_set_errno(err, -r, "remove old %s", l->pid_file) : 0;
}

static int
run(struct launch *l, struct err *err)
{
	cleanup_argv struct oci_argv argv = { 0 };

	int r = open_console(l, err);
	if (r == 0)
		r = l->argv(l->p,
		    l->console ? oci_console_path(l->console) : NULL, l->arg,
		    &argv, err);
	return r < 0 ? r : run_command(l, &argv, err);
}

static void
on_streams_ready(void *arg)
{
	struct launch *l = arg;
	struct err err;

	if (oci_stdio_ready(l->p->io, &err) > 0 && run(l, &err) == 0)
		return;
	fail(l, &err);
}

static int
begin(struct launch *l, struct err *err)
{
	int r = remove_pid_file(l, err);

	if (r == 0 && l->no_streams)
		return run(l, err);
	if (r == 0)
		r = launch_open_streams(l->p, err);
	if (r == 0)
		r = oci_stdio_ready(l->p->io, err);
	if (r == 0)
		oci_stdio_on_ready(l->p->io, on_streams_ready, l);
	return r > 0 ? run(l, err) : r;
}

int
launch_start(struct process *p, const struct launch_spec *spec,
    struct launch **ret, struct err *err)
{
	struct launch *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set_errno(err, ENOMEM, "launch process");
	list_init(&l->link);
	l->p = p;
	l->verb = spec->verb;
	l->argv = spec->argv;
	l->made = spec->made;
	l->done = spec->done;
	l->arg = spec->arg;
	l->child = spec->child;
	l->no_streams = spec->no_streams;
	l->master = -1;
	(void)event_assign(
	    &l->deadline, p->container->shim->base, -1, 0, on_deadline, l);
	l->pid_file = spec->pid_file ? strdup(spec->pid_file) : NULL;
	int r = spec->pid_file && !l->pid_file
		    ? err_set_errno(err, ENOMEM, "launch process")
		    : begin(l, err);
	if (r < 0) {
		oci_stdio_free(p->io);
		p->io = NULL;
		launch_free(l);
		return r;
	}
	list_add_tail(&p->container->shim->launches, &l->link);
	p->launch = l;
	*ret = l;
	return 0;
}

void
launch_abort(struct launch *l)
{
	struct err err;

	if (!l)
		return;
	if (is_running(l)) {
		abort_command(l);
		return;
	}
	(void)err_set(&err, ERR_CANCELED, ECANCELED,
	    "OCI runtime %s was aborted: context canceled", l->verb);
	fail(l, &err);
}

void
launch_hurry(struct launch *l, int64_t timeout_ns)
{
	if (!launch_ran(l))
		launch_abort(l);
	else if (is_running(l) && l->foreground)
		foreground_hurry(l->foreground, timeout_ns);
	else if (is_running(l))
		oci_run_hurry(l->run, timeout_ns);
}

bool
launch_ran(const struct launch *l)
{
	return l && l->ran;
}

void
launch_free(struct launch *l)
{
	if (!l)
		return;
	list_del(&l->link);
	if (l->p->launch == l)
		l->p->launch = NULL;
	oci_run_free(l->run);
	foreground_free(l->foreground);
	oci_console_free(l->console);
	(void)event_del(&l->deadline);
	close_fd(&l->master);
	free(l->pid_file);
	free(l);
}

void
launch_process_exited(struct launch *l)
{
	if (!l)
		return;
	if (l->failed && l->run_done)
		finish(l);
	else if (l->run_ok)
		/* Its terminal is here by now, or never comes. */
		set_deadline(l, DEAD_CONSOLE_TIME);
}

void
launch_claim(struct list *launches, pid_t pid)
{
	struct err ignored;
	pid_t named;

	list_for_each(i, tmp, launches)
	{
		struct launch *l = list_entry(i, struct launch, link);

		if (l->child != LAUNCH_NAMED || l->p->pid ||
		    read_pid(l, &named) < 0 || named != pid)
			continue;
		(void)process_adopt(l->p, pid, &ignored);
		return;
	}
}
