/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is different when this program is called runsc.
 *
 * A sandbox's own container is the sandbox: its init listens at the control
 * socket, <root>/runsc-<sandbox id>.sock, and hands the listener over to
 * whoever waits at the socket <bundle>/control, a test, which answers in its
 * place. The kernel names the process that has begun to listen as the peer, so
 * for a client it is the sandbox that answers. Without such a test nobody
 * listens. With `create set abstract` the socket is that of older builds,
 * without a file.
 *
 * Another container of the pod has processes of its own here, which nobody but
 * its keeper can wait for: a process that stays for that, and leaves the status
 * behind for `wait`. A terminal it cannot have.
 */
#include "test/tool/fake-runtime/fake.h"
#include "test/tool/fake-runtime/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 16

void
runsc_find_sandbox(struct call *call, const char *config)
{
	const char *annotations = json_get(config, "annotations");
	char *type = json_string(
	    json_get(annotations, "io.kubernetes.cri.container-type"));

	call->sandbox_id = call->id;
	if (!type || strcmp(type, "container") != 0)
		return;
	call->in_sandbox = true;
	call->sandbox_id =
	    json_string(json_get(annotations, "io.kubernetes.cri.sandbox-id"));
	if (!call->sandbox_id)
		fail(call, "no sandbox is named");
}

/* ---- the sandbox ---- */

static char *
control_path(const struct call *call)
{
	return text_format("%s/runsc-%s.sock", call->root, call->sandbox_id);
}

/* Its length; 0 when it does not fit. */
static socklen_t
control_address(const struct call *call, struct sockaddr_un *ret)
{
	size_t skip = script_value("abstract") ? 1 : 0;
	char *path = skip ? text_format("runsc-sandbox.%s", call->sandbox_id)
			  : control_path(call);
	size_t len = strlen(path) + 1;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (skip + len > sizeof(ret->sun_path))
		return 0;
	memcpy(ret->sun_path + skip, path, len);
	if (!skip)
		(void)unlink(path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip + len);
}

int
runsc_listen(const struct call *call)
{
	struct sockaddr_un address;
	char *control = text_format("%s/control", call->dir);

	if (access(control, F_OK) < 0)
		return 0;
	int to = socket_connect(control);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = control_address(call, &address);
	if (to < 0 || fd < 0 || len == 0)
		return -EIO;
	if (bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	if (!socket_send(to, "control", &fd, 1))
		return -EIO;
	close(fd);
	close(to);
	return 0;
}

static pid_t
sandbox_pid(const struct call *call)
{
	return call->in_sandbox ? text_read_pid(text_format("%s/%s", call->root,
						    call->sandbox_id),
				      "pid")
				: call->pid;
}

void
runsc_keep_state(struct call *call)
{
	char *path = text_format(
	    "%s/%s_sandbox:%s.state", call->root, call->id, call->sandbox_id);
	pid_t pid = sandbox_pid(call);

	call->told_pid = pid;
	if (text_append(path,
		text_format("{\"id\":\"%s\",\"sandbox\":{\"id\":\"%s\","
			    "\"pid\":%d,\"controlSocketPath\":\"%s\"}}\n",
		    call->id, call->sandbox_id, pid,
		    script_value("abstract") ? "" : control_path(call))) < 0)
		fail(call, "write %s: %s", path, strerror(errno));
	if (text_write(text_format("%s/state-file", call->state), path) < 0 ||
	    text_write(text_format("%s/sandbox", call->state),
		text_format("%d", pid)) < 0 ||
	    text_write(text_format("%s/sandbox-id", call->state),
		call->sandbox_id) < 0)
		fail(call, "keep the state: %s", strerror(errno));
}

bool
runsc_sandbox_is_dead(const struct call *call)
{
	pid_t pid = text_read_pid(call->state, "sandbox");

	return pid && !process_alive(pid);
}

/* Its writing is the last that the keeper does, whose pid is then free. */
static void
wait_for_status(const struct call *call)
{
	if (access(text_format("%s/status", call->state), F_OK) < 0)
		process_wait_dead(text_read_pid(call->state, "keeper"));
}

/* Not by force either: there is no way from paused to stopped. */
void
runsc_check_delete(struct call *call)
{
	if (access(text_format("%s/paused", call->state), F_OK) < 0)
		return;
	fail(call, "%s",
	    call->force ? "panic: invalid state transition: paused => stopped"
			: "cannot delete container that is not stopped without "
			  "--force flag");
}

void
runsc_forget_state(const struct call *call)
{
	char *path = text_read(text_format("%s/state-file", call->state));

	if (path)
		(void)unlink(path);
	wait_for_status(call);
}

/* ---- another container of the pod ---- */

void
runsc_drop_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
}

static _Noreturn void
keep_status(const struct call *call, pid_t pid)
{
	int status = 0;

	runsc_drop_streams();
	(void)waitpid(pid, &status, 0);
	(void)text_write(
	    text_format("%s/status", call->state), text_format("%d", status));
	_exit(0);
}

/* It inherits the write end of a pipe, which says who has been started. */
static _Noreturn void
keeper(
    struct call *call, const struct program *program, const char *gate, int fd)
{
	int master;
	pid_t pid = process_start(call, program, gate, &master);

	if (write(fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	close(fd);
	keep_status(call, pid);
}

pid_t
runsc_start_member(
    struct call *call, const struct program *program, const char *gate)
{
	int fds[2], status = 1;
	pid_t pid = 0;

	if (pipe(fds) < 0)
		fail(call, "pipe: %s", strerror(errno));
	pid_t of_keeper = fork();
	if (of_keeper == 0)
		keeper(call, program, gate, fds[1]);
	close(fds[1]);
	if (read(fds[0], &pid, sizeof(pid)) != sizeof(pid)) {
		(void)waitpid(of_keeper, &status, 0);
		exit(WEXITSTATUS(status)); /* it has said why */
	}
	close(fds[0]);
	if (text_write(text_format("%s/keeper", call->state),
		text_format("%d", of_keeper)) < 0)
		fail(call, "write keeper: %s", strerror(errno));
	return pid;
}

/* ---- verbs ---- */

void
runsc_wait(struct call *call)
{
	wait_for_status(call);
	char *text = text_read(text_format("%s/status", call->state));
	int status = text ? atoi(text) : 0;

	if (!text)
		fail(call, "waiting on container %s: no status", call->id);
	printf("{\"id\":\"%s\",\"exitStatus\":%d}\n", call->id,
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

void
runsc_events(struct call *call, size_t pids)
{
	printf("{\"type\":\"stats\",\"id\":\"%s\","
	       "\"data\":{\"pids\":{\"current\":%zu}}}\n",
	    call->id, pids);
}
