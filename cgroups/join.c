/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write for each hierarchy. What is missing in one of them is not an error
 * as long as it is there in another: the Go shims load what there is of a
 * cgroup.
 */
#include "cgroups/join.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mountinfo.h"
#include "cgroups/cgroup-internal.h"

/* 1 when it was moved, 0 where the hierarchy has no such cgroup. */
static int
join_one(const struct mountinfo_entry *mount, const char *path, pid_t pid,
    struct err *err)
{
	char dir[PATH_MAX], text[16];
	const char *below = cgroup_path_below(path, mount->root);

	if (!below)
		return 0;
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	int r =
	    path_format(dir, sizeof(dir), "%s%s", mount->mount_point, below);
	if (r == 0)
		r = cgroup_write(dir, "cgroup.procs", text);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? err_set_errno(err, -r, "failed to join cgroup %s", dir)
		     : 1;
}

static int
join_all(const struct mountinfo *mounts, const char *path, pid_t pid,
    struct err *err)
{
	bool unified = cgroup_is_unified(mounts);
	int joined = 0;

	for (size_t i = 0; i < mounts->n; i++) {
		const struct mountinfo_entry *mount = &mounts->entries[i];
		bool wanted =
		    strcmp(mount->fs_type, unified ? "cgroup2" : "cgroup") == 0;
		int r = wanted ? join_one(mount, path, pid, err) : 0;

		if (r < 0)
			return r;
		joined += r;
	}
	return joined ? 0
		      : err_set(err, ERR_NOT_FOUND, ENOENT,
			    "failed to load cgroup %s: cgroup does not exist",
			    path);
}

int
cgroup_join(const char *path, pid_t pid, struct err *err)
{
	cleanup_mountinfo struct mountinfo mounts = { 0 };
	cleanup_free char *full = NULL;

	if (asprintf(&full, "%s%s", *path == '/' ? "" : "/", path) < 0)
		return err_set_errno(err, ENOMEM, "join cgroup");
	if (!cgroup_path_is_clean(full) || !full[1])
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "'%s' is not the path of a cgroup", path);
	int r = mountinfo_read(&mounts);
	return r < 0 ? err_set_errno(err, -r, "read mountinfo")
		     : join_all(&mounts, full, pid, err);
}
