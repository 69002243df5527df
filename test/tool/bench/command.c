/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands are waited for as containerd waits for "start": for the end of the
 * process, and of whoever else holds its output.
 */
#include "test/tool/bench/command.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

static pid_t
spawn(const char *const *argv, const char *dir, int out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	union {
		const char *const *in;
		char *const *out;
	} args = { .in = argv };

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	if (dir)
		(void)posix_spawn_file_actions_addchdir_np(&actions, dir);
	errno = posix_spawn(&pid, argv[0], &actions, NULL, args.out, environ);
	if (errno != 0)
		err(1, "%s", argv[0]);
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static void
wait_for(pid_t pid, const char *name, const char *output)
{
	int status = 0;

	if (waitpid(pid, &status, 0) < 0)
		err(1, "wait for %s", name);
	if (status != 0)
		errx(1, "%s: status %#x: %s", name, (unsigned)status, output);
}

static double
run_quiet(const char *const *argv, const char *dir)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0)
		err(1, "/dev/null");
	int64_t began = clock_monotonic_ns();
	wait_for(spawn(argv, dir, null), argv[0], "");
	int64_t took = clock_monotonic_ns() - began;
	(void)close(null);
	return (double)took / NSEC_PER_MSEC;
}

double
command_run(
    const char *const *argv, const char *dir, char *out, size_t out_size)
{
	int ends[2];

	if (!out)
		return run_quiet(argv, dir);
	if (pipe2(ends, O_CLOEXEC) < 0)
		err(1, "pipe");
	int64_t began = clock_monotonic_ns();
	pid_t pid = spawn(argv, dir, ends[1]);
	(void)close(ends[1]);
	ssize_t len = fd_read_full(ends[0], out, out_size - 1);
	if (len < 0)
		errx(1, "read from %s: %s", argv[0], strerror((int)-len));
	out[len] = '\0';
	wait_for(pid, argv[0], out);
	int64_t took = clock_monotonic_ns() - began;
	(void)close(ends[0]);
	out[strcspn(out, "\n")] = '\0';
	return (double)took / NSEC_PER_MSEC;
}
