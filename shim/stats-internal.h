/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_STATS_INTERNAL_H
#define SHIM_STATS_INTERNAL_H

/*
 * One encoder for each version.
 */
#include <pb.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "cgroups/stats.h"

int stats_encode_v1(
    const struct cgroup_stats_v1 *stats, struct bytes *ret, struct err *err);
int stats_encode_v2(
    const struct cgroup_stats_v2 *stats, struct bytes *ret, struct err *err);

/*
 * Room for the entries of a repeated field, zeroed; the caller frees it. An
 * empty list is NULL. -ENOMEM, or -E2BIG for more than a field can have.
 */
int stats_new_list(size_t n, size_t size, void **ret, pb_size_t *ret_count);

#endif
