/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New processes: programs (child_spawn) and workers (child_fork).
 *
 * clone3(CLONE_PIDFD) gives process and pidfd in one step; where it is missing
 * or filtered, fork() and pidfd_open() do the same for a child that nobody else
 * reaps. All signals are blocked around it: a handler of libevent that ran in
 * the child would write into the signal pipe that both share. Between clone and
 * execve the child calls nothing that allocates; what needs memory (PATH
 * lookup, environment) is done before.
 *
 * The child tells a failed execve through a pipe that closes on success. Error
 * texts are those of Go's os/exec, since clients match on them.
 */
#include "oci/child.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/child-internal.h"

#define EXIT_NOT_STARTED 127

/* A program made ready for execve. */
struct launch {
	const struct child_program *program;
	const char *path;
	char *const *envp;
	int *moved; /* room for n_fds descriptors */
	int report; /* takes errno when it fails */
	pid_t parent;
};

struct worker {
	child_work_fn *work;
	void *arg;
	const int *keep;
	size_t n_keep;
	pid_t parent;
};

/* What a new process does; returns its exit code. */
typedef int body_fn(const void *arg);

static pid_t
fork_with_pidfd(int *ret_pidfd)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		return 0;
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		int r = -errno;

		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pidfd = pidfd;
	return pid;
}

/* Like fork(), but -errno. The pidfd is close-on-exec by nature. */
static pid_t
clone_with_pidfd(int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	/* Filters that do not know the call say EPERM. */
	if (pid < 0 && (errno == ENOSYS || errno == EPERM))
		return fork_with_pidfd(ret_pidfd);
	if (pid < 0)
		return -errno;
	*ret_pidfd = pidfd;
	return (pid_t)pid;
}

static pid_t
start(body_fn *body, const void *arg, int *ret_pidfd)
{
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = clone_with_pidfd(ret_pidfd);
	if (pid == 0)
		_exit(body(arg));
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* A sanitizer keeps books about memory that the child would upset. */
#if defined(__SANITIZE_ADDRESS__)
#define SHARE_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHARE_MEMORY 0
#endif
#endif
#ifndef SHARE_MEMORY
#define SHARE_MEMORY 1
#endif

#define CHILD_STACK (64u << 10)

struct entry {
	body_fn *body;
	const void *arg;
};

static int
enter(void *arg)
{
	const struct entry *entry = arg;

	return entry->body(entry->arg);
}

/*
 * Like start(), for a body that executes a program: as with vfork() it runs in
 * our memory, on a stack of its own, and we go on when it has executed or
 * ended. To copy the page tables, and every page that we then touch, would cost
 * more than all else that we do for a container.
 */
static pid_t
start_sharing(body_fn *body, const void *arg, int *ret_pidfd)
{
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
	struct entry entry = { .body = body, .arg = arg };
	sigset_t all, old;

	char *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = clone(enter, stack + CHILD_STACK, flags, &entry, ret_pidfd);
	if (pid < 0)
		pid = -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)munmap(stack, CHILD_STACK);
	return pid;
}

/* ---- in the child ---- */

/*
 * By the system call: glibc's sigaction() refuses the two signals that its
 * threads use, and a program that inherits them ignored cannot cancel its
 * threads.
 */
static void
reset_signals(void)
{
	/* What the kernel calls a sigaction, all zero: SIG_DFL. */
	const unsigned long dfl[4] = { 0 };
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, sizeof(dfl[0]));
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
die_with_parent(int sig, pid_t parent)
{
	if (sig == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, sig) < 0)
		return -errno;
	/* It may have died before the call. */
	return getppid() == parent ? 0 : -ESRCH;
}

/* Calls close_range(2), or does its work where the kernel has no such call or
 * flag (before 5.9 and 5.11). */
