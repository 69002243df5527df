/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounting a root filesystem from containerd's list of mounts.
 *
 * A target is opened below rootfs and mounted on by its descriptor, so nothing
 * can be put in its place in between; after the mount it is opened once more,
 * because the old descriptor is still of what lies under the mount. mount(2)
 * wants three calls for one thing: a new bind ignores every flag but MS_REC
 * until it is remounted, and propagation must come alone. Flags that the source
 * of a bind had are kept in its remount: where a user namespace has locked
 * them, dropping one is EPERM.
 */
#include "oci/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mountinfo.h"
#include "oci/mount-internal.h"

#define cleanup_options __attribute__((cleanup(mount_options_done)))

#define BIND_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
/* A file system that is far away may have to be reached first. */
#define HELPER_TIMEOUT_NS (60 * NSEC_PER_SEC)

#define ATIME_FLAGS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

struct fd_path {
	char text[sizeof("/proc/self/fd/") + 10];
};

static struct fd_path
fd_path(int fd)
{
	struct fd_path path;

	(void)snprintf(path.text, sizeof(path.text), "/proc/self/fd/%d", fd);
	return path;
}

/* rootfs itself must be no symlink: unmounting would not find what it is. */
static int
open_target(const char *rootfs, const char *target)
{
	cleanup_close int root =
	    open(rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (root < 0)
		return -errno;
	return mount_path_open(root, target, MOUNT_PATH_IN_ROOT);
}

static int
call_mount(const struct oci_mount *mount_spec,
    const struct mount_options *options, int target)
{
	return mount(options->source, fd_path(target).text, mount_spec->type,
		   options->flags, options->data) < 0
		   ? -errno
		   : 0;
}

/* call_mount() in the directory that the data is relative to. */
static int
call_mount_in_dir(const struct oci_mount *mount_spec,
    const struct mount_options *options, int target)
{
	cleanup_close int cwd = -1;

	if (!options->chdir)
		return call_mount(mount_spec, options, target);
	cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd < 0 || chdir(options->chdir) < 0)
		return -errno;
	int r = call_mount(mount_spec, options, target);
	return fchdir(cwd) < 0 && r == 0 ? -errno : r;
}

static int
mount_flags_of(int fd, unsigned long asked, unsigned long *ret)
{
	static const struct {
		unsigned long st, ms;
	} map[] = {
		{ ST_RDONLY, MS_RDONLY },
		{ ST_NOSUID, MS_NOSUID },
		{ ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC },
		{ ST_NODIRATIME, MS_NODIRATIME },
	};
	struct statfs st;
	unsigned long flags = 0;

	if (fstatfs(fd, &st) < 0)
		return -errno;
	unsigned long have = (unsigned long)st.f_flags;
	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		flags |= have & map[i].st ? map[i].ms : 0;
	if (!(asked & ATIME_FLAGS))
		flags |= have & ST_NOATIME    ? MS_NOATIME
			 : have & ST_RELATIME ? MS_RELATIME
					      : MS_STRICTATIME;
	*ret = flags;
	return 0;
}

static int
remount_bind(int target, unsigned long flags)
{
	unsigned long kept = 0;

	int r = mount_flags_of(target, flags, &kept);
	if (r < 0)
		return r;
	return mount("", fd_path(target).text, "", flags | kept | MS_REMOUNT,
		   NULL) < 0
		   ? -errno
		   : 0;
}

static bool
is_bind(const struct mount_options *options)
{
	return options->flags & MS_BIND;
}

static bool
is_remount(const struct mount_options *options)
{
	return options->flags & MS_REMOUNT;
}

/* What has to follow the first call, on the new mount. */
static int
finish_mount(int target, const struct mount_options *options)
{
	if (options->propagation &&
	    mount("", fd_path(target).text, "", options->propagation, NULL) < 0)
		return -errno;
	if (is_bind(options) &&
	    (is_remount(options) || options->flags & BIND_FLAGS))
		return remount_bind(target, options->flags);
	return 0;
}

