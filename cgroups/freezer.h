/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_FREEZER_H
#define CGROUPS_FREEZER_H

/*
 * Freezing everything in a cgroup and below: the v1 freezer controller, or
 * cgroup.freeze on v2.
 */
#include <stdbool.h>

#include "base/err.h"

struct cgroup;

/*
 * Asks the kernel to freeze or thaw. It may take a moment: cgroup_is_frozen()
 * tells. May be asked again. A cgroup without a freezer is FAILED_PRECONDITION;
 * one that is gone is NOT_FOUND.
 */
int cgroup_freeze(const struct cgroup *cg, bool frozen, struct err *err);

/* *ret_frozen is true only when every task has stopped. */
int cgroup_is_frozen(
    const struct cgroup *cg, bool *ret_frozen, struct err *err);

#endif