static void
close_between(unsigned first, unsigned last, unsigned flags)
{
	struct rlimit limit;

	if (first > last || close_range(first, last, (int)flags) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	for (rlim_t fd = first; fd <= last && fd < limit.rlim_cur; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		else
			(void)close((int)fd);
	}
}

/* A copy of fd (of /dev/null for -1) that is not below `least`, so that it
 * cannot be in the way of the final numbers. */
static int
move_above(int fd, size_t least)
{
	cleanup_close int null = -1;

	if (fd < 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return -errno;
		fd = null;
	}
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, (int)least);
	return moved < 0 ? -errno : moved;
}

static int
place_fds(const struct launch *launch)
{
	size_t n = launch->program->n_fds;

	for (size_t i = 0; i < n; i++) {
		launch->moved[i] = move_above(launch->program->fds[i], n);
		if (launch->moved[i] < 0)
			return launch->moved[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (dup2(launch->moved[i], (int)i) < 0)
			return -errno;
	}
	close_between((unsigned)n, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	return 0;
}

static int
execute(const struct launch *launch)
{
	const struct child_program *program = launch->program;

	int r = die_with_parent(program->deathsig, launch->parent);
	if (r < 0)
		return r;
	if (program->new_pgrp && setpgid(0, 0) < 0)
		return -errno;
	r = place_fds(launch);
	if (r < 0)
		return r;
	reset_signals();
	(void)execve(launch->path, program->argv, launch->envp);
	return -errno;
}

static int
run_program(const void *arg)
{
	const struct launch *launch = arg;
	int report = move_above(launch->report, launch->program->n_fds);
	int r = report < 0 ? report : execute(launch);
	int error = -r;

	(void)fd_write_full(
	    report < 0 ? launch->report : report, &error, sizeof(error));
	return EXIT_NOT_STARTED;
}

static bool
is_kept(const struct worker *worker, int fd)
{
	for (size_t i = 0; i < worker->n_keep; i++) {
		if (worker->keep[i] == fd)
			return true;
	}
	return false;
}

static int
point_stdio_at_null(const struct worker *worker)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++) {
		if (!is_kept(worker, fd) && dup2(null, fd) < 0)
			return -errno;
	}
	return 0;
}

/* Closes everything above 2 but what is kept, gap by gap. */
static void
close_unkept(const struct worker *worker)
{
	unsigned first = 3;

	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < worker->n_keep; i++) {
			unsigned fd = (unsigned)worker->keep[i];

			if (worker->keep[i] >= 0 && fd >= first && fd < next)
				next = fd;
		}
		if (next == UINT_MAX)
			break;
		if (next > first)
			close_between(first, next - 1, 0);
		first = next + 1;
	}
	close_between(first, UINT_MAX, 0);
}

static int
run_worker(const void *arg)
{
	const struct worker *worker = arg;

	if (die_with_parent(SIGKILL, worker->parent) < 0 ||
	    point_stdio_at_null(worker) < 0)
		return EXIT_NOT_STARTED;
	close_unkept(worker);
	reset_signals();
	return worker->work(worker->arg);
}

/* ---- in the parent ---- */

static bool
is_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Elements of PATH that are not absolute are passed over: a bundle is no place
 * to find programs in. */
static int
find_in_path(const char *name, char *buf, size_t size)
{
	const char *dir = getenv("PATH");

	while (dir) {
		const char *end = strchrnul(dir, ':');

		if (dir[0] == '/' &&
		    path_format(buf, size, "%.*s/%s", (int)(end - dir), dir,
			name) == 0 &&
		    is_executable(buf))
			return 0;
		dir = *end ? end + 1 : NULL;
	}
	return -ENOENT;
}

/* The environment but for NOTIFY_SOCKET: a runtime would talk to our service
 * manager in our name. The strings are borrowed. */
static char **
runtime_environment(void)
{
	static const char unwanted[] = "NOTIFY_SOCKET=";
	size_t n = 0, kept = 0;

	while (environ[n])
		n++;
	char **env = calloc(n + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(environ[i], unwanted, strlen(unwanted)) != 0)
			env[kept++] = environ[i];
	}
	return env;
}

/* Not the class of the errno: that a runtime was not found must not be taken
 * for a container that was not found. */
