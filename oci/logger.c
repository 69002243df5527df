/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging binaries, from their start to their end.
 *
 * What they are given is containerd's protocol for binary:// and, with a strict
 * notion of being ready, binary-v2://. At each time a logger waits for one
 * thing besides its exit, which is its stage; one event does for all of them.
 *
 * The readiness pipe is at EOF before the exit of a logger that died can be
 * seen. A strict one's status belongs into the error, so it is given a moment.
 *
 * One that was released may be alive. It is its own owner then, as a member of
 * a list, until its exit is seen.
 */
#include "oci/logger.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "oci/argv.h"
#include "oci/child.h"
#include "oci/stdio-uri.h"

/* From a logger's silent EOF to its exit status. */
#define STATUS_NS NSEC_PER_SEC

#define N_FDS 6

enum stage {
	STARTING, /* has yet to say that it is ready */
	SILENT,   /* never will: is its exit status to be had? */
	UNREADY,  /* for good, see err */
	READY,    /* waits for nothing */
	BEFORE_TERM,
	BEFORE_KILL,
};

struct oci_logger {
	struct list link; /* among the lingering ones */
	struct list *lingering;
	struct event_base *base;
	int priority;
	struct event event;
	enum stage stage;
	struct oci_logger_times times;
	char *id, *path;
	bool strict;
	bool was_ready;
	bool closed;
	int ready; /* the pipe's read end */
	struct child *child;
	struct child_exit exit; /* once child is NULL */
	struct err err;
	oci_logger_changed_fn *changed; /* NULL: released */
	void *arg;
};

/* The pipes of one start; the first of each pair is for reading. */
struct pipes {
	int out[2], err[2], ready[2];
};

static void
logger_free(struct oci_logger *l)
{
	list_del(&l->link);
	if (event_initialized(&l->event))
		(void)event_del(&l->event);
	close_fd(&l->ready);
	child_free(l->child);
	free(l->id);
	free(l->path);
	free(l);
}

static void
tell(struct oci_logger *l)
{
	if (l->changed)
		l->changed(l->arg); /* may release l */
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/* Enters a stage, which ends by fd (-1 for none) or after ns. */
static int
enter(struct oci_logger *l, enum stage stage, int fd, int64_t ns)
{
	struct timeval tv = clock_timeval(ns);

	l->stage = stage;
	if (event_initialized(&l->event))
		(void)event_del(&l->event);
	if (event_assign(&l->event, l->base, fd, fd < 0 ? 0 : EV_READ, on_event,
		l) < 0 ||
	    event_priority_set(&l->event, l->priority) < 0 ||
	    event_add(&l->event, &tv) < 0)
		return -ENOMEM;
	return 0;
}

static void
leave(struct oci_logger *l, enum stage stage)
{
	(void)event_del(&l->event);
	l->stage = stage;
}

static void
kill_it(struct oci_logger *l)
{
	leave(l, BEFORE_KILL);
	(void)child_signal(l->child, SIGKILL);
}

/* ---- how it ended ---- */

static void
describe_exit(const struct child_exit *exit, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s %d",
	    exit->signaled ? "signal" : "exit status", exit->value);
}

static bool
expected(const struct oci_logger *l)
{
	if (l->exit.signaled)
		return l->stage == BEFORE_KILL && l->exit.value == SIGTERM;
	return l->closed && l->exit.value == 0;
}

static void
log_exit(const struct oci_logger *l)
{
	char how[32];

	describe_exit(&l->exit, how, sizeof(how));
	log_task(expected(l) ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, l->id, NULL,
	    "logging binary '%s' has ended%s: %s", l->path,
	    l->closed ? "" : " before its input", how);
}

/* ---- getting ready ---- */

static void
become_ready(struct oci_logger *l)
{
	leave(l, READY);
	close_fd(&l->ready);
	l->was_ready = true;
	if (!l->child)
		log_exit(l);
	tell(l);
}

static void
give_up_silent(struct oci_logger *l)
{
	char how[32] = "it is still running";

	leave(l, UNREADY);
	if (!l->child)
		describe_exit(&l->exit, how, sizeof(how));
	(void)err_set(&l->err, ERR_UNKNOWN, EPIPE,
	    "logging binary did not call ready: '%s': %s", l->path, how);
	tell(l);
}

static void
give_up_late(struct oci_logger *l)
{
	leave(l, UNREADY);
	(void)err_set(&l->err, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
	    "logging binary did not call ready: '%s': "
	    "context deadline exceeded",
	    l->path);
	tell(l);
}

static void
take_answer(struct oci_logger *l)
{
	char byte;

	if (read(l->ready, &byte, 1) == 1 || !l->strict)
		become_ready(l);
	else if (!l->child || enter(l, SILENT, -1, STATUS_NS) < 0)
		give_up_silent(l);
}

/* ---- ending ---- */

static void
terminate(struct oci_logger *l)
{
	(void)child_signal(l->child, SIGTERM);
	if (enter(l, BEFORE_KILL, -1, l->times.kill) < 0)
		kill_it(l);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct oci_logger *l = arg;

	(void)fd;
	switch (l->stage) {
	case STARTING:
		if (what & EV_READ)
			take_answer(l);
		else
			give_up_late(l);
		break;
	case SILENT:
		give_up_silent(l);
		break;
	case BEFORE_TERM:
		terminate(l);
		break;
	case BEFORE_KILL:
		kill_it(l);
		break;
	case UNREADY:
	case READY:
		break;
	}
}

