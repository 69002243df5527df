/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_UNMOUNT_H
#define SHIM_UNMOUNT_H

#include "shim/worker.h"

struct container;

/* Unmounts everything at and below the container's rootfs, in a worker. */
int unmount_start(struct container *c, worker_done_fn *done, void *arg,
    struct worker **ret, struct err *err);

#endif
