/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unmounting a whole tree. What is mounted is read from mountinfo, never found
 * by looking: the filesystem may hang, or be full of links made by strangers.
 *
 * Only the parent of the given path is resolved; where its last part is a
 * symlink, nothing can be mounted there and its target is not ours. Each mount
 * point is reached by a descriptor of its parent opened without any symlink, so
 * that a directory renamed meanwhile cannot lead to a mount elsewhere.
 *
 * One mount may hide others (on the same path, or below it): those answer
 * EINVAL until it is gone. So each pass takes one mount from every path,
 * deepest first, and passes follow until the list is empty or nothing moves.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mountinfo.h"
#include "oci/mount-internal.h"
#include "oci/mount.h"

/*
 * A process that was just killed may hold a mount for some moments more. The
 * patience is for the whole tree: a caller of shim delete waits 5 s in all.
 */
#define BUSY_TRIES   20
#define BUSY_WAIT_NS (50 * NSEC_PER_MSEC)

/* More passes than mounts hide each other: somebody keeps mounting. */
#define PASSES_MAX 1000

struct unmounting {
	int root;       /* of path lookups */
	int tries;      /* left for EBUSY */
	bool moved;     /* the last pass has unmounted something */
	struct err err; /* first failure of the last pass */
	bool failed;
};

static bool
is_at_or_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

/* Deepest first: what is below a path is longer. Equals come together. */
static int
compare_entries(const void *a, const void *b)
{
	const struct mountinfo_entry *x = a, *y = b;
	size_t x_len = strlen(x->mount_point), y_len = strlen(y->mount_point);

	if (x_len != y_len)
		return x_len < y_len ? 1 : -1;
	return strcmp(x->mount_point, y->mount_point);
}

/* Keeps the entries at or below top, each path once, deepest first. */
static void
select_entries(struct mountinfo *table, const char *top)
{
	struct mountinfo_entry *entries = table->entries;
	size_t n = 0, unique = 0;

	for (size_t i = 0; i < table->n; i++)
		if (is_at_or_below(entries[i].mount_point, top))
			entries[n++] = entries[i];
	qsort(entries, n, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < n; i++)
		if (i == 0 ||
		    compare_entries(&entries[i], &entries[unique - 1]) != 0)
			entries[unique++] = entries[i];
	table->n = unique;
}

static int
umount_patiently(struct unmounting *u, const char *path)
{
	const struct timespec wait = { .tv_nsec = BUSY_WAIT_NS };

	while (umount2(path, UMOUNT_NOFOLLOW) < 0) {
		if (errno != EBUSY)
			return -errno;
		if (u->tries == 0)
			return umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) < 0
				   ? -errno
				   : 0;
		u->tries--;
		(void)nanosleep(&wait, NULL);
	}
	return 0;
}

static int
unmount_one(struct unmounting *u, const char *mount_point)
{
	char path[PATH_MAX], by_fd[NAME_MAX + 32];

	int r = path_format(path, sizeof(path), "%s", mount_point);
	if (r < 0)
		return r;
	char *base = strrchr(path, '/');
	*base++ = '\0';
	cleanup_close int parent =
	    mount_path_open(u->root, path, MOUNT_PATH_NO_SYMLINKS);
	if (parent < 0)
		return parent;
	r = path_format(
	    by_fd, sizeof(by_fd), "/proc/self/fd/%d/%s", parent, base);
	return r < 0 ? r : umount_patiently(u, by_fd);
}

/* The path is not what the list said: hidden by another mount, or changed. */
static bool
means_not_there(int r)
{
	return r == -EINVAL || r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

static void
unmount_pass(struct unmounting *u, const struct mountinfo *table)
{
	u->moved = u->failed = false;
	for (size_t i = 0; i < table->n; i++) {
		const char *path = table->entries[i].mount_point;
		int r = unmount_one(u, path);

		if (r == 0) {
			log_debug("unmounted '%s'", path);
			u->moved = true;
		} else if (!u->failed && !means_not_there(r)) {
			err_set_errno(&u->err, -r, "unmount '%s'", path);
			u->failed = true;
		}
	}
}

static int
give_up(const struct unmounting *u, const char *top, struct err *err)
{
	if (!u->failed)
		return err_set(err, ERR_UNKNOWN, EBUSY,
		    "unmount '%s': mounts that cannot be reached remain", top);
	if (err)
		*err = u->err;
	return -u->err.sys;
}

static int
unmount_tree(const char *top, struct err *err)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct unmounting u = {
		.root = root, .tries = BUSY_TRIES, .moved = true
	};

	if (root < 0)
		return err_set_errno(err, errno, "open '/'");
	for (int pass = 0;; pass++) {
		cleanup_mountinfo struct mountinfo table = { 0 };

		int r = mountinfo_read(&table);
		if (r < 0)
			return err_set_errno(err, -r, "read mountinfo");
		select_entries(&table, top);
		if (table.n == 0)
			return 0;
		if (!u.moved || pass == PASSES_MAX)
			return give_up(&u, top, err);
		unmount_pass(&u, &table);
	}
}

/* The path with its parent resolved, as mountinfo would name it. */
static int
canonical_path(const char *path, char **ret)
{
	cleanup_free char *copy = strdup(path), *parent = NULL;

	if (!copy)
		return -ENOMEM;
	for (size_t len = strlen(copy); len > 0 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	char *slash = strrchr(copy, '/');
	const char *base = slash ? slash + 1 : copy;
	if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return -EINVAL;
	if (slash)
		*slash = '\0';
	parent = realpath(!slash ? "." : *copy ? copy : "/", NULL);
	if (!parent)
		return -errno;
	return asprintf(ret, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
		   base) < 0
		   ? -ENOMEM
		   : 0;
}

int
oci_unmount_all(const char *path, struct err *err)
{
	cleanup_free char *top = NULL;

	int r = canonical_path(path, &top);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_set_errno(err, -r, "unmount '%s'", path);
	return unmount_tree(top, err);
}
