/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces that say which ids a mount has. Only a process can make one;
 * its descriptor outlives the process, which need not have any rights in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/mount-internal.h"

/* Reads a number with this character, or the text's end, after it. */
static int
read_id(const char **s, char end, uint32_t *ret)
{
	char *after;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long value = strtoull(*s, &after, 10);
	if (errno || value > UINT32_MAX || *after != end)
		return -EINVAL;
	*ret = (uint32_t)value;
	*s = after + (end != '\0');
	return 0;
}

/* One entry of a map, as the kernel wants it. */
static int
write_entry(FILE *out, const char *s)
{
	uint32_t inside, outside, size;

	if (read_id(&s, ':', &inside) < 0 || read_id(&s, ':', &outside) < 0 ||
	    read_id(&s, '\0', &size) < 0)
		return -EINVAL;
	return fprintf(out, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", inside,
		   outside, size) < 0
		   ? -ENOMEM
		   : 0;
}

static int
write_entries(FILE *out, char *map)
{
	char *entry;
	int r = 0;

	while (r == 0 && (entry = strsep(&map, ",")))
		r = write_entry(out, entry);
	return r;
}

static int
format_map(const char *map, char **ret)
{
	cleanup_free char *copy = strdup(map), *text = NULL;
	size_t len;

	if (!copy)
		return -ENOMEM;
	cleanup_file FILE *out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	int r = write_entries(out, copy);
	if (fclose(take_ptr(out)) != 0)
		return -ENOMEM;
	if (r < 0)
		return r;
	*ret = take_ptr(text);
	return 0;
}

/* The kernel takes a map in one write, and only one. */
static int
set_map(pid_t pid, const char *name, const char *text)
{
	char path[64];

	int r = path_format(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	if (r < 0)
		return r;
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static int
make_namespace(void *arg, struct err *err)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER) < 0)
		return err_set_errno(err, errno, "make a user namespace");
	int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set_errno(err, errno, "open a user namespace") : fd;
}

static int
read_map(const char *name, const char *map, char **ret, struct err *err)
{
	int r = format_map(map, ret);

	if (r == -EINVAL)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "mount option '%s=%s' is not CONTAINER:HOST:SIZE", name,
		    map);
	return r < 0 ? err_set_errno(err, -r, "read mount option '%s='", name)
		     : 0;
}

int
mount_userns_open(const char *uidmap, const char *gidmap, struct err *err)
{
	cleanup_free char *uids = NULL, *gids = NULL;
	struct mount_child child;

	int r = read_map("uidmap", uidmap, &uids, err);
	if (r == 0)
		r = read_map("gidmap", gidmap, &gids, err);
	if (r < 0)
		return r;
	cleanup_close int fd =
	    mount_child_start(&child, make_namespace, NULL, err);
	if (fd < 0)
		return fd;
	r = set_map(child.pid, "uid_map", uids);
	if (r == 0)
		r = set_map(child.pid, "gid_map", gids);
	mount_child_end(&child);
	if (r < 0)
		return err_set_errno(err, -r,
		    "map the ids of a mount, uidmap=%s gidmap=%s", uidmap,
		    gidmap);
	return take_fd(&fd);
}
