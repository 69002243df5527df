/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's root filesystem goes away.
 */
#include "shim/unmount.h"

#include "oci/mount.h"
#include "shim/container.h"

static int
do_unmount(void *arg, struct err *err)
{
	struct container *c = arg;
	int r = oci_unmount_all(c->rootfs, err);

	return r < 0 ? err_wrap(err, "failed to unmount %s", c->rootfs) : 0;
}

int
unmount_start(struct container *c, worker_done_fn *done, void *arg,
    struct worker **ret, struct err *err)
{
	return worker_start(c->shim, do_unmount, c, done, arg, ret, err);
}
