/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the processes of a container: plain children in a session of their own
 * that become orphans, and so the shim's, when this command ends.
 *
 * A pipe that exec(2) closes tells the command whether the program could be
 * executed. Init waits at its gate the way runc's does: it opens a FIFO for
 * writing and blocks there until `start` opens it for reading.
 */
#include "test/tool/fake-runtime/fake.h"
#include "test/tool/fake-runtime/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool
program_read(const char *json, struct program *ret)
{
	ret->argv = json_strings(json_get(json, "args"));
	ret->env = json_strings(json_get(json, "env"));
	ret->cwd = json_string(json_get(json, "cwd"));
	ret->terminal = json_true(json_get(json, "terminal"));
	return ret->argv && ret->argv[0];
}

/* The last word of the child: told to the command, which then fails. */
static _Noreturn void
report(int sync_fd, const char *what, const char *why)
{
	dprintf(sync_fd, "exec: \"%s\": %s", what, why);
	_exit(127);
}

static const char *
find_program(const char *name)
{
	char *path = strdup("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");

	if (strchr(name, '/'))
		return name;
	for (char *dir; (dir = strsep(&path, ":"));) {
		char *full = text_format("%s/%s", dir, name);
		if (access(full, X_OK) == 0)
			return full;
	}
	return NULL;
}

static void
take_terminal(int sync_fd, const char *slave)
{
	int fd = open(slave, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		report(sync_fd, slave, strerror(errno));
	for (int i = 0; i < 3; i++)
		(void)dup2(fd, i);
}

static void
wait_at_gate(const char *gate)
{
	int fd = open(gate, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(126);
	close(fd);
}

static _Noreturn void
child(const struct call *call, const struct program *program, const char *gate,
    int sync_fd, const char *slave)
{
	const char *early = script_value("init-exits");
	static char *no_env[] = { NULL };

	(void)setsid();
	int r = cage_enter(call);
	if (r < 0)
		report(sync_fd, "cgroup", strerror(-r));
	if (call->in_sandbox)
		runsc_drop_streams();
	if (slave)
		take_terminal(sync_fd, slave);
	if (program->cwd && chdir(program->cwd) < 0)
		report(sync_fd, program->cwd, strerror(errno));
	const char *path = find_program(program->argv[0]);
	if (!path)
		report(sync_fd, program->argv[0],
		    "executable file not found in $PATH");
	if (access(path, X_OK) < 0)
		report(sync_fd, path, strerror(errno));
	if (early)
		_exit(atoi(early));
	r = call->runsc && gate && !call->in_sandbox ? runsc_listen(call) : 0;
	if (r < 0)
		report(sync_fd, "control socket", strerror(-r));
	if (gate) {
		close(sync_fd);
		wait_at_gate(gate);
	}
	(void)execve(path, program->argv, program->env ? program->env : no_env);
	report(sync_fd, path, strerror(errno));
}

static int
open_master(char *slave, size_t size)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, slave, size) != 0)
		return -1;
	return master;
}

/* Empty when the program runs, or waits at its gate. */
static void
read_report(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

/* As crun does it, or as runc. */
static pid_t
fork_process(void)
{
	return script_value("sibling") ? (pid_t)syscall(SYS_clone,
					     CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
				       : fork();
}

/* Our parent is the one to reap it. */
static void
wait_reaped(pid_t pid)
{
	while (kill(pid, 0) == 0)
		(void)usleep(1000);
}

pid_t
process_start(struct call *call, const struct program *program,
    const char *gate, int *ret_master)
{
	char slave[64] = "", why[512];
	int sync_fds[2];

	*ret_master = -1;
	if (program->terminal) {
		*ret_master = open_master(slave, sizeof(slave));
		if (*ret_master < 0)
			fail(call, "open terminal: %s", strerror(errno));
	}
	if (pipe2(sync_fds, O_CLOEXEC) < 0)
		fail(call, "pipe: %s", strerror(errno));
	pid_t pid = fork_process();
	if (pid < 0)
		fail(call, "fork: %s", strerror(errno));
	if (pid == 0)
		child(call, program, gate, sync_fds[1], *slave ? slave : NULL);
	close(sync_fds[1]);
	read_report(sync_fds[0], why, sizeof(why));
	close(sync_fds[0]);
	if (*why) {
		(void)waitpid(pid, NULL, 0);
		cage_remove(call);
		fail(call,
		    "runc %s failed: unable to start container process: %s",
		    call->verb, why);
	}
	if (script_value("init-exits"))
		process_wait_dead(pid);
	if (script_value("init-exits") && script_value("sibling"))
		wait_reaped(pid);
	return pid;
}

void
process_wait_dead(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return;
	(void)poll(&fd, 1, -1);
	close(pidfd);
}

bool
process_alive(pid_t pid)
{
	char *path = text_format("/proc/%d/stat", pid);
	char *text = pid > 0 ? text_read(path) : NULL;
	const char *paren = text ? strrchr(text, ')') : NULL;
	bool alive = paren && strncmp(paren, ") Z", 3) != 0 &&
		     strncmp(paren, ") X", 3) != 0;

	free(text);
	free(path);
	return alive;
}

bool
process_open_gate(pid_t pid, const char *gate)
{
	/* First of all: once the gate is open, init may end and be reaped. */
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return false;
	int fd = open(gate, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};
	char byte;

	if (fd < 0 || poll(fds, 2, -1) < 0)
		return false;
	bool opened = read(fd, &byte, 1) == 1;
	close(fd);
	close(pidfd);
	return opened;
}