/*
 * Takes the topmost mount at a target away. The descriptor keeps a plain
 * unmount from working, and a lazy one is complete when it is closed: nobody
 * has used the mount yet.
 */
static void
unmount_target(const char *rootfs, const char *target)
{
	cleanup_close int fd = open_target(rootfs, target);

	if (fd >= 0)
		(void)umount2(fd_path(fd).text, MNT_DETACH);
}

static int
mount_new(const char *rootfs, const struct oci_mount *mount_spec,
    const struct mount_options *options)
{
	cleanup_close int under = open_target(rootfs, mount_spec->target);

	if (under < 0)
		return under;
	return call_mount_in_dir(mount_spec, options, under);
}

static int
finish_target(const char *rootfs, const struct oci_mount *mount_spec,
    const struct mount_options *options)
{
	cleanup_close int fd = open_target(rootfs, mount_spec->target);

	int r = fd < 0 ? fd : finish_mount(fd, options);
	close_fd(&fd);
	if (r < 0 && !is_remount(options))
		unmount_target(rootfs, mount_spec->target);
	return r;
}

static int
mount_parsed(const char *rootfs, const struct oci_mount *mount_spec,
    const struct mount_options *options)
{
	bool once = is_bind(options) && is_remount(options);
	int r = once ? 0 : mount_new(rootfs, mount_spec, options);

	return r < 0 ? r : finish_target(rootfs, mount_spec, options);
}

static int
describe(const char *rootfs, const struct oci_mount *mount_spec, int r,
    struct err *err)
{
	return err_set_errno(err, -r, "mount '%s' (%s) at '%s/%s'",
	    mount_spec->source, mount_spec->type, rootfs, mount_spec->target);
}

/* What a child mounts in a namespace of its own, where nobody sees it before it
 * has its ids. */
struct idmapped {
	const char *rootfs;
	const struct oci_mount *mount;
	const struct mount_options *options;
	int userns;
};

static int
leave_namespace(struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set_errno(err, errno, "make a mount namespace");
	return 0;
}

static int
mount_layers(const struct idmapped *self, struct err *err)
{
	cleanup_close int under =
	    open_target(self->rootfs, self->mount->target);

	if (under < 0)
		return describe(self->rootfs, self->mount, under, err);
	return mount_idmap_layers(
	    under, self->options->layers, self->userns, err);
}

static int
clone_target(const struct idmapped *self)
{
	cleanup_close int fd = open_target(self->rootfs, self->mount->target);

	/* What an overlay shows has the ids that its layers got. */
	return fd < 0 ? fd
		      : mount_idmap_clone(
			    fd, "", self->options->layers ? -1 : self->userns);
}

/* In the child. */
static int
mount_apart(void *arg, struct err *err)
{
	const struct idmapped *self = arg;
	struct mount_options options = *self->options;
	cleanup_close int layers = -1;
	struct fd_path path;

	options.propagation = 0;
	int r = leave_namespace(err);
	if (r < 0)
		return r;
	if (options.layers) {
		layers = mount_layers(self, err);
		if (layers < 0)
			return layers;
		path = fd_path(layers);
		options.chdir = path.text;
	}
	r = mount_parsed(self->rootfs, self->mount, &options);
	if (r == 0)
		r = clone_target(self);
	return r < 0 ? describe(self->rootfs, self->mount, r, err) : r;
}

static int
attach_idmapped(const char *rootfs, const struct oci_mount *mount_spec,
    unsigned long propagation, int tree)
{
	const struct mount_options options = { .propagation = propagation };
	cleanup_close int under = open_target(rootfs, mount_spec->target);

	if (under < 0)
		return under;
	int r = mount_idmap_attach(tree, under);
	return r < 0 ? r : finish_target(rootfs, mount_spec, &options);
}

