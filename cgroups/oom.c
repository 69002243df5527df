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
 *   we have looked. The kills of a removed cgroup are still counted in the one
 *   above, or in the system as a whole (/proc/vmstat) where that is the root: a
 *   process that died of SIGKILL, and a kill there that nobody left has
 * counted, are taken for one of ours. So the one above is watched as well, and
 * whenever its count grows what is not ours of it is noted, while ours can be
 * read.
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
	int fd;  /* an eventfd or an inotify instance */
	int own; /* v2: the cgroup's own watch in it */
	struct event *wake, *again;
	size_t n_again;     /* looks since the last wake */
	bool pending;       /* woken, and not looked at a counter since */
	uint64_t last_seen; /* kills that fn was told of */
	char *above; /* v2: the cgroup above; NULL where it is the root */
	uint64_t elsewhere; /* v2: kills there without ours, modulo 2^64 */
	bool elsewhere_known;
};

/* The removal of a file is told as well, and is no reason to look. */
static bool
own_modified(const struct oom_watch *watch, const char *buf, size_t len)
{
	struct inotify_event record;

	for (size_t at = 0; at < len; at += sizeof(record) + record.len) {
		memcpy(&record, buf + at, sizeof(record));
		if (record.wd == watch->own && record.mask & IN_MODIFY)
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
		if (!cgroup_is_v2(watch->cg) ||
		    own_modified(watch, buf, (size_t)n))
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
read_v2_kills(const char *path, uint64_t *ret)
{
	*ret = 0;
	cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
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

static int
read_outer_kills(const struct oom_watch *watch, uint64_t *ret)
{
	return watch->above ? read_v2_kills(watch->above, ret)
			    : read_system_kills(ret);
}

/*
 * Both numbers of the same moment. While the outer one cannot be read nothing
 * is taken for a missed kill. When ours cannot, what was known of the outer one
 * stays.
 */
static int
read_v2(struct oom_watch *watch, uint64_t *ret)
{
	uint64_t kills = 0, before = 0, after = 0;
	bool known;

	do {
		known = read_outer_kills(watch, &before) == 0;
		int r = read_v2_kills(watch->dir, &kills);
		if (r < 0)
			return r;
		known = known && read_outer_kills(watch, &after) == 0;
	} while (known && before != after);
	watch->elsewhere_known = known;
	watch->elsewhere = after - kills;
	*ret = kills;
	return 0;
}

/*
 * Where some kill was told already it would be a guess too many: the kernel
 * holds notifications back for 10 ms, so one is often still to come, and
 * another container may have been hit meanwhile.
 */
static bool
missed_one(const struct oom_watch *watch, bool killed)
{
	uint64_t outer;

	return (watch->pending || (killed && watch->above)) &&
	       watch->last_seen == 0 && watch->elsewhere_known &&
	       read_outer_kills(watch, &outer) == 0 &&
	       (int64_t)(outer - watch->elsewhere) > 0;
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
look_v2(struct oom_watch *watch, bool killed)
{
	uint64_t kills;

	int r = read_v2(watch, &kills);
	if (r == 0)
		look_at_counter(watch, kills);
	else if (missed_one(watch, killed) && watch->fn(watch->arg))
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
look(struct oom_watch *watch, bool killed)
{
	if (cgroup_is_v2(watch->cg))
		look_v2(watch, killed);
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
	look(watch, /* killed= */ false);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct oom_watch *watch = arg;

	(void)fd;
	(void)what;
	if (++watch->n_again < AGAIN_MAX)
		(void)event_add(watch->again, &again_after[watch->n_again]);
	look(watch, /* killed= */ false);
}

void
oom_watch_check(struct oom_watch *watch, bool killed)
{
	if (!watch)
		return;
	drain(watch);
	look(watch, killed);
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
add_watch(int fd, const char *dir)
{
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/memory.events", dir);
	if (r < 0)
		return r;
	r = inotify_add_watch(fd, path, IN_MODIFY);
	return r < 0 ? -errno : r;
}

static bool
is_scope(const char *dir)
{
	const char suffix[] = ".scope";
	size_t len = strlen(dir), n = sizeof(suffix) - 1;

	return len > n && strcmp(dir + len - n, suffix) == 0;
}

/* The root has no such file. Without it, it is as if that were above. */
static void
watch_above(struct oom_watch *watch, int fd)
{
	cleanup_free char *above = strdup(watch->dir);
	char *slash = above ? strrchr(above, '/') : NULL;

	/* crun puts its container one below a scope, which goes as well. */
	while (slash && slash != above) {
		*slash = '\0';
		if (!is_scope(above))
			break;
		slash = strrchr(above, '/');
	}
	if (slash && add_watch(fd, above) >= 0)
		watch->above = take_ptr(above);
}

static int
open_v2(struct oom_watch *watch)
{
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	watch->own = add_watch(fd, watch->dir);
	if (watch->own < 0)
		return watch->own;
	watch_above(watch, fd);
	return take_fd(&fd);
}

static int
open_watch(struct oom_watch *watch)
{
	uint64_t kills;

	if (!cgroup_is_v2(watch->cg))
		return open_v1(watch->dir);
	int fd = open_v2(watch);
	if (fd >= 0)
		(void)read_v2(watch, &kills);
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
	free(watch->above);
	free(watch);
}
