/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_STATS_H
#define SHIM_STATS_H

/*
 * The answer to Stats, from the files of a cgroup.
 */
#include "base/bytes.h"
#include "base/err.h"

struct cgroup;

/*
 * Encodes the metrics message of the cgroup's version: the value of an Any and
 * its type. *ret is the caller's to free, *ret_type_url is static. Without a
 * cgroup (NULL, or it is gone): NOT_FOUND.
 */
int stats_encode(const struct cgroup *cg, const char **ret_type_url,
    struct bytes *ret, struct err *err);

#endif
