/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify tells of each read; how much is left is asked of the pipe itself.
 */
#include "oci/unread.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

/* A reader that was stopped, or is gone, must not hold up a Delete for long. */
#define PATIENCE NSEC_PER_SEC

struct oci_unread {
	int writer;
	int inotify;
	struct event read;
	struct event patience;
	oci_unread_fn *fn;
	void *arg;
};

static bool
is_empty(const struct oci_unread *unread)
{
	int n = 0;

	return ioctl(unread->writer, FIONREAD, &n) < 0 || n == 0;
}

static void
finish(struct oci_unread *unread)
{
	(void)event_del(&unread->read);
	(void)event_del(&unread->patience);
	close_fd(&unread->writer);
	unread->fn(unread->arg);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct oci_unread *unread = arg;
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1];

	(void)what;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	if (is_empty(unread))
		finish(unread);
}

static int
watch(struct oci_unread *unread, const char *path, struct event_base *base,
    int priority)
{
	struct timeval tv = clock_timeval(PATIENCE);

	unread->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (unread->inotify < 0 ||
	    inotify_add_watch(unread->inotify, path, IN_ACCESS) < 0)
		return -errno;
	(void)event_assign(&unread->read, base, unread->inotify,
	    EV_READ | EV_PERSIST, on_read, unread);
	(void)event_assign(&unread->patience, base, -1, 0, on_patience, unread);
	(void)event_priority_set(&unread->read, priority);
	(void)event_priority_set(&unread->patience, priority);
	return event_add(&unread->read, NULL) < 0 ||
		       event_add(&unread->patience, &tv) < 0
		   ? -ENOMEM
		   : 0;
}

static int
begin(
    struct oci_unread *unread, int fifo, struct event_base *base, int priority)
{
	char path[32];

	int r = path_format(path, sizeof(path), "/proc/self/fd/%d", fifo);
	if (r < 0)
		return r;
	unread->writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (unread->writer < 0)
		return -errno;
	if (is_empty(unread))
		return 0;
	r = watch(unread, path, base, priority);
	/* What was read before the watch is not told of. */
	return r < 0 || is_empty(unread) ? r : 1;
}

int
oci_unread_new(struct event_base *base, int priority, int fifo,
    oci_unread_fn *fn, void *arg, struct oci_unread **ret)
{
	struct oci_unread *unread = calloc(1, sizeof(*unread));

	if (!unread)
		return -ENOMEM;
	unread->writer = unread->inotify = -1;
	unread->fn = fn;
	unread->arg = arg;
	int r = begin(unread, fifo, base, priority);
	if (r == 1)
		*ret = unread;
	else
		oci_unread_free(unread);
	return r;
}

void
oci_unread_free(struct oci_unread *unread)
{
	if (!unread)
		return;
	if (event_initialized(&unread->read))
		(void)event_del(&unread->read);
	if (event_initialized(&unread->patience))
		(void)event_del(&unread->patience);
	close_fd(&unread->writer);
	close_fd(&unread->inotify);
	free(unread);
}
