/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visiting a cgroup and those below it.
 *
 * The tree is walked breadth first, from a list of relative paths, so it costs
 * one descriptor however deep a container nests its cgroups; what bounds the
 * depth is PATH_MAX. Cgroups come and go meanwhile: one that is gone is passed
 * over. Reading gives ENODEV for one removed after it was opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cgroups/cgroup-internal.h"

struct walk {
	char **paths; /* relative to the top; owned */
	size_t n, size;
};

static void
walk_done(struct walk *walk)
{
	for (size_t i = 0; i < walk->n; i++)
		free(walk->paths[i]);
	free(walk->paths);
}

#define cleanup_walk __attribute__((cleanup(walk_done)))

static int
walk_add(struct walk *walk, const char *dir, const char *name)
{
	if (walk->n == walk->size) {
		size_t size = walk->size ? walk->size * 2 : 8;
		char **grown =
		    reallocarray(walk->paths, size, sizeof(*walk->paths));

		if (!grown)
			return -ENOMEM;
		walk->paths = grown;
		walk->size = size;
	}
	if (asprintf(&walk->paths[walk->n], "%s/%s", dir, name) < 0)
		return -ENOMEM;
	walk->n++;
	return 0;
}

static bool
means_gone(int r)
{
	return r == -ENOENT || r == -ENODEV;
}

static int
add_children(struct walk *walk, DIR *dir, const char *path)
{
	struct dirent *entry;
	int r = 0;

	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (entry->d_type == DT_DIR &&
		    strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			r = walk_add(walk, path, entry->d_name);
	if (r == 0 && errno)
		r = means_gone(-errno) ? 0 : -errno;
	return r;
}

static int
visit(struct walk *walk, int top, const char *path, cgroup_visit_fn *fn,
    void *arg)
{
	cleanup_close int fd =
	    openat(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	int r = fd < 0 ? -errno : fn(fd, arg);
	if (r < 0)
		return means_gone(r) ? 0 : r;
	cleanup_dir DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	return add_children(walk, dir, path);
}

/* What cannot be read does not keep the rest from being read. */
int
cgroup_walk(const char *dir, cgroup_visit_fn *fn, void *arg)
{
	cleanup_walk struct walk walk = { 0 };
	cleanup_close int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0)
		return -errno;
	int first = visit(&walk, top, ".", fn, arg);
	for (size_t i = 0; i < walk.n; i++) {
		int r = visit(&walk, top, walk.paths[i], fn, arg);

		if (first == 0)
			first = r;
	}
	return first;
}
