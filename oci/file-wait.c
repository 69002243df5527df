/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify on the directory: the file itself need not exist yet. Other files of
 * the directory come and go, too, so names are compared.
 */
#include "oci/file-wait.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"

struct oci_file_wait {
	int fd;
	struct event event;
	char *name;
	oci_file_wait_fn *fn;
	void *arg;
};

static bool
concerns(const struct oci_file_wait *wait, const struct inotify_event *event)
{
	return event->mask & IN_Q_OVERFLOW ||
	       (event->len && strcmp(event->name, wait->name) == 0);
}

/* One read's worth of events: is the file among them? */
static bool
look(const struct oci_file_wait *wait, const char *buf, size_t len)
{
	bool found = false;

	for (size_t at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(buf + at);

		found |= concerns(wait, event);
		at += sizeof(*event) + event->len;
	}
	return found;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct oci_file_wait *wait = arg;
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1]
	    __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)what;
	ssize_t n = read(fd, buf, sizeof(buf));
	if (n > 0 && look(wait, buf, (size_t)n))
		wait->fn(wait->arg);
}

static int
watch(struct oci_file_wait *wait, const char *dir)
{
	const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR;

	wait->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return wait->fd < 0 || inotify_add_watch(wait->fd, dir, mask) < 0
		   ? -errno
		   : 0;
}

int
oci_file_wait_new(struct event_base *base, int priority, const char *dir,
    const char *name, oci_file_wait_fn *fn, void *arg,
    struct oci_file_wait **ret, struct err *err)
{
	struct oci_file_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return err_set_errno(err, ENOMEM, "wait for %s", name);
	wait->fd = -1;
	wait->fn = fn;
	wait->arg = arg;
	wait->name = strdup(name);
	int r = wait->name ? watch(wait, dir) : -ENOMEM;
	if (r == 0) {
		(void)event_assign(&wait->event, base, wait->fd,
		    EV_READ | EV_PERSIST, on_readable, wait);
		(void)event_priority_set(&wait->event, priority);
		if (event_add(&wait->event, NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0) {
		close_fd(&wait->fd);
		free(wait->name);
		free(wait);
		return err_set_errno(err, -r, "wait for %s/%s", dir, name);
	}
	*ret = wait;
	return 0;
}

void
oci_file_wait_free(struct oci_file_wait *wait)
{
	if (!wait)
		return;
	(void)event_del(&wait->event);
	close_fd(&wait->fd);
	free(wait->name);
	free(wait);
}
