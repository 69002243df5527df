/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that mount what the kernel does not know. A helper starts the
 * daemon that serves the mount, and ends when it serves; the daemon goes on, in
 * a session of its own, until it is unmounted. It may hold the helper's output
 * open, so the helper's end is waited for, and not that of its output.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "oci/argv-internal.h"
#include "oci/child-internal.h"
#include "oci/mount-internal.h"
#include "oci/run.h"

/* As much as fits in an error; of more, the end. */
#define OUTPUT_MAX  768
#define DRAIN_READS 128

/* A killed helper that does not end is left to whom reaps our orphans. */
#define KILLED_WAIT_NS (1 * NSEC_PER_SEC)

struct helper {
	pid_t pid;
	int pidfd;
	int output; /* read end, -1 after its end */
	char text[OUTPUT_MAX + 1];
	size_t len;
};

bool
mount_helper_has(const char *type)
{
	return strncmp(type, "fuse.", 5) == 0 ||
	       strncmp(type, "fuse3.", 6) == 0;
}

/* Reads some of it: 1, or 0 at its end, or -EAGAIN when there is none now. */
static int
read_output(struct helper *helper)
{
	char buf[512];
	ssize_t n = read(helper->output, buf, sizeof(buf));
	size_t len = n > 0 ? (size_t)n : 0, over = 0;

	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (helper->len + len > OUTPUT_MAX)
		over = helper->len + len - OUTPUT_MAX;
	memmove(helper->text, helper->text + over, helper->len - over);
	memcpy(helper->text + helper->len - over, buf, len);
	helper->len += len - over;
	return 1;
}

/* What it had written when it ended. A daemon may write for ever. */
static void
drain_output(struct helper *helper)
{
	for (int i = 0; i < DRAIN_READS && helper->output >= 0; i++)
		if (read_output(helper) <= 0)
			break;
	helper->text[helper->len] = '\0';
}

static int
left_ms(int64_t deadline)
{
	int64_t left = deadline - clock_monotonic_ns();

	return left <= 0 ? 0
			 : (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

/* True when it has ended before the deadline. */
static bool
wait_for_end(struct helper *helper, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = helper->pidfd, .events = POLLIN },
			{ .fd = helper->output, .events = POLLIN },
		};
		int left = left_ms(deadline);

		if (poll(fds, 2, left) < 0)
			continue;
		if (fds[1].revents && read_output(helper) == 0)
			close_fd(&helper->output);
		if (fds[0].revents)
			return true;
		if (left == 0)
			return false;
	}
}

static void
reap(const struct helper *helper, struct child_exit *ret)
{
	siginfo_t info = { 0 };

	*ret = (struct child_exit){ .pid = helper->pid, .value = 255 };
	if (waitid(P_PID, (id_t)helper->pid, &info, WEXITED | WNOHANG) < 0 ||
	    info.si_pid == 0)
		return;
	ret->signaled = info.si_code != CLD_EXITED;
	ret->value = info.si_status;
}

/* Waits for it, kills it where it must, and says what came of it. */
static int
end_helper(struct helper *helper, const char *name, int64_t timeout_ns,
    struct err *err)
{
	struct oci_run_result result = { .argv0 = name };
	struct err unused;

	result.timed_out =
	    !wait_for_end(helper, clock_monotonic_ns() + timeout_ns);
	if (result.timed_out) {
		(void)kill(-helper->pid, SIGKILL);
		(void)wait_for_end(
		    helper, clock_monotonic_ns() + KILLED_WAIT_NS);
	}
	reap(helper, &result.exit);
	if (!result.timed_out && !result.exit.signaled &&
	    result.exit.value == 0)
		return 0;
	drain_output(helper);
	result.output = helper->text;
	result.output_len = helper->len;
	oci_run_describe(&result, err ? err : &unused);
	return result.timed_out ? -ETIMEDOUT : -EIO;
}

static int
run(char *const *argv, int64_t timeout_ns, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "run %s", argv[0]);
	cleanup_close int output = ends[0], write_end = ends[1], pidfd = -1;
	const int fds[] = { -1, write_end, write_end };
	const struct child_program program = {
		.argv = argv,
		.fds = fds,
		.n_fds = 3,
		.deathsig = SIGKILL,
		.new_pgrp = true,
	};
	int r = fd_set_nonblock(output, true);
	if (r < 0)
		return err_set_errno(err, -r, "run %s", argv[0]);
	pid_t pid = child_launch(&program, &pidfd, err);
	if (pid < 0)
		return pid;
	close_fd(&write_end);
	struct helper helper = {
		.pid = pid, .pidfd = pidfd, .output = take_fd(&output)
	};
	r = end_helper(&helper, argv[0], timeout_ns, err);
	close_fd(&helper.output);
	return r;
}

int
mount_helper_run(const struct oci_mount *mount, const char *target,
    int64_t timeout_ns, struct err *err)
{
	const char *subtype = strchr(mount->type, '.') + 1;
	cleanup_argv struct oci_argv argv = { 0 };
	struct argv_builder b = { 0 };

	argv_add_format(
	    &b, "mount.%.*s", (int)(subtype - 1 - mount->type), mount->type);
	argv_add(&b, mount->source);
	argv_add(&b, target);
	for (size_t i = 0; i < mount->n_options; i++) {
		argv_add(&b, "-o");
		argv_add(&b, mount->options[i]);
	}
	argv_add(&b, "-t");
	int r = argv_finish(&b, subtype, &argv);
	return r < 0 ? err_set_errno(err, -r, "run a mount helper")
		     : run(argv.args, timeout_ns, err);
}
