/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tells of a kill is a counter: "oom_kill" in memory.oom_control (v1) or
 * memory.events (v2). What wakes us is only a reason to look at it:
 *
 * - v1: an eventfd, registered by writing its number and that of an open
 *   memory.oom_control to cgroup.event_control. The kernel signals it before it
 *   chooses whom to kill, so the counter has often not grown yet; and when the
 *   cgroup is removed. Nothing tells when it grows: it is looked at again a few
 *   times, and when a process ends, for a kill is counted before its signal.
 * - v2: inotify on memory.events, which the kernel modifies after counting.
 *
 * On v1 a kill is counted only where the victim was, so the cgroups below are
 * looked at too; on v2 it is counted in all above as well. Linux before 4.13
 * has no counter on v1: there each signal is a kill while the cgroup exists.
 */
#include "cgroups/oom.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

/* When to look again, after a wake: it takes the kernel a while to kill. */
static const struct timeval again_after[] = {
	{ .tv_usec = 10000 },
	{ .tv_usec = 50000 },
	{ .tv_usec = 250000 },
	{ .tv_sec = 1 },
	{ .tv_sec = 5 },
};
#define AGAIN_MAX (sizeof(again_after) / sizeof(*again_after))

struct oom_watch {
	const struct cgroup *cg;
	const char *dir; /* in the memory hierarchy; cg's */
	oom_watch_fn *fn;
	void *arg;
	int fd; /* an eventfd or an inotify instance */
	struct event *wake, *again;
	size_t n_again;     /* looks since the last wake */
	bool uncounted;     /* woken without a counter to look at */
	uint64_t last_seen; /* kills that fn was told of */
};

/* Empties the descriptor; true when there was anything. */
static bool
drain(int fd)
{
	char buf[1024] __attribute__((aligned(8)));
	bool any = false;

	while (read(fd, buf, sizeof(buf)) > 0)
		any = true;
	return any;
}

/* -ENODATA where the kernel does not count. */
static int
add_kills(int dir, const char *name, uint64_t *kills)
{
	char text[1024];
	uint64_t value;

	ssize_t n = cgroup_read_at(dir, name, text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (!cgroup_find_value(text, "oom_kill", &value))
		return -ENODATA;
	*kills += value;
	return 0;
}

static int
add_v1_kills(int dir, void *arg)
{
	return add_kills(dir, "memory.oom_control", arg);
}

static int
read_kills(const struct oom_watch *watch, uint64_t *ret)
{
	*ret = 0;
	if (!cgroup_is_v2(watch->cg))
		return cgroup_walk(watch->dir, add_v1_kills, ret);
	cleanup_close int dir =
	    open(watch->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : add_kills(dir, "memory.events", ret);
}

static void
look_at_counter(struct oom_watch *watch, uint64_t kills)
{
	if (kills > watch->last_seen && !watch->fn(watch->arg))
		return;
	watch->last_seen = kills;
}

/* A cgroup that cannot be read is gone, and so is what there was to tell. */
static void
look(struct oom_watch *watch, bool woken)
{
	uint64_t kills;

	int r = read_kills(watch, &kills);
	if (r == -ENODATA)
		watch->uncounted = watch->uncounted || woken;
	if (r == 0)
		look_at_counter(watch, kills);
	else if (r == -ENODATA && watch->uncounted)
		watch->uncounted = !watch->fn(watch->arg);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct oom_watch *watch = arg;

	(void)what;
	bool woken = drain(fd);
	watch->n_again = 0;
	(void)event_add(watch->again, &again_after[0]);
	look(watch, woken);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct oom_watch *watch = arg;

	(void)fd;
	(void)what;
	if (++watch->n_again < AGAIN_MAX)
		(void)event_add(watch->again, &again_after[watch->n_again]);
	look(watch, /* woken= */ false);
}

void
oom_watch_check(struct oom_watch *watch)
{
	if (watch)
		look(watch, drain(watch->fd));
}

static int
open_v1(const char *dir)
{
	cleanup_close int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cleanup_close int control =
	    cgroup_open(dir, "memory.oom_control", O_RDONLY);
	char text[32];

	if (fd < 0)
		return -errno;
	if (control < 0)
		return control;
	(void)snprintf(text, sizeof(text), "%d %d", fd, control);
	int r = cgroup_write(dir, "cgroup.event_control", text);
	return r < 0 ? r : take_fd(&fd);
}

static int
open_v2(const char *dir)
{
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[PATH_MAX];

	if (fd < 0)
		return -errno;
	int r = path_format(path, sizeof(path), "%s/memory.events", dir);
	if (r < 0)
		return r;
	return inotify_add_watch(fd, path, IN_MODIFY) < 0 ? -errno
							  : take_fd(&fd);
}

static int
explain(const struct cgroup *cg, int r, struct err *err)
{
	if (r != -ENOENT && r != -ENODEV)
		return err_set_errno(
		    err, -r, "watch for OOM in cgroup '%s'", cg->path);
	if (access(cg->dir, F_OK) < 0)
		return cgroup_missing(err);
	return err_set(err, ERR_FAILED_PRECONDITION, EOPNOTSUPP,
	    "cgroup has no memory controller");
}

static int
begin(struct oom_watch *watch, struct event_base *base, int priority)
{
	watch->fd =
	    cgroup_is_v2(watch->cg) ? open_v2(watch->dir) : open_v1(watch->dir);
	if (watch->fd < 0)
		return watch->fd;
	watch->wake =
	    event_new(base, watch->fd, EV_READ | EV_PERSIST, on_wake, watch);
	watch->again = event_new(base, -1, 0, on_again, watch);
	if (!watch->wake || !watch->again)
		return -ENOMEM;
	(void)event_priority_set(watch->wake, priority);
	(void)event_priority_set(watch->again, priority);
	return event_add(watch->wake, NULL) < 0 ? -ENOMEM : 0;
}

int
oom_watch_new(struct event_base *base, int priority, const struct cgroup *cg,
    oom_watch_fn *fn, void *arg, struct oom_watch **ret, struct err *err)
{
	const char *dir = cgroup_dir(cg, CGROUP_V1_MEMORY);
	struct oom_watch *watch;

	if (!dir)
		return explain(cg, -ENOENT, err);
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return explain(cg, -ENOMEM, err);
	watch->cg = cg;
	watch->dir = dir;
	watch->fn = fn;
	watch->arg = arg;
	watch->fd = -1;
	int r = begin(watch, base, priority);
	if (r < 0) {
		oom_watch_free(watch);
		return explain(cg, r, err);
	}
	*ret = watch;
	return 0;
}

void
oom_watch_free(struct oom_watch *watch)
{
	if (!watch)
		return;
	if (watch->wake)
		event_free(watch->wake);
	if (watch->again)
		event_free(watch->again);
	close_fd(&watch->fd);
	free(watch);
}
