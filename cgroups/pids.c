/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a cgroup and of those below it.
 *
 * The tree is walked breadth first, from a list of relative paths, so it costs
 * one descriptor however deep a container nests its cgroups; what bounds the
 * depth is PATH_MAX. Cgroups come and go meanwhile: one that is gone has no
 * processes. Reading gives ENODEV for one removed after it was opened, and
 * EOPNOTSUPP for a threaded one, whose processes are in its domain's file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

#define PROCS_MAX (64 << 20) /* bytes of one cgroup.procs */

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
	return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP;
}

/* Processes outside our pid namespace are shown as 0. */
static int
parse_procs(const char *text, struct pid_list *ret)
{
	int r = 0;

	while (*text && r == 0) {
		char *end;
		long pid = strtol(text, &end, 10);

		if (end == text)
			break;
		if (pid > 0)
			r = pid_list_add(ret, (pid_t)pid);
		text = end + strspn(end, "\n");
	}
	return r;
}

static int
read_procs(int dir, struct pid_list *ret)
{
	cleanup_free char *text = NULL;

	int r = file_read(dir, "cgroup.procs", PROCS_MAX, &text, NULL);
	if (r < 0)
		return means_gone(r) ? 0 : r;
	return parse_procs(text, ret);
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
visit(struct walk *walk, int top, const char *path, struct pid_list *ret)
{
	cleanup_close int fd =
	    openat(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return means_gone(-errno) ? 0 : -errno;
	int r = read_procs(fd, ret);
	if (r < 0)
		return r;
	cleanup_dir DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	return add_children(walk, dir, path);
}

/* What cannot be read does not keep the rest from being read. */
static int
walk_tree(int top, struct pid_list *ret)
{
	cleanup_walk struct walk walk = { 0 };

	int first = visit(&walk, top, ".", ret);
	for (size_t i = 0; i < walk.n; i++) {
		int r = visit(&walk, top, walk.paths[i], ret);

		if (first == 0)
			first = r;
	}
	return first;
}

int
cgroup_list_pids(const struct cgroup *cg, struct pid_list *ret, struct err *err)
{
	cleanup_close int top =
	    open(cg->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (top >= 0)
		r = walk_tree(top, ret);
	else if (errno != ENOENT)
		r = -errno;
	if (r < 0)
		return err_set_errno(
		    err, -r, "read processes of cgroup '%s'", cg->dir);
	return 0;
}

int
cgroup_pids(
    const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *err)
{
	cleanup_pid_list struct pid_list list = { 0 };

	int r = cgroup_list_pids(cg, &list, err);
	if (r < 0)
		return r;
	*ret_n = list.n;
	*ret = take_ptr(list.pids);
	return 0;
}
