/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children, workers, adopted processes and orphans of a subreaper: every exit
 * is told once and truly, nothing is left behind. Each test ends with a look
 * for forgotten children and descriptors.
 *
 * link: -Wl,--wrap=syscall -Wl,--wrap=getppid
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "oci/child.h"

/* A string that argv may hold. */
#define TEXT(literal) ((char[]){ literal })

#define N_ORPHANS 2000
#define N_AT_ONCE 300

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
pid_t __real_getppid(void);
pid_t __wrap_getppid(void);

static struct event_base *base;
static struct child_set *set;
static int fds_before;

/* What the orphan function saw and does. */
static size_t n_orphans;
static pid_t last_orphan;
static bool keeping; /* it says that somebody may ask yet */
static bool adopting;
static struct child *adopted;

/* What became of a child. */
struct outcome {
	int calls;
	bool free_inside;
	struct child_exit exit;
};
static struct outcome adopted_outcome;

static bool no_clone3, parent_gone;

long
__wrap_syscall(long number, ...)
{
	va_list ap;

	if (number == SYS_clone3 && no_clone3) {
		errno = ENOSYS;
		return -1;
	}
	/* As many as any call takes; a register that was not set does no harm.
	 */
	long args[4];
	va_start(ap, number);
	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++)
		args[i] = va_arg(ap, long);
	va_end(ap);
	return __real_syscall(number, args[0], args[1], args[2], args[3]);
}

pid_t
__wrap_getppid(void)
{
	return parent_gone ? 1 : __real_getppid();
}

static int
count_fds(void)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

static void
on_exit_seen(struct child *child, const struct child_exit *exit, void *arg)
{
	struct outcome *outcome = arg;

	assert_int_equal(child_pid(child), exit->pid);
	assert_false(child_is_zombie(child));
	assert_int_equal(child_signal(child, SIGKILL), -ESRCH);
	outcome->calls++;
	outcome->exit = *exit;
	if (outcome->free_inside)
		child_free(child);
}

static bool
on_orphan(pid_t pid, void *arg)
{
	struct err err;

	assert_ptr_equal(arg, &n_orphans);
	n_orphans++;
	last_orphan = pid;
	if (adopting)
		assert_int_equal(child_adopt(set, pid, on_exit_seen,
				     &adopted_outcome, &adopted, &err),
		    0);
	return keeping;
}

static int
setup(void **state)
{
	(void)state;
	struct event_config *config = event_config_new();
	struct err err;

	n_orphans = 0;
	keeping = false;
	adopting = no_clone3 = parent_gone = false;
	adopted = NULL;
	adopted_outcome = (struct outcome){ 0 };
	fds_before = count_fds();
	base = event_base_new_with_config(config);
	event_config_free(config);
	assert_int_equal(event_base_priority_init(base, 3), 0);
	assert_int_equal(
	    child_set_new(base, 0, on_orphan, &n_orphans, &set, &err), 0);
	return 0;
}

static void
turn(void)
{
	assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
}

