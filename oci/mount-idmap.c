/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idmapped mounts (Linux 5.12; as layers of overlay 5.19). A mount gets its ids
 * while it is detached, and a detached one goes with its last descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/mount-internal.h"

int
mount_idmap_clone(int dir, const char *path, int userns)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (unsigned)userns };
	cleanup_close int tree = open_tree(
	    dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree < 0)
		return -errno;
	if (userns >= 0 &&
	    mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	return take_fd(&tree);
}

static int
attach(int tree, int dir, const char *name)
{
	const unsigned flags =
	    MOVE_MOUNT_F_EMPTY_PATH | (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return move_mount(tree, "", dir, name, flags) < 0 ? -errno : 0;
}

/* A new tmpfs on dir; its descriptor. */
static int
mount_tmpfs(int dir)
{
	cleanup_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	cleanup_close int tree = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (tree < 0)
		return -errno;
	int r = attach(tree, dir, "");
	return r < 0 ? r : take_fd(&tree);
}

static int
attach_layer(
    int dir, size_t number, const char *layer, int userns, struct err *err)
{
	cleanup_free char *path = mount_layer_path(layer);
	char name[32];

	if (!path)
		return err_set_errno(err, ENOMEM, "idmap a layer");
	int r = path_format(name, sizeof(name), "%zu", number);
	if (r == 0 && mkdirat(dir, name, 0700) < 0)
		r = -errno;
	if (r < 0)
		return err_set_errno(err, -r, "make a place for '%s'", path);
	cleanup_close int tree = mount_idmap_clone(AT_FDCWD, path, userns);
	r = tree < 0 ? tree : attach(tree, dir, name);
	return r < 0 ? err_set_errno(err, -r, "idmap '%s'", path) : 0;
}

int
mount_idmap_layers(int dir, const char *layers, int userns, struct err *err)
{
	cleanup_close int bed = mount_tmpfs(dir);
	size_t number = 0;
	int r = 0;

	if (bed < 0)
		return err_set_errno(err, -bed, "mount tmpfs for layers");
	for (const char *s = layers; s && r == 0; s = mount_layer_next(s))
		if (mount_layer_len(s) > 0)
			r = attach_layer(bed, number++, s, userns, err);
	return r < 0 ? r : take_fd(&bed);
}

int
mount_idmap_attach(int tree, int target)
{
	return attach(tree, target, "");
}
