/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing the empty cgroups that an interrupted runtime has left. It makes
 * them before it writes down that there is a container, so killed in between,
 * its own "delete" knows of nothing. rmdir(2) of a cgroup that has processes or
 * cgroups below it is EBUSY, so nothing that is used can be hit. Orphans of the
 * runtime end by themselves, a moment after it; a v1 cgroup tells nobody of
 * that.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mountinfo.h"
#include "cgroups/cgroup-internal.h"

#define BUSY_TRIES    100
#define BUSY_PAUSE_US 10000

bool
cgroup_remove_in(const struct mountinfo *mounts, const char *path)
{
	char dir[PATH_MAX];
	bool busy = false;

	if (!cgroup_path_is_clean(path) || path[1] == '\0')
		return true;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct mountinfo_entry *m = &mounts->entries[i];
		if (strcmp(m->root, "/") == 0 &&
		    (strcmp(m->fs_type, "cgroup") == 0 ||
			strcmp(m->fs_type, "cgroup2") == 0) &&
		    path_format(
			dir, sizeof(dir), "%s%s", m->mount_point, path) == 0)
			busy |= rmdir(dir) < 0 && errno == EBUSY;
	}
	return !busy;
}

void
cgroup_remove(const char *path)
{
	cleanup_mountinfo struct mountinfo mounts = { 0 };

	if (mountinfo_read(&mounts) < 0)
		return;
	for (int i = 0; i < BUSY_TRIES && !cgroup_remove_in(&mounts, path); i++)
		(void)usleep(BUSY_PAUSE_US);
}
