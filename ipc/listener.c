/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepting connections: one for each turn of the loop, so that a crowd at the
 * door does not hold up those inside.
 *
 * A peer must have this process's effective user and group, both, as with the
 * Go shims. When descriptors or memory have run out, the socket stays readable
 * and would spin the loop; it is then left alone for PAUSE_MS. That is logged
 * once, until accepting works again.
 *
 * Source: unix(7), accept(2) (which errors concern one connection only), the
 * credential check of containerd's pkg/shim.
 */
#include "ipc/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"

#define PAUSE_MS 100

struct listener {
	struct event readable, resume;
	int fd;
	bool short_of_something; /* told already */
	listener_accept_fn *accepted;
	void *arg;
};

static bool
peer_is_ours(int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		log_warn("ttrpc: refused a connection without credentials: %s",
		    strerrordesc_np(errno));
		return false;
	}
	if (peer.uid == geteuid() && peer.gid == getegid())
		return true;
	log_warn("ttrpc: refused a connection of pid %d, uid %u, gid %u",
	    peer.pid, peer.uid, peer.gid);
	return false;
}

static bool
is_shortage(int sys)
{
	return sys == EMFILE || sys == ENFILE || sys == ENOBUFS ||
	       sys == ENOMEM;
}

static void
listener_pause(struct listener *listener, int sys)
{
	struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };

	if (!listener->short_of_something)
		log_warn("ttrpc: cannot accept connections, waiting: %s",
		    strerrordesc_np(sys));
	listener->short_of_something = true;
	(void)event_del(&listener->readable);
	/* Without a timer the loop had better spin than go deaf. */
	if (event_add(&listener->resume, &pause) < 0)
		(void)event_add(&listener->readable, NULL);
}

static void
listener_on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;

	(void)fd;
	(void)what;
	if (event_add(&listener->readable, NULL) < 0)
		listener_pause(listener, ENOMEM);
}

static void
listener_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;

	(void)what;
	cleanup_close int peer =
	    accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0) {
		/* Other errors concern a peer that has gone again. */
		if (is_shortage(errno))
			listener_pause(listener, errno);
		return;
	}
	listener->short_of_something = false;
	if (peer_is_ours(peer))
		listener->accepted(take_fd(&peer), listener->arg);
}

static int
listener_start(struct listener *listener, struct event_base *base, int priority)
{
	int r = fd_set_nonblock(listener->fd, true);

	if (r < 0)
		return r;
	if (fcntl(listener->fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (event_assign(&listener->readable, base, listener->fd,
		EV_READ | EV_PERSIST, listener_on_readable, listener) < 0 ||
	    event_priority_set(&listener->readable, priority) < 0 ||
	    evtimer_assign(
		&listener->resume, base, listener_on_resume, listener) < 0 ||
	    event_priority_set(&listener->resume, priority) < 0)
		return -EINVAL;
	return event_add(&listener->readable, NULL) < 0 ? -EPERM : 0;
}

int
listener_new_consume(struct event_base *base, int priority, int fd,
    listener_accept_fn *accepted, void *arg, struct listener **ret,
    struct err *err)
{
	cleanup_close int owned = fd;
	cleanup_free struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return err_set_errno(err, ENOMEM, "ttrpc: listen");
	listener->fd = fd;
	listener->accepted = accepted;
	listener->arg = arg;
	int r = listener_start(listener, base, priority);
	if (r < 0)
		return err_set_errno(err, -r, "ttrpc: listen");
	(void)take_fd(&owned);
	*ret = take_ptr(listener);
	return 0;
}

void
listener_accept_now(struct listener *listener)
{
	listener_on_readable(listener->fd, EV_READ, listener);
}

void
listener_free(struct listener *listener)
{
	if (!listener)
		return;
	(void)event_del(&listener->readable);
	(void)event_del(&listener->resume);
	close_fd(&listener->fd);
	free(listener);
}
