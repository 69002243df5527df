/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a runtime command: a join of two events, "reaped" and "output at
 * EOF", under a deadline.
 *
 * Neither of the two alone is the end: output read only up to the exit would be
 * cut, and EOF may never come, when the runtime left a process behind that
 * holds the pipe. One timer serves every phase: while the process runs it is
 * the deadline; after our SIGKILL the patience with a process that cannot die
 * (blocked in the kernel); after the exit the patience with the pipe.
 *
 * The program around this ignores SIGPIPE: a runtime need not read its input.
 */
#include "oci/run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define OUTPUT_KEPT      65536
#define READS_PER_TURN   8
#define EOF_PATIENCE_NS  (500 * NSEC_PER_MSEC)
#define KILL_PATIENCE_NS (2 * NSEC_PER_SEC)
#define OUTPUT_IN_ERROR  700
#define NEVER            INT64_MAX

struct oci_run {
	struct event_base *base;
	int priority;
	struct child *child;
	struct event output_event, input_event, timer;
	int output_fd, input_fd;
	char *output;
	bool overflowed;
	char *input;
	size_t input_len, input_done;
	int64_t deadline_at, patience_at; /* monotonic, NEVER when not set */
	bool killed, reaped, complete;
	char *argv0;
	struct oci_run_result result;
	oci_run_fn *done;
	void *arg;
};

static int64_t
from_now(int64_t ns)
{
	int64_t now = clock_monotonic_ns();

	return ns > NEVER - now ? NEVER : now + ns;
}

static void
set_timer(struct oci_run *run, int64_t at)
{
	if (at == NEVER)
		return;
	int64_t left = at - clock_monotonic_ns();
	if (left < 0)
		left = 0;
	struct timeval tv = clock_timeval(left);
	if (event_add(&run->timer, &tv) < 0)
		log_debug("no memory for the deadline of a runtime command");
}

static void
close_output(struct oci_run *run)
{
	if (run->output_fd < 0)
		return;
	(void)event_del(&run->output_event);
	close_fd(&run->output_fd);
}

static void
close_input(struct oci_run *run)
{
	if (run->input_fd < 0)
		return;
	(void)event_del(&run->input_event);
	close_fd(&run->input_fd);
}

/* The owner may free the run in here. */
static void
complete(struct oci_run *run)
{
	struct oci_run_result *result = &run->result;

	run->complete = true;
	close_output(run);
	close_input(run);
	(void)event_del(&run->timer);
	if (run->output) {
		run->output[result->output_len] = '\0';
		result->output = run->output;
	}
	result->ok = !result->timed_out && !result->aborted &&
		     child_exit_status(&result->exit) == 0;
	run->done(run, result, run->arg);
}

static void
complete_if_over(struct oci_run *run)
{
	if (run->reaped && run->output_fd < 0)
		complete(run);
}

static void
on_child_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct oci_run *run = arg;

	(void)child;
	run->reaped = true;
	run->result.exit = *exit;
	run->patience_at = from_now(EOF_PATIENCE_NS);
	set_timer(run, run->deadline_at < run->patience_at ? run->deadline_at
							   : run->patience_at);
	complete_if_over(run);
}

/* *ret_cause is set unless the process was dead already. */
static void
kill_child(struct oci_run *run, bool *ret_cause)
{
	if (child_signal(run->child, SIGKILL) == 0)
		*ret_cause = true;
	run->killed = true;
	run->deadline_at = NEVER;
	run->patience_at = from_now(KILL_PATIENCE_NS);
	set_timer(run, run->patience_at);
}

/* The process will die of SIGKILL, just not now: the sweep will reap it. */
static void
give_up(struct oci_run *run)
{
	run->result.exit = (struct child_exit){
		.pid = child_pid(run->child),
		.signaled = true,
		.value = SIGKILL,
		.at_ns = clock_realtime_ns(),
	};
	child_free(run->child);
	run->child = NULL;
	run->reaped = true;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct oci_run *run = arg;

	(void)fd;
	(void)what;
	if (!run->reaped && !run->killed) {
		kill_child(run, &run->result.timed_out);
		return;
	}
	if (!run->reaped)
		give_up(run);
	complete(run);
}

