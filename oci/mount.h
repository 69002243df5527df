/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_MOUNT_H
#define OCI_MOUNT_H

/*
 * Mounts of a container's root filesystem. Everything here blocks: it is run in
 * a child (child_fork()), never in the loop.
 */
#include <stddef.h>

#include "base/err.h"

/* One containerd mount. Borrowed strings; options ends after n_options. */
struct oci_mount {
	const char *type, *source, *target;
	char *const *options;
	size_t n_options;
};

/*
 * Mounts them in order; each target is joined to rootfs without following a
 * symlink out of it. Options are containerd's names; those that are not flags
 * are joined as data. A bind that is to be read-only is remounted; propagation
 * flags are a call of their own. Overlay option strings near a page use a
 * common lowerdir prefix as cwd. With "loop" the source is a file, mounted by a
 * loop device that goes with the mount. With "uidmap=" and "gidmap=" the mount,
 * or the layers of an overlay, get other owners than they have on the disk; it
 * is made in children with namespaces of their own. Types "fuse.X" and
 * "fuse3.X" are left to mount.fuse and mount.fuse3, options and all, for a
 * minute at most. "fuse" and "X-containerd." options are refused with
 * UNIMPLEMENTED or INVALID_ARGUMENT, by name. On failure nothing of it stays
 * mounted.
 */
int oci_mount_all(const char *rootfs, const struct oci_mount *mounts, size_t n,
    struct err *err);

/*
 * Unmounts everything at or below path, deepest first, each until nothing is
 * left there. EBUSY is tried again for a while, then the mount is detached
 * (MNT_DETACH). A path that is gone or not mounted is success.
 */
int oci_unmount_all(const char *path, struct err *err);

#endif
