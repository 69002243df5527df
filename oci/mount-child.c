/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of a worker that mounts, each with a namespace of its own. What one
 * makes there it gives away as a descriptor; what it leaves there goes with it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/mount-internal.h"

/* One message from the child: an error, or a descriptor beside an empty one. */
struct answer {
	struct err err;
	struct iovec iov;
	struct msghdr msg;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

static void
answer_init(struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->iov = (struct iovec){ &answer->err, sizeof(answer->err) };
	answer->msg.msg_iov = &answer->iov;
	answer->msg.msg_iovlen = 1;
	answer->msg.msg_control = answer->control.room;
	answer->msg.msg_controllen = sizeof(answer->control.room);
}

static void
answer_put_fd(struct answer *answer, int fd)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(&answer->msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

static int
answer_take_fd(struct answer *answer)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(&answer->msg);
	int fd = -1;

	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* ---- in the child ---- */

static void
send_answer(int socket, int fd, const struct err *err)
{
	struct answer answer;

	answer_init(&answer);
	if (fd >= 0) {
		answer_put_fd(&answer, fd);
	} else {
		answer.err = *err;
		answer.msg.msg_control = NULL;
		answer.msg.msg_controllen = 0;
	}
	(void)sendmsg(socket, &answer.msg, MSG_NOSIGNAL);
}

static void
run(int socket, mount_child_fn *fn, void *arg, pid_t parent)
{
	struct err err = { 0 };
	char c;

	/* It may have died before the call. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return;
	send_answer(socket, fn(arg, &err), &err);
	while (read(socket, &c, 1) < 0 && errno == EINTR)
		continue;
}

/* ---- in the parent ---- */

static int
receive_answer(int socket, struct err *err)
{
	struct answer answer;
	ssize_t n;

	answer_init(&answer);
	do
		n = recvmsg(socket, &answer.msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(answer.err))
		return err_set(err, ERR_INTERNAL, EIO,
		    "a child that mounts ended without an answer");
	int fd = answer_take_fd(&answer);
	if (fd >= 0)
		return fd;
	if (err)
		*err = answer.err;
	return answer.err.sys > 0 ? -answer.err.sys : -EIO;
}

int
mount_child_start(
    struct mount_child *ret, mount_child_fn *fn, void *arg, struct err *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set_errno(err, errno, "start a child that mounts");
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		run(ends[1], fn, arg, parent);
		_exit(0);
	}
	int r = pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	*ret = (struct mount_child){ .pid = pid, .socket = ends[0] };
	if (r < 0) {
		(void)close(ends[0]);
		return err_set_errno(err, -r, "start a child that mounts");
	}
	int fd = receive_answer(ret->socket, err);
	if (fd < 0)
		mount_child_end(ret);
	return fd;
}

void
mount_child_end(struct mount_child *child)
{
	close_fd(&child->socket);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
