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
 *   systemd removes the cgroup of a scope as soon as it is empty, often before
 *   we have looked. Then a kill is taken for ours when the file was modified
 *   since, and the system as a whole (/proc/vmstat) has counted another one:
 *   memory.events is modified for lesser reasons, too.
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
#include <string.h>
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
	bool pending;       /* woken, and not looked at a counter since */
	uint64_t last_seen; /* kills that fn was told of */
	uint64_t elsewhere; /* v2: the system's without ours, modulo 2^64 */
};

/* The removal of a file is told as well, and is no reason to look. */
static bool
any_modified(const char *buf, size_t len)
{
	struct inotify_event record;

	for (size_t at = 0; at < len; at += sizeof(record) + record.len) {
		memcpy(&record, buf + at, sizeof(record));
		if (record.mask & IN_MODIFY)
			return true;
	}
	return false;
}

/* Empties the descriptor. */
static void
drain(struct oom_watch *watch)
{
	char buf[1024];
	ssize_t n;

	while ((n = read(watch->fd, buf, sizeof(buf))) > 0)
		if (!cgroup_is_v2(watch->cg) || any_modified(buf, (size_t)n))
			watch->pending = true;
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
read_v2_kills(const struct oom_watch *watch, uint64_t *ret)
{
	*ret = 0;
	cleanup_close int dir =
	    open(watch->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : add_kills(dir, "memory.events", ret);
}

static int
read_system_kills(uint64_t *ret)
{
	char text[16 << 10];

	ssize_t n = cgroup_read("/proc", "vmstat", text, sizeof(text));
	if (n < 0)
		return (int)n;
	return cgroup_find_value(text, "oom_kill", ret) ? 0 : -ENODATA;
}

/*
 * Both numbers of the same moment: the system's is counted first. Without one
 * of the system nothing is ever missed.
 */
static int
read_v2(const struct oom_watch *watch, uint64_t *ret, uint64_t *ret_elsewhere)
{
	uint64_t kills = 0, before = 0, after = 0;

	do {
		bool known = read_system_kills(&before) == 0;
		int r = read_v2_kills(watch, &kills);
		if (r < 0)
			return r;
		if (!known || read_system_kills(&after) < 0)
			before = after = UINT64_MAX;
	} while (before != after);
	*ret = kills;
	*ret_elsewhere = after - kills;
	return 0;
}

/*
 * Where some kill was told already it would be a guess too many: the kernel
 * holds notifications back for 10 ms, so one is often still to come, and
 * another container may have been hit meanwhile.
 */
static bool
missed_one(const struct oom_watch *watch)
{
	uint64_t system;

	return watch->pending && watch->last_seen == 0 &&
	       read_system_kills(&system) == 0 &&
	       (int64_t)(system - watch->elsewhere) > 0;
}

static void
look_at_counter(struct oom_watch *watch, uint64_t kills)
{
	if (kills > watch->last_seen && !watch->fn(watch->arg))
		return;
	watch->last_seen = kills;
	watch->pending = false;
}

static void
look_v2(struct oom_watch *watch)
{
	uint64_t kills;

	int r = read_v2(watch, &kills, &watch->elsewhere);
	if (r == 0)
		look_at_counter(watch, kills);
	else if (missed_one(watch) && watch->fn(watch->arg))
		watch->last_seen = 1;
}

/* A cgroup that cannot be read is gone, and so is what there was to tell. */
static void
look_v1(struct oom_watch *watch)
{
	uint64_t kills = 0;

	int r = cgroup_walk(watch->dir, add_v1_kills, &kills);
	if (r == 0)
		look_at_counter(watch, kills);
	else if (r == -ENODATA && watch->pending)
		watch->pending = !watch->fn(watch->arg);
}

static void
look(struct oom_watch *watch)
{
	if (cgroup_is_v2(watch->cg))
		look_v2(watch);
	else
		look_v1(watch);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct oom_watch *watch = arg;

	(void)fd;
	(void)what;
	drain(watch);
	watch->n_again = 0;
	(void)event_add(watch->again, &again_after[0]);
	look(watch);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct oom_watch *watch = arg;

	(void)fd;
	(void)what;
	if (++watch->n_again < AGAIN_MAX)
		(void)event_add(watch->again, &again_after[watch->n_again]);
	look(watch);
}

void
oom_watch_check(struct oom_watch *watch)
{
	if (!watch)
		return;
	drain(watch);
	look(watch);
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
open_watch(struct oom_watch *watch)
{
	uint64_t kills;

	if (!cgroup_is_v2(watch->cg))
		return open_v1(watch->dir);
	int fd = open_v2(watch->dir);
	if (fd >= 0)
		(void)read_v2(watch, &kills, &watch->elsewhere);
	return fd;
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
	watch->fd = open_watch(watch);
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
