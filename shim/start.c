/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "start". containerd takes stdout and stderr together as the address, and
 * waits until every holder of that pipe is gone: so nothing else is printed,
 * and the serving process gets /dev/null.
 *
 * The socket listens before anything is printed, so containerd can connect at
 * once and need not wait for the serving process to come up.
 */
#include "shim/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/join.h"
#include "ipc/bootstrap.h"
#include "oci/spec.h"
#include "shim/config.h"
#include "shim/oom-score.h"
#include "shim/options.h"
#include "shim/serve.h"
#include "shim/socket.h"

#define STDIN_MAX    (10 << 20) /* containerd's own limit */
#define PIDTYPE_PGID 2 /* a process group, for PR_SCHED_CORE (prctl(2)) */
#define TASK_API     3

/* Everything that "start" knows. */
struct start {
	const struct args *args;
	struct bootstrap params;
	struct task_options options;
	char path[SOCKET_PATH_SIZE];
};

static void
start_done(struct start *s)
{
	bootstrap_done(&s->params);
	options_done(&s->options);
}

/* No options at all means no stdin: then it is /dev/null, or closed. */
static int
read_params(struct start *s, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0;

	int r = fd_read_all(STDIN_FILENO, STDIN_MAX, &data, &len);
	if (r < 0 && r != -EBADF)
		return err_set_errno(err, -r, "read bootstrap parameters");
	r = bootstrap_decode((const uint8_t *)data, len, s->args->id,
	    s->args->ns, &s->params, err);
	if (r < 0)
		return r;
	/* Options of a type that only Create can judge are left to Create. */
	struct err ignored;
	if (options_decode(s->params.options_type ? s->params.options_type : "",
		s->params.options.data, s->params.options.len, &s->options,
		&ignored) < 0)
		return options_decode("", NULL, 0, &s->options, err);
	return 0;
}

static int
choose_path(struct start *s, struct err *err)
{
	const char *dir = s->params.socket_dir && *s->params.socket_dir
			      ? s->params.socket_dir
			      : SOCKET_DIR_DEFAULT;
	struct oci_spec spec = { 0 };

	/* A sandbox's bundle has none: it is a group of its own. */
	int r = access("config.json", F_OK) < 0 && errno == ENOENT
		    ? 0
		    : oci_spec_load(".", &spec, err);
	if (r < 0)
		return r;
	r = socket_path(dir, s->args->address, s->args->ns,
	    spec.group && *spec.group ? spec.group : s->args->id, s->path, err);
	oci_spec_done(&spec);
	if (r == 0 && s->params.socket_dir && *s->params.socket_dir &&
	    symlink(dir, "s") < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "keep socket directory");
	return r;
}

/* containerd before 2.0 finds us again by this file. */
static int
write_address(const struct start *s, struct err *err)
{
	char address[SOCKET_PATH_SIZE + sizeof(SOCKET_PREFIX)];

	int r =
	    path_format(address, sizeof(address), SOCKET_PREFIX "%s", s->path);
	if (r == 0)
		r = file_write_atomic(
		    AT_FDCWD, "address", address, strlen(address), 0644);
	return r < 0 ? err_set_errno(err, -r, "write address") : 0;
}

static bool
wants_debug(const struct start *s)
{
	return s->args->debug || s->params.debug;
}

/* Whoever is started from here on shares cores with its like only. 0 or errno.
 */
static int
split_cores(void)
{
	const char *wanted = getenv("SCHED_CORE");

	if (!wanted || !*wanted)
		return 0;
	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PIDTYPE_PGID, 0) <
		       0
		   ? errno
		   : 0;
}

/* In the child: becomes the serving process. Returns only on failure. */
static int
become_server(const struct start *s, int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || setpgid(0, 0) < 0)
		return errno;
	int failure = split_cores();
	if (failure)
		return failure;
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(null, fd) < 0)
			return errno;
	}
	if (socket != SERVE_SOCKET_FD) {
		if (dup2(socket, SERVE_SOCKET_FD) < 0)
			return errno;
	} else if (fcntl(socket, F_SETFD, 0) < 0) {
		return errno;
	}
	/* Whatever containerd let through is not the server's to hold open. */
	(void)close_range(SERVE_SOCKET_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	char *const argv[] = { program_invocation_name,
		(char *)(uintptr_t) "-namespace",
		(char *)(uintptr_t)s->args->ns, (char *)(uintptr_t) "-id",
		(char *)(uintptr_t)s->args->id, (char *)(uintptr_t) "-address",
		(char *)(uintptr_t)s->args->address,
		wants_debug(s) ? (char *)(uintptr_t) "-debug" : NULL, NULL };
	(void)execv("/proc/self/exe", argv);
	return errno;
}

