/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing the small files of a cgroup.
 *
 * A cgroup may be removed at any time: its directory is then not found, and a
 * file of it that is open already answers ENODEV.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

int
cgroup_open(const char *dir, const char *name, int flags)
{
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/%s", dir, name);
	if (r < 0)
		return r;
	int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
cgroup_write(const char *dir, const char *name, const char *text)
{
	cleanup_close int fd = cgroup_open(dir, name, O_WRONLY);

	return fd < 0 ? fd : fd_write_full(fd, text, strlen(text));
}

ssize_t
cgroup_read(const char *dir, const char *name, char *ret_text, size_t size)
{
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/%s", dir, name);
	return r < 0 ? r : cgroup_read_at(AT_FDCWD, path, ret_text, size);
}

ssize_t
cgroup_read_at(int dir, const char *name, char *ret_text, size_t size)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = fd_read_full(fd, ret_text, size);
	if (n >= 0 && (size_t)n == size)
		return -EFBIG;
	if (n >= 0)
		ret_text[n] = '\0';
	return n;
}

bool
cgroup_find_value(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; *line; line += *line == '\n') {
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			*ret = strtoull(line + len + 1, NULL, 10);
			return true;
		}
		line += strcspn(line, "\n");
	}
	return false;
}