static int
mount_idmapped(const char *rootfs, const struct oci_mount *mount_spec,
    const struct mount_options *options, struct err *err)
{
	struct mount_child child;
	cleanup_close int userns =
	    mount_userns_open(options->uidmap, options->gidmap, err);

	if (userns < 0)
		return userns;
	struct idmapped work = { rootfs, mount_spec, options, userns };
	cleanup_close int tree =
	    mount_child_start(&child, mount_apart, &work, err);
	if (tree < 0)
		return tree;
	mount_child_end(&child);
	int r = attach_idmapped(rootfs, mount_spec, options->propagation, tree);
	return r < 0 ? describe(rootfs, mount_spec, r, err) : 0;
}

static int
mount_plain(const char *rootfs, const struct oci_mount *mount_spec,
    const struct mount_options *options, struct err *err)
{
	int r = mount_parsed(rootfs, mount_spec, options);

	return r < 0 ? describe(rootfs, mount_spec, r, err) : 0;
}

static int
count_mounts_at(const char *path)
{
	cleanup_mountinfo struct mountinfo table = { 0 };
	int n = 0;

	int r = mountinfo_read(&table);
	if (r < 0)
		return r;
	for (size_t i = 0; i < table.n; i++)
		n += strcmp(table.entries[i].mount_point, path) == 0;
	return n;
}

/* A program wants a path; that of the target, when all links are followed. */
static int
target_path(const char *rootfs, const char *target, char ret[static PATH_MAX])
{
	cleanup_close int fd = open_target(rootfs, target);

	if (fd < 0)
		return fd;
	ssize_t n = readlink(fd_path(fd).text, ret, PATH_MAX);
	if (n < 0)
		return -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

static int
check_mounted(const char *path, int before, struct err *err)
{
	int after = count_mounts_at(path);

	if (after < 0)
		return err_set_errno(err, -after, "read mountinfo");
	if (after <= before)
		return err_set(err, ERR_UNKNOWN, EIO,
		    "the mount helper has mounted nothing at '%s'", path);
	return 0;
}

static int
mount_by_helper(
    const char *rootfs, const struct oci_mount *mount_spec, struct err *err)
{
	char path[PATH_MAX];

	int r = target_path(rootfs, mount_spec->target, path);
	int before = r < 0 ? r : count_mounts_at(path);
	if (before < 0)
		return describe(rootfs, mount_spec, before, err);
	r = mount_helper_run(mount_spec, path, HELPER_TIMEOUT_NS, err);
	if (r == 0)
		return check_mounted(path, before, err);
	if (count_mounts_at(path) > before)
		unmount_target(rootfs, mount_spec->target);
	(void)err_wrap(err, "mount '%s' (%s) at '%s'", mount_spec->source,
	    mount_spec->type, path);
	return r;
}

static int
mount_one(const char *rootfs, const struct oci_mount *mount_spec, bool *ret_new,
    struct err *err)
{
	cleanup_options struct mount_options options = { 0 };
	cleanup_close int loop = -1;
	struct mount_loop_path device;

	int r = mount_options_parse(mount_spec, &options, err);
	if (r < 0)
		return r;
	if (options.by_helper) {
		*ret_new = (r = mount_by_helper(rootfs, mount_spec, err)) == 0;
		return r;
	}
	if (options.loop && !is_remount(&options)) {
		loop = mount_loop_attach(mount_spec->source,
		    options.flags & MS_RDONLY, options.direct_io, &device, err);
		if (loop < 0)
			return loop;
		options.source = device.text;
	}
	r = options.uidmap ? mount_idmapped(rootfs, mount_spec, &options, err)
			   : mount_plain(rootfs, mount_spec, &options, err);
	if (r == 0)
		*ret_new = !is_remount(&options);
	return r;
}

int
oci_mount_all(const char *rootfs, const struct oci_mount *mounts, size_t n,
    struct err *err)
{
	cleanup_free bool *is_new = calloc(n + 1, sizeof(*is_new));
	int r = 0;

	if (!is_new)
		return err_set_errno(err, ENOMEM, "mount '%s'", rootfs);
	for (size_t i = 0; i < n; i++) {
		r = mount_one(rootfs, &mounts[i], &is_new[i], err);
		if (r == 0)
			continue;
		while (i-- > 0)
			if (is_new[i])
				unmount_target(rootfs, mounts[i].target);
		break;
	}
	return r;
}
