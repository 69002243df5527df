/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a cgroup (cgroups(7)).
 *
 * A host is unified when cgroup2 is what one sees at /sys/fs/cgroup. Otherwise
 * the v1 hierarchies count, also on a hybrid host, where cgroup2 is mounted
 * elsewhere and has no controllers: runtimes make a container's cgroup in every
 * v1 hierarchy, and the first of a short list that is mounted is used.
 *
 * /proc/<pid>/cgroup names a path inside the hierarchy. The mount may begin
 * below the hierarchy's root (inside a container), so the mount's root is taken
 * off. A path with ".." in it is outside of what our cgroup namespace can see.
 * What is left must be more than "/": a root is never a container's own.
 */
#include "cgroups/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

#define PROC_CGROUP_MAX (1 << 20)
#define UNIFIED_MOUNT   "/sys/fs/cgroup"

/* Whichever hierarchy is taken must be one that runtimes put containers in. */
static const char *const v1_controllers[] = { "pids", "freezer", "devices",
	"name=systemd" };

static const char *const v1_names[] = {
	[CGROUP_V1_FREEZER] = "freezer",
	[CGROUP_V1_MEMORY] = "memory",
	[CGROUP_V1_PIDS] = "pids",
	[CGROUP_V1_CPU] = "cpu",
	[CGROUP_V1_CPUSET] = "cpuset",
	[CGROUP_V1_CPUACCT] = "cpuacct",
	[CGROUP_V1_BLKIO] = "blkio",
	[CGROUP_V1_HUGETLB] = "hugetlb",
	[CGROUP_V1_RDMA] = "rdma",
};

