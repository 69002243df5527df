/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_MOUNT_INTERNAL_H
#define OCI_MOUNT_INTERNAL_H

/*
 * Pieces of mounting that are tested by themselves. For oci/mount*.c and
 * oci/unmount.c only.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/mount.h"

/* mount-options.c: what a list of options means. */
struct mount_options {
	const char *source;        /* borrowed */
	unsigned long flags;       /* MS_*, without propagation */
	unsigned long propagation; /* MS_SHARED, ... perhaps with MS_REC */
	char *data;     /* what are no flags, joined; owned, NULL for none */
	char *chdir;    /* where data's relative lowerdirs are; owned, NULL */
	bool loop;      /* the source is a file, mounted by a loop device */
	bool direct_io; /* of the loop device */
	bool by_helper; /* nothing else is set: the helper reads the options */
	/* Both or neither; borrowed from the mount, like the layers. */
	const char *uidmap, *gidmap;
	/* Of an idmapped overlay: data has a number for each of them. */
	const char *layers;
};

/* Refuses what is not supported. mount_options_done() after success. */
int mount_options_parse(
    const struct oci_mount *mount, struct mount_options *ret, struct err *err);
void mount_options_done(struct mount_options *options);

/*
 * mount-layers.c: what follows lowerdir=. A colon after a backslash is part of
 * a name. Empty layers (a double colon stands before data-only ones) stay
 * empty.
 */
size_t mount_layer_len(const char *layer);
const char *mount_layer_next(const char *layer); /* NULL after the last */
char *mount_layer_path(const char *layer); /* owned, NULL without memory */

/*
 * Length of the directory that all layers are in, without its last slash; 0
 * when that is "/" or nothing. It holds no backslash, because overlay would
 * read an escape there and chdir(2) would not.
 */
size_t mount_layers_common_dir_len(const char *layers);

/* Writes the layers without the first cut characters and the slash. */
void mount_layers_write_relative(FILE *out, const char *layers, size_t cut);

/* Writes 0, 1, ... in place of the layers that are not empty. */
void mount_layers_write_numbers(FILE *out, const char *layers);

/*
 * mount-child.c: a child for what must not happen to us. fn makes a descriptor
 * there, which is returned here, or fills err and returns -errno. The child
 * lives until mount_child_end() and no longer than we do; after a failure there
 * is none.
 */
typedef int mount_child_fn(void *arg, struct err *err);

struct mount_child {
	pid_t pid;
	int socket;
};

int mount_child_start(
    struct mount_child *ret, mount_child_fn *fn, void *arg, struct err *err);
void mount_child_end(struct mount_child *child);

/*
 * mount-userns.c: a descriptor of a new user namespace with maps as containerd
 * writes them, CONTAINER:HOST:SIZE with commas between; or -errno.
 */
int mount_userns_open(const char *uidmap, const char *gidmap, struct err *err);

/*
 * mount-idmap.c: a detached copy of the mount at path (relative to dir; "" is
 * dir itself), without what is mounted below it. With a user namespace its
 * files belong to whom that says; -1 for none. It goes with its descriptor.
 */
int mount_idmap_clone(int dir, const char *path, int userns);

/*
 * Mounts a tmpfs on dir, and in it the layers, by their numbers, idmapped.
 * Returns a descriptor of the tmpfs.
 */
int mount_idmap_layers(
    int dir, const char *layers, int userns, struct err *err);

/* Mounts what was detached on target, an O_PATH descriptor. */
int mount_idmap_attach(int tree, int target);

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

/*
 * mount-helper.c: for types fuse.X and fuse3.X, the programs mount.fuse and
 * mount.fuse3. One that fails has its output quoted; one that takes longer than
 * it may is killed, and what it has started without leaving its process group.
 */
bool mount_helper_has(const char *type);
int mount_helper_run(const struct oci_mount *mount, const char *target,
    int64_t timeout_ns, struct err *err);

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
