/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside a directory that strangers may have filled: an image decides
 * what its root filesystem holds, and a container may still be changing it. A
 * path is resolved once, to an O_PATH descriptor, and used by that. openat2(2)
 * does it where there is one (Linux 5.6; a seccomp filter may hide it behind
 * ENOSYS or EPERM).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/mount-internal.h"

/* A rename elsewhere makes the kernel give up on a ".." with EAGAIN. */
#define OPENAT2_TRIES 64

static int
openat2_retry(int root, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = resolve };
	long fd = -1;

	for (int i = 0; i < OPENAT2_TRIES; i++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

/* O_PATH | O_NOFOLLOW yields a descriptor of a symlink itself. */
static int
refuse_symlink(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? -ELOOP : 0;
}

static int
open_component(int dir, const char *name)
{
	cleanup_close int fd =
	    openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int r = refuse_symlink(fd);
	return r < 0 ? r : take_fd(&fd);
}

int
mount_path_walk(int root, const char *path)
{
	cleanup_close int dir = openat(root, ".", O_PATH | O_CLOEXEC);
	char name[NAME_MAX + 1];

	if (dir < 0)
		return -errno;
	for (;;) {
		path += strspn(path, "/");
		size_t len = strcspn(path, "/");
		if (len == 0)
			return take_fd(&dir);
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		int fd = open_component(dir, name);
		if (fd < 0)
			return fd;
		close_fd(&dir);
		dir = fd;
	}
}

static uint64_t
resolve_flags(enum mount_path_mode mode)
{
	switch (mode) {
	case MOUNT_PATH_IN_ROOT:
		return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	case MOUNT_PATH_NO_SYMLINKS:
		return RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
	}
	return RESOLVE_NO_SYMLINKS;
}

int
mount_path_open(int root, const char *path, enum mount_path_mode mode)
{
	/* An empty path is no path to the kernel; here it is root itself. */
	int fd = openat2_retry(root, *path ? path : ".", resolve_flags(mode));

	if (fd == -ENOSYS || fd == -EPERM)
		return mount_path_walk(root, path);
	return fd;
}