static void
turn_if_ready(void)
{
	(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int
teardown(void **state)
{
	(void)state;
	siginfo_t info = { 0 };

	/* What was forgotten on purpose is dead and will be swept. */
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		if (info.si_pid == 0)
			fail_msg("a child still runs");
		turn();
		info.si_pid = 0;
	}
	assert_int_equal(errno, ECHILD);
	child_set_free(set);
	event_base_free(base);
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

static void
wait_for(const struct outcome *outcome)
{
	while (outcome->calls == 0)
		turn();
	assert_int_equal(outcome->calls, 1);
}

/* Until it is a zombie, without reaping it. */
static void
wait_dead(const struct child *child)
{
	struct pollfd pfd = { .fd = child_pidfd(child), .events = POLLIN };

	assert_int_equal(poll(&pfd, 1, -1), 1);
}

static struct child *
fork_worker(child_work_fn *work, void *work_arg, struct outcome *outcome)
{
	struct child *child;
	struct err err;

	assert_int_equal(child_fork(set, work, work_arg, NULL, 0, on_exit_seen,
			     outcome, &child, &err),
	    0);
	return child;
}

static struct child *
fork_keeping(child_work_fn *work, void *arg, int keep, struct outcome *outcome)
{
	struct child *child;
	struct err err;

	assert_int_equal(child_fork(set, work, arg, &keep, 1, on_exit_seen,
			     outcome, &child, &err),
	    0);
	return child;
}

static int
work_code(void *arg)
{
	return *(const int *)arg;
}

static int
work_hang(void *arg)
{
	(void)arg;
	while (pause() < 0)
		continue;
	return 1;
}

/* Waits until nobody holds the other end any more. */
static int
work_wait_eof(void *arg)
{
	char byte;

	return read(*(const int *)arg, &byte, 1) == 0 ? 0 : 1;
}

static void
test_codes(void **state)
{
	(void)state;
	for (int code = 0; code < 256; code++) {
		struct outcome outcome = { 0 };
		struct child *child = fork_worker(work_code, &code, &outcome);

		wait_for(&outcome);
		assert_false(outcome.exit.signaled);
		assert_int_equal(outcome.exit.value, code);
		assert_int_equal(child_exit_status(&outcome.exit), code);
		child_free(child);
	}
}

static void
test_signals(void **state)
{
	(void)state;
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT,
		SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1,
		SIGUSR2, SIGBUS, SIGXCPU, SIGSYS };
	static const struct rlimit no_core = { 0, 0 };

	assert_int_equal(setrlimit(RLIMIT_CORE, &no_core), 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct outcome outcome = { 0 };
		struct child *child = fork_worker(work_hang, NULL, &outcome);

		assert_int_equal(child_signal(child, 0), 0);
		assert_int_equal(child_signal(child, signals[i]), 0);
		wait_for(&outcome);
		assert_true(outcome.exit.signaled);
		assert_int_equal(outcome.exit.value, signals[i]);
		assert_int_equal(
		    child_exit_status(&outcome.exit), 128 + signals[i]);
		child_free(child);
	}
}

static void
test_time(void **state)
{
	(void)state;
	int code = 0;
	struct outcome outcome = { 0 };
	int64_t before = clock_realtime_ns();
	struct child *child = fork_worker(work_code, &code, &outcome);

	wait_for(&outcome);
	assert_true(outcome.exit.at_ns >= before);
	assert_true(outcome.exit.at_ns <= clock_realtime_ns());
	child_free(child);
}

static void
test_zombie(void **state)
{
	(void)state;
	int fds[2];
	struct outcome outcome = { 0 };

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct child *child =
	    fork_keeping(work_wait_eof, &fds[0], fds[0], &outcome);
	assert_false(child_is_zombie(child));
	(void)close(fds[0]);
	(void)close(fds[1]);
	wait_dead(child);
	assert_true(child_is_zombie(child));
	assert_int_equal(child_signal(child, SIGTERM), -ESRCH);
	assert_int_equal(outcome.calls, 0);
	wait_for(&outcome);
	assert_int_equal(outcome.exit.value, 0);
	child_free(child);
}

static void
test_free_inside(void **state)
{
	(void)state;
	int code = 3;
	struct outcome outcome = { .free_inside = true };

	(void)fork_worker(work_code, &code, &outcome);
	wait_for(&outcome);
	assert_int_equal(outcome.exit.value, 3);
}

static void
test_free_running(void **state)
{
	(void)state;
	struct outcome outcome = { 0 };
	struct child *child = fork_worker(work_hang, NULL, &outcome);

	assert_int_equal(child_signal(child, SIGKILL), 0);
	child_free(child);
	while (n_orphans == 0)
		turn();
	assert_int_equal(outcome.calls, 0);
	child_free(NULL);
}

static void
test_stolen_status(void **state)
{
	(void)state;
	int code = 9;
	struct outcome outcome = { 0 };
	struct child *child = fork_worker(work_code, &code, &outcome);

	assert_int_equal(waitpid(child_pid(child), NULL, 0), child_pid(child));
	wait_for(&outcome);
	assert_false(outcome.exit.signaled);
	assert_int_equal(outcome.exit.value, 255);
	child_free(child);
}

/* ---- programs ---- */

/* Runs it to its end; what it wrote into its descriptor 1 is in buf. */
static void
run_program(char *const *argv, char *const *envp, char *buf, size_t size)
{
	int fds[2];
	struct outcome outcome = { .free_inside = true };
	struct child *child;
	struct err err;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	int stdio[3] = { -1, fds[1], -1 };
	struct child_program program = {
		.argv = argv, .envp = envp, .fds = stdio, .n_fds = 3
	};
	int r =
	    child_spawn(set, &program, on_exit_seen, &outcome, &child, &err);
	if (r < 0)
		fail_msg("%s", err.msg);
	(void)close(fds[1]);
	ssize_t n = fd_read_full(fds[0], buf, size - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	(void)close(fds[0]);
	wait_for(&outcome);
	assert_int_equal(child_exit_status(&outcome.exit), 0);
}

static void
test_program_fds(void **state)
{
	(void)state;
	char *argv[] = { TEXT("sh"), TEXT("-c"),
		TEXT("for f in /proc/$$/fd/*; do "
		     "echo ${f##*/}=$(readlink $f); done"),
		NULL };
	char out[4096];
	/* A descriptor that forgot its CLOEXEC. */
	int leak = dup(2);

	assert_true(leak > 2);
	run_program(argv, NULL, out, sizeof(out));
	(void)close(leak);
	assert_non_null(strstr(out, "0=/dev/null\n"));
	assert_non_null(strstr(out, "1=pipe:"));
	assert_non_null(strstr(out, "2=/dev/null\n"));
	char leaked[32];
	(void)snprintf(leaked, sizeof(leaked), "\n%d=", leak);
	assert_null(strstr(out, leaked));
}

/* Descriptors change places: each is in the way of the other. */
static void
test_program_fds_swapped(void **state)
{
	(void)state;
	int a[2], b[2];
	int fds[64];
	char script[64], got[2][8] = { "", "" };
	struct outcome outcome = { .free_inside = true };
	struct child *child;
	struct err err;

	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	for (int i = 0; i < 64; i++)
		fds[i] = -1;
	fds[a[1]] = b[1];
	fds[b[1]] = a[1];
	(void)snprintf(
	    script, sizeof(script), "echo a >&%d; echo b >&%d", a[1], b[1]);
	char *argv[] = { TEXT("bash"), TEXT("-c"), script, NULL };
	struct child_program program = {
		.argv = argv, .fds = fds, .n_fds = 64
	};
	assert_int_equal(
	    child_spawn(set, &program, on_exit_seen, &outcome, &child, &err),
	    0);
	(void)close(a[1]);
	(void)close(b[1]);
	assert_int_equal(fd_read_full(a[0], got[0], 7), 2);
	assert_int_equal(fd_read_full(b[0], got[1], 7), 2);
	assert_string_equal(got[0], "b\n");
	assert_string_equal(got[1], "a\n");
	(void)close(a[0]);
	(void)close(b[0]);
	wait_for(&outcome);
}

static void
test_program_signals(void **state)
{
	(void)state;
	char *argv[] = { TEXT("grep"), TEXT("-E"), TEXT("^Sig(Blk|Ign)"),
		TEXT("/proc/self/status"), NULL };
	char out[256];
	sigset_t blocked, old;

	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, &old);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	run_program(argv, NULL, out, sizeof(out));
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGUSR2, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(
	    out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void
test_program_environment(void **state)
{
	(void)state;
	char *argv[] = { TEXT("/usr/bin/env"), NULL };
	char *envp[] = { TEXT("A=b"), NULL };
	char out[16384];

	(void)setenv("NOTIFY_SOCKET", "/run/notify", 1);
	(void)setenv("KEPT", "yes", 1);
	run_program(argv, NULL, out, sizeof(out));
	assert_null(strstr(out, "NOTIFY_SOCKET="));
	assert_non_null(strstr(out, "KEPT=yes\n"));
	assert_non_null(strstr(out, "PATH="));
	run_program(argv, envp, out, sizeof(out));
	assert_string_equal(out, "A=b\n");
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("KEPT");
}

static void
test_program_group(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		char *argv[] = { TEXT("sleep"), TEXT("1000"), NULL };
		struct child_program program = { .argv = argv,
			.new_pgrp = own };
		struct outcome outcome = { .free_inside = true };
		struct child *child;
		struct err err;

		assert_int_equal(child_spawn(set, &program, on_exit_seen,
				     &outcome, &child, &err),
		    0);
		assert_int_equal(getpgid(child_pid(child)),
		    own ? child_pid(child) : getpgrp());
		assert_int_equal(child_signal(child, SIGKILL), 0);
		wait_for(&outcome);
	}
}

static void
expect_no_start(const char *name, int sys, const char *text)
{
	cleanup_free char *copy = strdup(name);
	char *argv[] = { copy, NULL };
	/* Many descriptors, for their numbers must not hide the failure. */
	static const int nulls[64] = { [0 ... 63] = -1 };
	struct child_program program = {
		.argv = argv, .fds = nulls, .n_fds = 64, .deathsig = SIGTERM
	};
	struct outcome outcome = { 0 };
	struct child *child = NULL;
	struct err err;

	int r =
	    child_spawn(set, &program, on_exit_seen, &outcome, &child, &err);
	assert_int_equal(r, -sys);
	assert_int_equal(err.sys, sys);
	assert_int_equal(err.code, ERR_UNKNOWN);
	assert_string_equal(err.msg, text);
	assert_null(child);
	/* Nothing of it is left, not even for the sweep. */
	siginfo_t info;
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1);
	assert_int_equal(outcome.calls, 0);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(
	    file_write_atomic(AT_FDCWD, path, text, strlen(text), mode), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
test_exec_errors(void **state)
{
	(void)state;
	char dir[] = "/tmp/chock-child-XXXXXX";
	char path[64], text[128];

	assert_non_null(mkdtemp(dir));
	expect_no_start("no-such-program", ENOENT,
	    "exec: \"no-such-program\": executable file not found in $PATH");
	expect_no_start(
	    "", ENOENT, "exec: \"\": executable file not found in $PATH");
	expect_no_start("/no/such/program", ENOENT,
	    "fork/exec /no/such/program: no such file or directory");
	expect_no_start("/etc/passwd/x", ENOTDIR,
	    "fork/exec /etc/passwd/x: not a directory");
	(void)snprintf(
	    text, sizeof(text), "fork/exec %s: permission denied", dir);
	expect_no_start(dir, EACCES, text);

	(void)snprintf(path, sizeof(path), "%s/plain", dir);
	write_file(path, "#!/bin/sh\n", 0644);
	(void)snprintf(
	    text, sizeof(text), "fork/exec %s: permission denied", path);
	expect_no_start(path, EACCES, text);
	write_file(path, "nothing known", 0755);
	(void)snprintf(
	    text, sizeof(text), "fork/exec %s: exec format error", path);
	expect_no_start(path, ENOEXEC, text);
	(void)unlink(path);
	(void)rmdir(dir);
}

/* The death of the parent is noticed also when it came before the death signal
 * was asked for. */
static void
test_parent_gone(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };

	parent_gone = true;
	expect_no_start(
	    "/bin/true", ESRCH, "fork/exec /bin/true: no such process");
	(void)fork_worker(work_hang, NULL, &outcome);
	wait_for(&outcome);
	assert_int_equal(child_exit_status(&outcome.exit), 127);
}

/* What is in PATH but cannot be run is passed over, as is the current
 * directory. */
static void
test_path(void **state)
{
	(void)state;
	char dir[] = "/tmp/chock-child-XXXXXX";
	char sub[48], plain[64], good[64], path_var[160], out[64];
	char *argv[] = { TEXT("chock-prog"), NULL };
	const char *path_now = getenv("PATH");
	cleanup_free char *old = strdup(path_now ? path_now : "");

	assert_non_null(mkdtemp(dir));
	(void)snprintf(sub, sizeof(sub), "%s/sub", dir);
	(void)snprintf(plain, sizeof(plain), "%s/chock-prog", dir);
	(void)snprintf(good, sizeof(good), "%s/chock-prog", sub);
	assert_int_equal(mkdir(sub, 0755), 0);
	write_file(plain, "#!/bin/sh\necho plain\n", 0644);
	write_file(good, "#!/bin/sh\necho good\n", 0755);
	(void)snprintf(
	    path_var, sizeof(path_var), ":.:/nowhere:%s:%s", dir, sub);
	(void)setenv("PATH", path_var, 1);
	run_program(argv, NULL, out, sizeof(out));
	assert_string_equal(out, "good\n");

	assert_int_equal(chdir(sub), 0);
	(void)setenv("PATH", ":.:", 1);
	expect_no_start("chock-prog", ENOENT,
	    "exec: \"chock-prog\": executable file not found in $PATH");
	(void)unsetenv("PATH");
	expect_no_start("chock-prog", ENOENT,
	    "exec: \"chock-prog\": executable file not found in $PATH");
	assert_int_equal(chdir("/"), 0);
	(void)setenv("PATH", old, 1);
	(void)unlink(plain);
	(void)unlink(good);
	(void)rmdir(sub);
	(void)rmdir(dir);
}

static void
test_no_clone3(void **state)
{
	(void)state;
	char *argv[] = { TEXT("echo"), TEXT("forked"), NULL };
	char out[32];
	int code = 7;
	struct outcome outcome = { .free_inside = true };

	no_clone3 = true;
	run_program(argv, NULL, out, sizeof(out));
	assert_string_equal(out, "forked\n");
	expect_no_start("/no/such/program", ENOENT,
	    "fork/exec /no/such/program: no such file or directory");
	struct child *child = fork_worker(work_code, &code, &outcome);
	assert_true(fcntl(child_pidfd(child), F_GETFD) & FD_CLOEXEC);
	wait_for(&outcome);
	assert_int_equal(outcome.exit.value, 7);
}

/* ---- workers ---- */

/* 0 when there are 0-2 on /dev/null and the one that was kept. */
static int
work_check_fds(void *arg)
{
	int kept = *(const int *)arg;
	struct stat null, st;

	if (stat("/dev/null", &null) < 0)
		return 1;
	for (int fd = 0; fd < 1024; fd++) {
		int r = fstat(fd, &st);

		if (fd <= 2 && (r < 0 || st.st_rdev != null.st_rdev))
			return 2;
		if (fd == kept && (r < 0 || !S_ISFIFO(st.st_mode)))
			return 3;
		if (fd > 2 && fd != kept && r == 0)
			return 4;
	}
	return 0;
}

static void
test_worker_fds(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)fork_keeping(work_check_fds, &fds[1], fds[1], &outcome);
	wait_for(&outcome);
	assert_int_equal(outcome.exit.value, 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
fail_at_exit(void)
{
	_exit(99);
}

static void
test_worker_runs_no_exit_handlers(void **state)
{
	(void)state;
	int code = 5;
	struct outcome outcome = { 0 };
	pid_t pid = fork();

	/* A process of its own, so that the handler is not ours for good. */
	if (pid == 0) {
		(void)atexit(fail_at_exit);
		struct child *child = fork_worker(work_code, &code, &outcome);

		wait_for(&outcome);
		child_free(child);
		_exit(outcome.exit.value);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 5);
}

/* Says that it runs, then hangs. */
static int
work_say_and_hang(void *arg)
{
	return fd_write_full(*(const int *)arg, "x", 1) < 0 ? 1
							    : work_hang(NULL);
}

static int
leave_worker(struct child_set *own, struct outcome *outcome)
{
	struct child *child;
	struct err err;
	int fds[2];
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return 2;
	if (child_fork(own, work_say_and_hang, &fds[1], &fds[1], 1,
		on_exit_seen, outcome, &child, &err) < 0)
		return 3;
	/* Before that it may find us gone by itself and not start. */
	return fd_read_full(fds[0], &byte, 1) == 1 ? 0 : 4;
}

static int
leave_program(struct child_set *own, struct outcome *outcome)
{
	char *argv[] = { TEXT("sleep"), TEXT("1000"), NULL };
	struct child_program program = { .argv = argv, .deathsig = SIGTERM };
	struct child *child;
	struct err err;

	return child_spawn(own, &program, on_exit_seen, outcome, &child, &err) <
		       0
		   ? 5
		   : 0;
}

/* Leaves a process that dies with it, in one of two ways. */
static int
work_leave_dependent(void *arg)
{
	struct outcome outcome = { 0 };
	struct child_set *own;
	struct err err;

	base = event_base_new();
	if (!base ||
	    child_set_new(base, 0, on_orphan, &n_orphans, &own, &err) < 0)
		return 1;
	return arg ? leave_worker(own, &outcome) : leave_program(own, &outcome);
}

static void
test_deathsig(void **state)
{
	(void)state;
	for (int worker = 0; worker < 2; worker++) {
		struct outcome outcome = { .free_inside = true };

		adopting = true;
		adopted_outcome = (struct outcome){ .free_inside = true };
		(void)fork_worker(
		    work_leave_dependent, worker ? &worker : NULL, &outcome);
		wait_for(&outcome);
		assert_int_equal(outcome.exit.value, 0);
		wait_for(&adopted_outcome);
		assert_true(adopted_outcome.exit.signaled);
		assert_int_equal(
		    adopted_outcome.exit.value, worker ? SIGKILL : SIGTERM);
	}
}

/* ---- adoption and orphans ---- */

static void
test_adopt_refused(void **state)
{
	(void)state;
	struct outcome outcome = { 0 };
	struct child *child = fork_worker(work_hang, NULL, &outcome);
	struct child *other = NULL;
	struct err err;
	static const pid_t strangers[] = { 1, 0, -1 };

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(child_adopt(set, strangers[i], on_exit_seen,
				     &outcome, &other, &err),
		    -ESRCH);
		assert_int_equal(err.code, ERR_NOT_FOUND);
	}
	assert_int_equal(
	    child_adopt(set, getpid(), on_exit_seen, &outcome, &other, &err),
	    -ESRCH);
	assert_int_equal(child_adopt(set, child_pid(child), on_exit_seen,
			     &outcome, &other, &err),
	    -EEXIST);
	assert_null(other);
	assert_int_equal(child_signal(child, SIGKILL), 0);
	wait_for(&outcome);
	assert_int_equal(child_adopt(set, child_pid(child), on_exit_seen,
			     &outcome, &other, &err),
	    -ESRCH);
	child_free(child);
}

/* Running, and dead but not reaped. */
static void
test_adopt(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		struct outcome outcome = { .free_inside = true };
		struct child *child;
		struct err err;
		siginfo_t info;
		pid_t pid = fork();

		if (pid == 0) {
			if (!dead)
				(void)raise(SIGSTOP);
			_exit(33);
		}
		assert_int_equal(waitid(P_PID, (id_t)pid, &info,
				     WNOWAIT | (dead ? WEXITED : WSTOPPED)),
		    0);
		assert_int_equal(
		    child_adopt(set, pid, on_exit_seen, &outcome, &child, &err),
		    0);
		if (!dead)
			assert_int_equal(child_signal(child, SIGCONT), 0);
		wait_for(&outcome);
		assert_int_equal(outcome.exit.pid, pid);
		assert_int_equal(outcome.exit.value, 33);
		assert_int_equal(n_orphans, 0);
	}
}

/* A process whose own child has died and lies unreaped. */
static int
work_leave_zombie(void *arg)
{
	siginfo_t info;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(42);
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0;
}

/* It was dead before we could hear of it: the status is not lost. */
static void
test_orphan_adopted_dead(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };

	adopting = true;
	(void)fork_worker(work_leave_zombie, NULL, &outcome);
	wait_for(&outcome);
	wait_for(&adopted_outcome);
	assert_int_equal(n_orphans, 1);
	assert_false(adopted_outcome.exit.signaled);
	assert_int_equal(adopted_outcome.exit.value, 42);
	child_free(adopted);
}