static void
on_exit_seen(struct child *child, const struct child_exit *exit, void *arg)
{
	struct oci_logger *l = arg;

	l->exit = *exit;
	/* What becomes of one that is never ready is told by its error. */
	if (l->was_ready)
		log_exit(l);
	child_free(child);
	l->child = NULL;
	if (!l->changed) {
		logger_free(l);
		return;
	}
	if (l->stage == SILENT) {
		give_up_silent(l);
		return;
	}
	if (l->stage != STARTING)
		(void)event_del(&l->event);
	tell(l);
}

/* ---- starting ---- */

static void
pipes_done(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&p->out[i]);
		close_fd(&p->err[i]);
		close_fd(&p->ready[i]);
	}
}

/* Only our ends may be non-blocking. */
static int
pipes_open(struct pipes *p)
{
	if (pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0 ||
	    pipe2(p->ready, O_CLOEXEC) < 0)
		return -errno;
	int r = fd_set_nonblock(p->out[1], true);
	if (r == 0)
		r = fd_set_nonblock(p->err[1], true);
	return r == 0 ? fd_set_nonblock(p->ready[0], true) : r;
}

static int
make_env(const struct oci_logger_owner *owner, char *ret[3])
{
	if (asprintf(&ret[0], "CONTAINER_ID=%s", owner->id) < 0) {
		ret[0] = NULL;
		return -ENOMEM;
	}
	if (asprintf(&ret[1], "CONTAINER_NAMESPACE=%s", owner->ns) < 0) {
		ret[1] = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int
spawn(struct oci_logger *l, const struct oci_logger_owner *owner,
    const char *uri, const struct pipes *p, struct err *err)
{
	const int fds[N_FDS] = { -1, -1, -1, p->out[0], p->err[0],
		p->ready[1] };
	cleanup_argv struct oci_argv argv = { 0 };
	char *env[3] = { NULL };

	int r = oci_stdio_uri_argv(uri, l->path, &argv);
	if (r == 0)
		r = make_env(owner, env);
	if (r < 0)
		(void)err_set_errno(err, -r, "'%s'", l->path);
	struct child_program program = {
		.argv = argv.args, .envp = env, .fds = fds, .n_fds = N_FDS
	};
	if (r == 0)
		r = child_spawn(
		    owner->children, &program, on_exit_seen, l, &l->child, err);
	free(env[0]);
	free(env[1]);
	return r;
}

static int
start(struct oci_logger *l, const struct oci_logger_owner *owner,
    const char *uri, struct pipes *p, struct err *err)
{
	int r = pipes_open(p);

	if (r < 0)
		return err_set_errno(err, -r, "create pipes");
	r = spawn(l, owner, uri, p, err);
	if (r < 0)
		return r;
	l->ready = take_fd(&p->ready[0]);
	r = enter(l, STARTING, l->ready, l->times.ready);
	if (r < 0) {
		kill_it(l);
		return err_set_errno(err, -r, "watch '%s'", l->path);
	}
	return 0;
}

static struct oci_logger *
logger_new(struct event_base *base, int priority,
    const struct oci_logger_owner *owner, const char *path, bool strict)
{
	struct oci_logger *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	list_init(&l->link);
	l->lingering = owner->lingering;
	l->base = base;
	l->priority = priority;
	l->times = owner->times;
	l->strict = strict;
	l->ready = -1;
	l->id = strdup(owner->id);
	l->path = strdup(path);
	if (l->id && l->path)
		return l;
	logger_free(l);
	return NULL;
}

int
oci_logger_start(struct event_base *base, int priority,
    const struct oci_logger_owner *owner, const char *uri, const char *path,
    bool strict, oci_logger_changed_fn *changed, void *arg, int ret_fds[2],
    struct oci_logger **ret, struct err *err)
{
	struct pipes p = {
		.out = { -1, -1 }, .err = { -1, -1 }, .ready = { -1, -1 }
	};
	struct oci_logger *l = logger_new(base, priority, owner, path, strict);

	if (!l)
		return err_set_errno(err, ENOMEM, "start logging binary");
	int r = start(l, owner, uri, &p, err);
	if (r < 0) {
		(void)err_wrap(err, "failed to start logging binary");
		logger_free(l);
	} else {
		l->changed = changed;
		l->arg = arg;
		ret_fds[0] = take_fd(&p.out[1]);
		ret_fds[1] = take_fd(&p.err[1]);
		*ret = l;
	}
	pipes_done(&p);
	return r;
}

/* ---- for its owner ---- */

int
oci_logger_ready(const struct oci_logger *l, struct err *err)
{
	if (l->stage == STARTING || l->stage == SILENT)
		return 0;
	if (l->was_ready)
		return 1;
	*err = l->err;
	return -err->sys;
}

bool
oci_logger_gone(const struct oci_logger *l)
{
	return !l->child;
}

void
oci_logger_closed(struct oci_logger *l)
{
	l->closed = true;
}

void
oci_logger_end(struct oci_logger *l)
{
	l->closed = true;
	if (!l->child || l->stage != READY)
		return;
	if (enter(l, BEFORE_TERM, -1, l->times.term) < 0)
		kill_it(l);
}

void
oci_logger_release(struct oci_logger *l)
{
	if (!l)
		return;
	l->changed = NULL;
	if (!l->child) {
		logger_free(l);
		return;
	}
	list_add_tail(l->lingering, &l->link);
	if (l->was_ready)
		oci_logger_end(l);
	else
		kill_it(l);
}

void
oci_logger_free_lingering(struct list *lingering)
{
	list_for_each(i, tmp, lingering)
	{
		struct oci_logger *l = list_entry(i, struct oci_logger, link);

		if (l->stage == BEFORE_KILL)
			(void)child_signal(l->child, SIGKILL);
		logger_free(l);
	}
}