/*
 * vfork: the helper's memory is not copied for a child that only executes, and
 * by the time it goes on the child has: a failure is left in memory that both
 * see.
 */
static int
spawn(const struct start *s, int socket, pid_t *ret, struct err *err)
{
	volatile int failure = 0;
	// NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork)
	pid_t pid = vfork();

	if (pid < 0)
		return err_set_errno(err, errno, "start serving process");
	if (pid == 0) {
		// NOLINTNEXTLINE(clang-analyzer-unix.Vfork)
		failure = become_server(s, socket);
		_exit(1);
	}
	if (failure) {
		(void)waitpid(pid, NULL, 0);
		return err_set_errno(err, failure, "start serving process");
	}
	*ret = pid;
	return 0;
}

static int
make_server(const struct start *s, int socket, struct err *err)
{
	pid_t pid = 0;

	int r = write_address(s, err);
	if (r == 0)
		r = spawn(s, socket, &pid, err);
	if (r < 0) {
		(void)unlink(s->path);
		return r;
	}
	if (*s->options.shim_cgroup)
		r = cgroup_join(s->options.shim_cgroup, pid, err);
	if (r == 0)
		r = oom_score_above_parent(pid, err);
	if (r < 0) {
		/* It is gone when the error is told. */
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		(void)unlink(s->path);
	}
	return r;
}

/* The address in JSON, for who says in MAX_SHIM_VERSION what he understands. */
static int
format_json(const struct start *s, const char *max_text, char *buf, size_t size)
{
	long max = strtol(max_text, NULL, 10);

	return path_format(buf, size,
	    "{\"version\":%d,\"address\":\"" SOCKET_PREFIX
	    "%s\",\"protocol\":\"ttrpc\"}",
	    max >= TASK_API ? TASK_API : TASK_API - 1, s->path);
}

/*
 * The answer in the form of who asks: protobuf for containerd 2.3 and later,
 * which has given us its parameters; JSON for 1.7 to 2.2, which say so in the
 * environment; the plain address for 1.6. We serve both versions of the service
 * whatever the answer.
 */
static int
print_answer(const struct start *s, struct err *err)
{
	cleanup_bytes struct bytes answer = { 0 };
	const char *max = getenv("MAX_SHIM_VERSION");
	char text[SOCKET_PATH_SIZE + 64];

	int r = path_format(text, sizeof(text), SOCKET_PREFIX "%s", s->path);
	if (r == 0 && s->params.params) {
		r = bootstrap_result_encode(TASK_API, text, &answer, err);
		if (r < 0)
			return r;
		r = fd_write_full(STDOUT_FILENO, answer.data, answer.len);
		return r < 0 ? err_set_errno(err, -r, "print address") : 0;
	}
	if (r == 0 && max)
		r = format_json(s, max, text, sizeof(text));
	if (r == 0)
		r = fd_write_full(STDOUT_FILENO, text, strlen(text));
	return r < 0 ? err_set_errno(err, -r, "print address") : 0;
}

static int
run(struct start *s, struct err *err)
{
	cleanup_close int socket = -1;
	bool taken;

	int r = read_params(s, err);
	if (r >= 0)
		r = choose_path(s, err);
	if (r >= 0)
		r = socket_bind(s->path, &socket, &taken, err);
	if (r < 0)
		return r;
	r = taken ? write_address(s, err) : make_server(s, socket, err);
	return r < 0 ? r : print_answer(s, err);
}

int
start_run(const struct args *args, struct err *err)
{
	struct start s = { .args = args };
	struct config config;

	/* So that a mistake in it is told here, where somebody reads it. */
	int r = config_load(&config, err);
	if (r < 0)
		return r;
	config_done(&config);
	r = run(&s, err);

	start_done(&s);
	return r;
}