/* Nobody has named it yet when it is reaped; its status is told all the same.
 */
static void
test_orphan_asked_for_late(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };
	struct err err;

	keeping = true;
	(void)fork_worker(work_leave_zombie, NULL, &outcome);
	while (n_orphans == 0)
		turn();
	wait_for(&outcome);
	assert_int_equal(child_adopt(set, last_orphan, on_exit_seen,
			     &adopted_outcome, &adopted, &err),
	    0);
	assert_int_equal(adopted_outcome.calls, 0);
	assert_int_equal(child_signal(adopted, SIGKILL), -ESRCH);
	wait_for(&adopted_outcome);
	assert_int_equal(adopted_outcome.exit.pid, last_orphan);
	assert_int_equal(adopted_outcome.exit.value, 42);
	child_free(adopted);
	/* Once. */
	assert_int_equal(child_adopt(set, last_orphan, on_exit_seen,
			     &adopted_outcome, &adopted, &err),
	    -ESRCH);
}

/* When nobody can ask any more, what was kept goes too. */
static void
test_kept_is_forgotten(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };
	struct err err;

	keeping = true;
	(void)fork_worker(work_leave_zombie, NULL, &outcome);
	while (n_orphans == 0)
		turn();
	wait_for(&outcome);
	pid_t first = last_orphan;
	keeping = false;
	outcome = (struct outcome){ .free_inside = true };
	(void)fork_worker(work_leave_zombie, NULL, &outcome);
	while (n_orphans == 1)
		turn();
	wait_for(&outcome);
	assert_int_equal(child_adopt(set, first, on_exit_seen, &adopted_outcome,
			     &adopted, &err),
	    -ESRCH);
	assert_int_equal(child_adopt(set, last_orphan, on_exit_seen,
			     &adopted_outcome, &adopted, &err),
	    -ESRCH);
}