/* Whether a comma list of len bytes has this word. */
static bool
list_has(const char *list, size_t len, const char *word)
{
	size_t word_len = strlen(word);
	const char *end = list + len;

	for (const char *p = list; p < end; p++) {
		size_t n = strcspn(p, ",:\n");

		if (n > (size_t)(end - p))
			n = (size_t)(end - p);
		if (n == word_len && memcmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

/*
 * Finds "<number>:<controllers>:<path>" for a controller; "" is the cgroup2
 * line, whose list is empty. Yields the path and its length.
 */
static const char *
find_path(const char *text, const char *controller, size_t *ret_len)
{
	for (const char *line = text; *line; line += *line == '\n') {
		size_t line_len = strcspn(line, "\n");
		const char *end = line + line_len;
		const char *list = memchr(line, ':', line_len);
		const char *path =
		    list ? memchr(list + 1, ':', (size_t)(end - list - 1))
			 : NULL;

		line = end;
		if (!path)
			continue;
		size_t list_len = (size_t)(path - ++list);
		path++;
		if (*controller ? list_has(list, list_len, controller)
				: list_len == 0) {
			*ret_len = (size_t)(end - path);
			return path;
		}
	}
	return NULL;
}

bool
cgroup_path_is_clean(const char *path)
{
	if (*path != '/')
		return false;
	if (!path[1])
		return true;
	while (*path) {
		size_t len = strcspn(++path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += len;
	}
	return true;
}

const char *
cgroup_path_below(const char *path, const char *top)
{
	size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);

	if (strncmp(path, top, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

static bool
is_mount_of(const struct mountinfo_entry *mount, const char *controller)
{
	if (!*controller)
		return strcmp(mount->fs_type, "cgroup2") == 0;
	return strcmp(mount->fs_type, "cgroup") == 0 &&
	       list_has(mount->super_options, strlen(mount->super_options),
		   controller);
}

/* The mount whose root is nearest above the path: others may show less. */
static const struct mountinfo_entry *
find_mount(
    const struct mountinfo *mounts, const char *controller, const char *path)
{
	const struct mountinfo_entry *best = NULL;

	for (size_t i = 0; i < mounts->n; i++) {
		const struct mountinfo_entry *m = &mounts->entries[i];

		if (is_mount_of(m, controller) &&
		    cgroup_path_is_clean(m->root) &&
		    cgroup_path_below(path, m->root) &&
		    (!best || strlen(m->root) < strlen(best->root)))
			best = m;
	}
	return best;
}

static bool
is_mounted(const struct mountinfo *mounts, const char *controller)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (is_mount_of(&mounts->entries[i], controller))
			return true;
	return false;
}

bool
cgroup_is_unified(const struct mountinfo *mounts)
{
	bool unified = false;

	/* Of mounts on one another the last one listed is seen. */
	for (size_t i = 0; i < mounts->n; i++)
		if (strcmp(mounts->entries[i].mount_point, UNIFIED_MOUNT) == 0)
			unified = is_mount_of(&mounts->entries[i], "");
	return unified;
}

/* The v1 hierarchy to use, "" for v2. */
static const char *
choose_controller(const struct mountinfo *mounts, const char *proc_cgroup)
{
	size_t len, n = sizeof(v1_controllers) / sizeof(*v1_controllers);

	if (cgroup_is_unified(mounts))
		return "";
	for (size_t i = 0; i < n; i++)
		if (is_mounted(mounts, v1_controllers[i]) &&
		    find_path(proc_cgroup, v1_controllers[i], &len))
			return v1_controllers[i];
	return "";
}

int
cgroup_missing(struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, ENOENT, "cgroup does not exist");
}

/*
 * The path that proc_cgroup has for a controller, and the directory it is: both
 * owned by the caller. -ENOENT for none that can be a container's own.
 */
static int
locate_in(const char *proc_cgroup, const struct mountinfo *mounts,
    const char *controller, char **ret_path, char **ret_dir)
{
	size_t len;

	const char *begin = find_path(proc_cgroup, controller, &len);
	if (!begin)
		return -ENOENT;
	cleanup_free char *path = strndup(begin, len);
	if (!path)
		return -ENOMEM;
	if (!cgroup_path_is_clean(path))
		return -ENOENT;
	const struct mountinfo_entry *mount =
	    find_mount(mounts, controller, path);
	const char *below = mount ? cgroup_path_below(path, mount->root) : "";
	if (strlen(below) < 2)
		return -ENOENT;
	char *dir;
	if (asprintf(&dir, "%s%s", mount->mount_point, below) < 0)
		return -ENOMEM;
	*ret_dir = dir;
	*ret_path = take_ptr(path);
	return 0;
}

/* A controller that is missing is what whoever needs it has to tell. */
static int
locate_v1_dirs(
    const char *proc_cgroup, const struct mountinfo *mounts, struct cgroup *cg)
{
	for (size_t i = 0; i < CGROUP_V1_CONTROLLERS; i++) {
		cleanup_free char *path = NULL;

		int r = locate_in(
		    proc_cgroup, mounts, v1_names[i], &path, &cg->v1_dirs[i]);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

int
cgroup_locate(const char *proc_cgroup, const struct mountinfo *mounts,
    struct cgroup **ret, struct err *err)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));

	if (!cg)
		return err_set_errno(err, ENOMEM, "find cgroup");
	cg->controller = choose_controller(mounts, proc_cgroup);
	int r =
	    locate_in(proc_cgroup, mounts, cg->controller, &cg->path, &cg->dir);
	if (r == 0 && !cgroup_is_v2(cg))
		r = locate_v1_dirs(proc_cgroup, mounts, cg);
	if (r == 0) {
		*ret = cg;
		return 0;
	}
	cgroup_free(cg);
	return r == -ENOENT ? cgroup_missing(err)
			    : err_set_errno(err, -r, "find cgroup");
}

bool
cgroup_contains(const struct cgroup *cg, const char *proc_cgroup)
{
	size_t len, own_len = strlen(cg->path);
	const char *path = find_path(proc_cgroup, cg->controller, &len);

	return path && len >= own_len && memcmp(path, cg->path, own_len) == 0 &&
	       (len == own_len || path[own_len] == '/');
}

int
cgroup_read_proc(pid_t pid, char **ret)
{
	char path[64];

	int r = path_format(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (r < 0)
		return r;
	return file_read(AT_FDCWD, path, PROC_CGROUP_MAX, ret, NULL);
}

int
cgroup_of_pid(pid_t pid, struct cgroup **ret, struct err *err)
{
	cleanup_mountinfo struct mountinfo mounts = { 0 };
	cleanup_free char *text = NULL, *own = NULL;
	struct cgroup *cg;

	int r = cgroup_read_proc(pid, &text);
	if (r < 0)
		return err_set_errno(
		    err, -r, "read cgroup of process %d", (int)pid);
	r = mountinfo_read(&mounts);
	if (r < 0)
		return err_set_errno(err, -r, "read mountinfo");
	r = cgroup_locate(text, &mounts, &cg, err);
	if (r < 0)
		return r;
	/* Where runtimes make no cgroups, ours is not the container's to kill.
	 */
	if (cgroup_read_proc(getpid(), &own) == 0 && cgroup_contains(cg, own)) {
		cgroup_free(cg);
		return cgroup_missing(err);
	}
	/* One that was removed is still named while its last process goes. */
	if (access(cg->dir, F_OK) < 0) {
		cgroup_free(cg);
		return cgroup_missing(err);
	}
	*ret = cg;
	return 0;
}

void
cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < CGROUP_V1_CONTROLLERS; i++)
		free(cg->v1_dirs[i]);
	free(cg->path);
	free(cg->dir);
	free(cg);
}

bool
cgroup_is_v2(const struct cgroup *cg)
{
	return !*cg->controller;
}

const char *
cgroup_dir(const struct cgroup *cg, enum cgroup_v1 controller)
{
	return cgroup_is_v2(cg) ? cg->dir : cg->v1_dirs[controller];
}