static int
exec_error(const char *path, int error, struct err *err)
{
	const char *text = strerrordesc_np(error);

	if (!text)
		return err_set(err, ERR_UNKNOWN, error,
		    "fork/exec %s: errno %d", path, error);
	return err_set(err, ERR_UNKNOWN, error, "fork/exec %s: %c%s", path,
	    tolower((unsigned char)text[0]), text + 1);
}

/* 0 when the program runs, else what kept it from running. */
static int
read_report(int fd)
{
	int error = 0;
	ssize_t n = fd_read_full(fd, &error, sizeof(error));

	return n == (ssize_t)sizeof(error) ? -error : 0;
}

static void
reap_failed(int pidfd)
{
	siginfo_t info;

	while (
	    waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
		continue;
}

/* Starts the program and waits until it is the program. */
static pid_t
start_program(struct launch *launch, int *ret_pidfd)
{
	cleanup_close int pidfd = -1;
	int report[2];

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	cleanup_close int report_r = report[0], report_w = report[1];
	launch->report = report_w;
	pid_t pid = SHARE_MEMORY ? start_sharing(run_program, launch, &pidfd)
				 : start(run_program, launch, &pidfd);
	if (pid < 0)
		return pid;
	close_fd(&report_w);
	int r = read_report(report_r);
	if (r < 0) {
		reap_failed(pidfd);
		return r;
	}
	*ret_pidfd = take_fd(&pidfd);
	return pid;
}

static int
register_started(struct child *child, pid_t pid, int pidfd, struct child **ret,
    struct err *err)
{
	int r = child_register(child, pid, pidfd, err);

	if (r < 0) {
		/* Swept later, as an orphan. */
		(void)child_signal(child, SIGKILL);
		child_free(child);
		return r;
	}
	*ret = child;
	return 0;
}

pid_t
child_launch(
    const struct child_program *program, int *ret_pidfd, struct err *err)
{
	const char *name = program->argv[0];
	cleanup_free char **environment = NULL;
	cleanup_free int *moved = calloc(program->n_fds + 1, sizeof(*moved));
	char path[PATH_MAX];

	if (!strchr(name, '/') && find_in_path(name, path, sizeof(path)) < 0)
		return err_set(err, ERR_UNKNOWN, ENOENT,
		    "exec: \"%s\": executable file not found in $PATH", name);
	if (!program->envp)
		environment = runtime_environment();
	if (!moved || (!program->envp && !environment))
		return exec_error(name, ENOMEM, err);
	struct launch launch = {
		.program = program,
		.path = strchr(name, '/') ? name : path,
		.envp = program->envp ? program->envp : environment,
		.moved = moved,
		.parent = getpid(),
	};
	pid_t pid = start_program(&launch, ret_pidfd);
	return pid < 0 ? exec_error(launch.path, -pid, err) : pid;
}

int
child_spawn(struct child_set *set, const struct child_program *program,
    child_exit_fn *fn, void *arg, struct child **ret, struct err *err)
{
	struct child *child = child_new(set, fn, arg);
	int pidfd = -1;

	if (!child)
		return exec_error(program->argv[0], ENOMEM, err);
	pid_t pid = child_launch(program, &pidfd, err);
	if (pid < 0) {
		child_free(child);
		return pid;
	}
	return register_started(child, pid, pidfd, ret, err);
}

int
child_fork(struct child_set *set, child_work_fn *work, void *work_arg,
    const int *keep, size_t n_keep, child_exit_fn *fn, void *arg,
    struct child **ret, struct err *err)
{
	struct worker worker = {
		.work = work,
		.arg = work_arg,
		.keep = keep,
		.n_keep = n_keep,
		.parent = getpid(),
	};
	int pidfd = -1;
	struct child *child = child_new(set, fn, arg);

	if (!child)
		return err_set_errno(err, ENOMEM, "fork");
	pid_t pid = start(run_worker, &worker, &pidfd);
	if (pid < 0) {
		child_free(child);
		return err_set_errno(err, -pid, "fork");
	}
	return register_started(child, pid, pidfd, ret, err);
}