static void
test_orphan_reaped(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };

	(void)fork_worker(work_leave_zombie, NULL, &outcome);
	while (n_orphans == 0)
		turn();
	wait_for(&outcome);
	assert_int_equal(n_orphans, 1);
}

/* Leaves N_ORPHANS processes that wait for the end of the pipe. */
static int
work_leave_orphans(void *arg)
{
	for (int i = 0; i < N_ORPHANS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(work_wait_eof(arg));
	}
	return 0;
}

static void
test_orphans_at_once(void **state)
{
	(void)state;
	struct outcome outcome = { .free_inside = true };
	struct outcome tracked[N_AT_ONCE] = { 0 };
	struct child *children[N_AT_ONCE];
	int fds[2];
	size_t most = 0;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)fork_keeping(work_leave_orphans, &fds[0], fds[0], &outcome);
	wait_for(&outcome);
	assert_int_equal(outcome.exit.value, 0);
	assert_int_equal(n_orphans, 0);
	for (size_t i = 0; i < N_AT_ONCE; i++)
		children[i] =
		    fork_keeping(work_wait_eof, &fds[0], fds[0], &tracked[i]);
	(void)close(fds[0]);
	(void)close(fds[1]);
	while (n_orphans < N_ORPHANS) {
		size_t before = n_orphans;

		turn();
		if (n_orphans - before > most)
			most = n_orphans - before;
	}
	/* A turn has bounded work; a second slice may share it. */
	assert_in_range(most, 1, 256);
	for (size_t i = 0; i < N_AT_ONCE; i++) {
		wait_for(&tracked[i]);
		assert_int_equal(tracked[i].exit.value, 0);
		child_free(children[i]);
	}
	assert_int_equal(n_orphans, N_ORPHANS);
}

