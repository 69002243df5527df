/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket over which a runtime hands out a terminal's master end.
 *
 * Protocol (runc's, shared by all runtimes): connect, one message of up to 4095
 * bytes, the slave's name, with exactly one descriptor as SCM_RIGHTS, close.
 * The first to connect is the only one heard; it must speak within a time,
 * because a runtime that stops in between would leave us waiting. Every
 * descriptor that comes with a wrong message is closed.
 */
#include "oci/console.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define NAME_MAX_LEN 4095
#define MESSAGE_TIME 10 /* seconds from connection to message */

/* Room for more than one, so that a second is seen. What does not fit is closed
 * by the kernel, which says so by MSG_CTRUNC. */
#define FDS_MAX 4

struct oci_console {
	struct event_base *base;
	int priority;
	int fd; /* the listener, then the connection */
	struct event event;
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct sockaddr_un addr;
	oci_console_fn *done;
	void *arg;
};

/* The descriptors of a message. */
struct received {
	int fds[FDS_MAX];
	size_t n;
};

static void
stop(struct oci_console *console)
{
	if (console->fd < 0)
		return;
	(void)event_del(&console->event);
	close_fd(&console->fd);
}

/* The owner may free the console in here. */
static void
fail(struct oci_console *console, const struct err *err)
{
	stop(console);
	console->done(-1, err, console->arg);
}

static void
fail_text(struct oci_console *console, const char *text)
{
	struct err err;

	(void)err_set(&err, ERR_UNKNOWN, EPROTO, "console socket: %s", text);
	fail(console, &err);
}

static void
fail_errno(struct oci_console *console, int error, const char *what)
{
	struct err err;

	(void)err_set_errno(&err, error, "console socket: %s", what);
	fail(console, &err);
}

static void
collect(struct msghdr *msg, struct received *ret)
{
	ret->n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n && ret->n < FDS_MAX; i++)
			memcpy(&ret->fds[ret->n++],
			    CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

/* recvmsg(2) with its descriptors: bytes of the name, or -errno. */
static ssize_t
receive(int fd, struct received *ret, bool *ret_truncated)
{
	char name[NAME_MAX_LEN + 1];
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = name, .iov_len = sizeof(name) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	collect(&msg, ret);
	*ret_truncated = msg.msg_flags & MSG_CTRUNC;
	return n;
}

/* What is wrong with a message; NULL when it is right. */
static const char *
fault_of(ssize_t len, const struct received *received, bool truncated)
{
	if (len == 0)
		return "closed before a terminal was sent";
	if (len > NAME_MAX_LEN)
		return "the terminal's name is too long";
	if (received->n == 0 && !truncated)
		return "no terminal in the message";
	if (received->n != 1 || truncated)
		return "more than one descriptor in the message";
	if (!isatty(received->fds[0]))
		return "provided file is not a console";
	return NULL;
}

static void
on_message(evutil_socket_t fd, short what, void *arg)
{
	struct oci_console *console = arg;
	struct received received = { .n = 0 };
	bool truncated = false;

	(void)fd;
	if (what & EV_TIMEOUT) {
		fail_errno(console, ETIMEDOUT, "wait for the terminal");
		return;
	}
	ssize_t n = receive(console->fd, &received, &truncated);
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n < 0) {
		fail_errno(console, (int)-n, "receive the terminal");
		return;
	}
	const char *fault = fault_of(n, &received, truncated);
	int r = fault ? 0 : fd_set_nonblock(received.fds[0], true);
	if (!fault && r == 0) {
		stop(console);
		console->done(received.fds[0], NULL, console->arg);
		return;
	}
	for (size_t i = 0; i < received.n; i++)
		(void)close(received.fds[i]);
	if (fault)
		fail_text(console, fault);
	else
		fail_errno(console, -r, "use the terminal");
}

/* Makes fd the one that is watched. */
static int
watch(struct oci_console *console, int fd, event_callback_fn fn,
    const struct timeval *timeout)
{
	console->fd = fd;
	(void)event_assign(&console->event, console->base, fd,
	    EV_READ | EV_PERSIST, fn, console);
	(void)event_priority_set(&console->event, console->priority);
	return event_add(&console->event, timeout) < 0 ? -ENOMEM : 0;
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval timeout = { .tv_sec = MESSAGE_TIME };
	struct oci_console *console = arg;

	(void)what;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0 &&
	    (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	if (conn < 0) {
		fail_errno(console, errno, "accept");
		return;
	}
	stop(console);
	int r = watch(console, conn, on_message, &timeout);
	if (r < 0)
		fail_errno(console, -r, "watch");
}

/* A private directory under parent and the socket's address in it. */
static int
make_dir(struct oci_console *console, const char *parent)
{
	char *path = console->addr.sun_path;

	if (!parent || parent[0] != '/')
		return -ENOENT;
	int r = path_format(
	    console->dir, sizeof(console->dir), "%s/chock-pty-XXXXXX", parent);
	if (r == 0)
		/* One byte less: some runtimes want the NUL within. */
		r = path_format(path, sizeof(console->addr.sun_path) - 1,
		    "%s/pty.sock", console->dir);
	if (r == 0 && !mkdtemp(console->dir))
		r = -errno;
	if (r < 0) {
		console->dir[0] = '\0';
		return r;
	}
	return path_format(
	    path, sizeof(console->addr.sun_path), "%s/pty.sock", console->dir);
}

static int
make_any_dir(struct oci_console *console)
{
	const char *parents[] = { getenv("XDG_RUNTIME_DIR"), "/run", "/tmp" };
	int r = -ENOENT;

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		r = make_dir(console, parents[i]);
		if (r == 0)
			break;
	}
	return r;
}

static int
listen_there(struct oci_console *console)
{
	cleanup_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	console->addr.sun_family = AF_UNIX;
	if (bind(fd, (const struct sockaddr *)&console->addr,
		sizeof(console->addr)) < 0)
		return -errno;
	if (listen(fd, 1) < 0)
		return -errno;
	return watch(console, take_fd(&fd), on_connection, /* timeout= */ NULL);
}

int
oci_console_new(struct event_base *base, int priority, oci_console_fn *done,
    void *arg, struct oci_console **ret, struct err *err)
{
	struct oci_console *console = calloc(1, sizeof(*console));

	if (!console)
		return err_set_errno(err, ENOMEM, "console socket");
	console->base = base;
	console->priority = priority;
	console->fd = -1;
	console->done = done;
	console->arg = arg;
	int r = make_any_dir(console);
	if (r == 0)
		r = listen_there(console);
	if (r < 0) {
		oci_console_free(console);
		return err_set_errno(err, -r, "console socket");
	}
	*ret = console;
	return 0;
}

const char *
oci_console_path(const struct oci_console *console)
{
	return console->addr.sun_path;
}

void
oci_console_free(struct oci_console *console)
{
	if (!console)
		return;
	stop(console);
	if (console->dir[0]) {
		(void)unlink(console->addr.sun_path);
		(void)rmdir(console->dir);
	}
	free(console);
}
