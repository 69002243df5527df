/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_STATS_H
#define SHIM_STATS_H

/*
 * The answer to Stats, from the files of a cgroup.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct cgroup;
struct shim;

/*
 * A container's part of a cgroup that it shares with others, where the kernel
 * sees only the sandbox around them. Its CPU time is cpu_own / cpu_all of the
 * cgroup's; cpu_all 0: all of it.
 */
struct stats_part {
	uint64_t pids;
	uint64_t memory; /* bytes; 0: that of the cgroup */
	uint64_t cpu_own, cpu_all;
};

/*
 * Encodes the metrics message of the cgroup's version: the value of an Any and
 * its type. part is NULL for the whole cgroup. *ret is the caller's to free,
 * *ret_type_url is static. Without a cgroup (NULL, or it is gone): NOT_FOUND.
 */
int stats_encode(const struct cgroup *cg, const struct stats_part *part,
    const char **ret_type_url, struct bytes *ret, struct err *err);

/*
 * The same for all containers of a shim together, as far as a pod's user cares:
 * CPU time, memory in use, processes. NOT_FOUND when none has a cgroup.
 */
int stats_encode_sum(const struct shim *shim, const char **ret_type_url,
    struct bytes *ret, struct err *err);

#endif