/* Zombies from before the set are found without a signal. */
static void
test_zombies_before(void **state)
{
	siginfo_t info;

	child_set_free(set);
	event_base_free(base);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	fds_before = count_fds();
	assert_int_equal(setup(state), 0);
	while (n_orphans == 0)
		turn();
	assert_int_equal(kill(pid, 0), -1);
}

/* ---- a tracer comes first ---- */

struct tracing {
	pid_t target;
	int ready, release;
};

static int
count_events(void)
{
	return event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
}

static int
work_trace(void *arg)
{
	const struct tracing *tracing = arg;
	char ok = ptrace(PTRACE_SEIZE, tracing->target, NULL, NULL) == 0;

	if (fd_write_full(tracing->ready, &ok, 1) < 0)
		return 1;
	return fd_read_full(tracing->release, &ok, 1) == 0 ? 0 : 2;
}

/* The pidfd of a traced zombie is readable, but its status is the tracer's:
 * the loop must neither spin nor forget the child. */
static void
test_traced(void **state)
{
	(void)state;
	struct outcome outcome = { 0 }, tracer_outcome = { 0 };
	struct child *child = fork_worker(work_hang, NULL, &outcome);
	struct child *tracer;
	struct err err;
	int ready[2], release[2];
	char traced = 0;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(release, O_CLOEXEC), 0);
	struct tracing tracing = {
		.target = child_pid(child),
		.ready = ready[1],
		.release = release[0],
	};
	int keep[] = { ready[1], release[0] };
	assert_int_equal(child_fork(set, work_trace, &tracing, keep, 2,
			     on_exit_seen, &tracer_outcome, &tracer, &err),
	    0);
	assert_int_equal(fd_read_full(ready[0], &traced, 1), 1);
	turn_if_ready();
	int n_events = count_events();
	assert_int_equal(child_signal(child, SIGKILL), 0);
	wait_dead(child);
	for (int i = 0; i < 10; i++)
		turn_if_ready();
	if (traced) {
		assert_true(child_is_zombie(child));
		assert_int_equal(outcome.calls, 0);
		/* It is out of the loop, which would spin otherwise. */
		assert_int_equal(count_events(), n_events - 1);
	}
	for (int i = 0; i < 2; i++)
		(void)close(release[1 - i]);
	wait_for(&tracer_outcome);
	wait_for(&outcome);
	assert_int_equal(outcome.exit.value, SIGKILL);
	(void)close(ready[0]);
	(void)close(ready[1]);
	child_free(child);
	child_free(tracer);
	if (!traced)
		skip();
}