/*
 * A runtime that writes without end would keep the loop at our priority for
 * itself. What is only dropped can come last.
 */
static void
demote_output(struct oci_run *run)
{
	int last = event_base_get_npriorities(run->base) - 1;

	run->overflowed = true;
	(void)event_del(&run->output_event);
	(void)event_priority_set(&run->output_event, last);
	if (event_add(&run->output_event, NULL) < 0)
		close_output(run);
}

/* One read: its count, 0 at EOF, -errno. */
static ssize_t
read_output(struct oci_run *run)
{
	char dropped[4096];
	size_t room = OUTPUT_KEPT - run->result.output_len;
	char *to = room ? run->output + run->result.output_len : dropped;
	ssize_t n = read(run->output_fd, to, room ? room : sizeof(dropped));

	if (n < 0)
		return -errno;
	if (room)
		run->result.output_len += (size_t)n;
	return n;
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct oci_run *run = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = read_output(run);

		if (n == -EAGAIN)
			return;
		if (n <= 0 && n != -EINTR) {
			close_output(run);
			complete_if_over(run);
			return;
		}
	}
	if (!run->overflowed && run->result.output_len == OUTPUT_KEPT)
		demote_output(run);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct oci_run *run = arg;
	size_t left = run->input_len - run->input_done;
	ssize_t n = write(run->input_fd, run->input + run->input_done, left);

	(void)fd;
	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A runtime that does not want its input says why by its exit. */
	if (n < 0 || (size_t)n == left)
		close_input(run);
	else
		run->input_done += (size_t)n;
}

/* A pipe with our end non-blocking and in the loop. */
static int
open_pipe(struct oci_run *run, int ours, struct event *event, short what,
    event_callback_fn fn, int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[ours];
	*ret_theirs = fds[1 - ours];
	(void)event_assign(
	    event, run->base, fds[ours], (short)(what | EV_PERSIST), fn, run);
	(void)event_priority_set(event, run->priority);
	if (event_add(event, NULL) < 0)
		return -ENOMEM;
	return fd_set_nonblock(fds[ours], true);
}

static int
open_output(struct oci_run *run, int *ret_theirs)
{
	run->output = malloc(OUTPUT_KEPT + 1);
	if (!run->output)
		return -ENOMEM;
	return open_pipe(run, 0, &run->output_event, EV_READ, on_output,
	    &run->output_fd, ret_theirs);
}

static int
open_input(struct oci_run *run, const char *input, int *ret_theirs)
{
	run->input = strdup(input);
	if (!run->input)
		return -ENOMEM;
	run->input_len = strlen(input);
	return open_pipe(run, 1, &run->input_event, EV_WRITE, on_input,
	    &run->input_fd, ret_theirs);
}

static struct oci_run *
run_new(struct event_base *base, int priority, const char *argv0)
{
	struct oci_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->base = base;
	run->priority = priority;
	run->output_fd = run->input_fd = -1;
	run->deadline_at = run->patience_at = NEVER;
	(void)event_assign(&run->timer, base, -1, 0, on_timer, run);
	(void)event_priority_set(&run->timer, priority);
	run->argv0 = strdup(argv0);
	if (!run->argv0) {
		free(run);
		return NULL;
	}
	run->result.argv0 = run->argv0;
	return run;
}

/* Pipes, then the process; on failure the caller frees the run. */
static int
launch(struct oci_run *run, struct child_set *set,
    const struct oci_run_spec *spec, struct err *err)
{
	cleanup_close int in = -1, out = -1;
	int r = 0;

	if (spec->capture)
		r = open_output(run, &out);
	if (r == 0 && spec->input)
		r = open_input(run, spec->input, &in);
	if (r < 0)
		return err_set_errno(err, -r, "%s", run->argv0);
	int fds[3] = {
		spec->input ? in : spec->stdio[0],
		spec->capture ? out : spec->stdio[1],
		spec->capture ? out : spec->stdio[2],
	};
	struct child_program program = {
		.argv = spec->argv,
		.fds = fds,
		.n_fds = 3,
		.deathsig = SIGKILL,
	};
	return child_spawn(set, &program, on_child_exit, run, &run->child, err);
}

