/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_MOUNT_INTERNAL_H
#define OCI_MOUNT_INTERNAL_H

/*
 * Pieces of mounting that are tested by themselves. For oci/mount*.c and
 * oci/unmount.c only.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/mount.h"

/* mount-options.c: what a list of options means. */
struct mount_options {
	unsigned long flags;       /* MS_*, without propagation */
	unsigned long propagation; /* MS_SHARED, ... perhaps with MS_REC */
	char *data;     /* what are no flags, joined; owned, NULL for none */
	char *chdir;    /* where data's relative lowerdirs are; owned, NULL */
	bool loop;      /* the source is a file, mounted by a loop device */
	bool direct_io; /* of the loop device */
};

/* Refuses what is not supported. mount_options_done() after success. */
int mount_options_parse(
    const struct oci_mount *mount, struct mount_options *ret, struct err *err);
void mount_options_done(struct mount_options *options);

/*
 * mount-loop.c: attaches the file to a free loop device, which lets go of it as
 * soon as neither a descriptor nor a mount uses the device, however we end.
 * Direct I/O is done where the file can. Returns a descriptor to hold until the
 * device is mounted, with the device's path in ret; or -errno.
 */
struct mount_loop_path {
	char text[sizeof("/dev/loop") + 10];
};

int mount_loop_attach(const char *file, bool read_only, bool direct_io,
    struct mount_loop_path *ret, struct err *err);

/* mount-path.c: an O_PATH descriptor of path under root, or -errno. */
enum mount_path_mode {
	/* Symlinks are followed as if root were "/". */
	MOUNT_PATH_IN_ROOT,
	/* A symlink anywhere is -ELOOP. */
	MOUNT_PATH_NO_SYMLINKS,
};

int mount_path_open(int root, const char *path, enum mount_path_mode mode);

/*
 * The same for kernels without openat2(2), where no mode follows symlinks and a
 * ".." is -EXDEV.
 */
int mount_path_walk(int root, const char *path);

#endif