/* valgrind 3.19 knows no pidfd_open(2). */
static void
test_skipped(void **state)
{
	(void)state;
	skip();
}

static bool
have_pidfds(void)
{
	cleanup_close int fd = pidfd_open(getpid(), 0);

	return fd >= 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	struct CMUnitTest tests[] = {
		TEST(test_codes),
		TEST(test_signals),
		TEST(test_time),
		TEST(test_zombie),
		TEST(test_free_inside),
		TEST(test_free_running),
		TEST(test_stolen_status),
		TEST(test_program_fds),
		TEST(test_program_fds_swapped),
		TEST(test_program_signals),
		TEST(test_program_environment),
		TEST(test_program_group),
		TEST(test_exec_errors),
		TEST(test_parent_gone),
		TEST(test_path),
		TEST(test_no_clone3),
		TEST(test_worker_fds),
		TEST(test_worker_runs_no_exit_handlers),
		TEST(test_deathsig),
		TEST(test_adopt_refused),
		TEST(test_adopt),
		TEST(test_orphan_adopted_dead),
		TEST(test_orphan_asked_for_late),
		TEST(test_kept_is_forgotten),
		TEST(test_orphan_reaped),
		TEST(test_orphans_at_once),
		TEST(test_zombies_before),
		TEST(test_traced),
	};

	bool skipped = !have_pidfds();

	for (size_t i = 0; skipped && i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i] = (struct CMUnitTest){
			.name = tests[i].name,
			.test_func = test_skipped,
		};
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