int
oci_run_start(struct event_base *base, int priority, struct child_set *set,
    const struct oci_run_spec *spec, oci_run_fn *done, void *arg,
    struct oci_run **ret, struct err *err)
{
	struct oci_run *run = run_new(base, priority, spec->argv[0]);

	if (!run)
		return err_set_errno(err, ENOMEM, "%s", spec->argv[0]);
	run->done = done;
	run->arg = arg;
	int r = launch(run, set, spec, err);
	if (r < 0) {
		oci_run_free(run);
		return r;
	}
	if (spec->timeout_ns > 0) {
		run->deadline_at = from_now(spec->timeout_ns);
		set_timer(run, run->deadline_at);
	}
	*ret = run;
	return 0;
}

void
oci_run_abort(struct oci_run *run)
{
	if (run->complete || run->killed)
		return;
	if (run->reaped)
		set_timer(run, /* at= */ 0);
	else
		kill_child(run, &run->result.aborted);
}

void
oci_run_hurry(struct oci_run *run, int64_t timeout_ns)
{
	int64_t at = from_now(timeout_ns);

	if (run->complete || run->killed || at >= run->deadline_at)
		return;
	run->deadline_at = at;
	if (at < run->patience_at)
		set_timer(run, at);
}

bool
oci_run_exited(const struct oci_run *run)
{
	return run->reaped || child_is_zombie(run->child);
}

void
oci_run_free(struct oci_run *run)
{
	if (!run)
		return;
	if (run->child && !run->reaped)
		(void)child_signal(run->child, SIGKILL);
	child_free(run->child);
	close_output(run);
	close_input(run);
	(void)event_del(&run->timer);
	free(run->output);
	free(run->input);
	free(run->argv0);
	free(run);
}

/* "exit status 1" or "signal: killed", as Go says it. */
static void
describe_exit(const struct child_exit *exit, char *buf, size_t size)
{
	const char *name = exit->signaled ? sigdescr_np(exit->value) : NULL;

	if (!exit->signaled)
		(void)snprintf(buf, size, "exit status %d", exit->value);
	else if (!name)
		(void)snprintf(buf, size, "signal: signal %d", exit->value);
	else
		(void)snprintf(buf, size, "signal: %c%s",
		    tolower((unsigned char)name[0]), name + 1);
}

/* The last part of the output, without white space at its end. Not cut inside
 * of a UTF-8 sequence: the text becomes a protobuf string. */
static const char *
tail_of(const struct oci_run_result *result, int *ret_len)
{
	size_t end = result->output ? result->output_len : 0, start = 0;

	while (end > 0 && isspace((unsigned char)result->output[end - 1]))
		end--;
	if (end > OUTPUT_IN_ERROR)
		start = end - OUTPUT_IN_ERROR;
	while (start > 0 && start < end &&
	       ((unsigned char)result->output[start] & 0xC0) == 0x80)
		start++;
	*ret_len = (int)(end - start);
	return end ? result->output + start : "";
}

void
oci_run_describe(const struct oci_run_result *result, struct err *ret)
{
	enum err_code code = ERR_UNKNOWN;
	const char *cause = "";
	char how[64];
	int sys = 0, len;
	const char *tail = tail_of(result, &len);

	if (result->timed_out) {
		code = ERR_DEADLINE_EXCEEDED;
		sys = ETIMEDOUT;
		cause = ": context deadline exceeded";
	} else if (result->aborted) {
		code = ERR_CANCELED;
		sys = ECANCELED;
		cause = ": context canceled";
	}
	describe_exit(&result->exit, how, sizeof(how));
	(void)err_set(ret, code, sys,
	    "%s did not terminate successfully: %s%s%s%.*s%s", result->argv0,
	    how, len ? ": " : "", tail > result->output && len ? "..." : "",
	    len, tail, cause);
}
