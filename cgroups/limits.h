/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_LIMITS_H
#define CGROUPS_LIMITS_H

/*
 * Limits of a cgroup, for a container whose runtime cannot change them.
 */
#include <stdint.h>

#include "base/err.h"

struct cgroup;

/*
 * In the units of linux.resources in an OCI configuration. 0 or NULL: as it is;
 * below 0: none. swap is memory and swap together.
 */
struct cgroup_limits {
	int64_t memory, swap, reservation; /* bytes */
	int64_t shares;                    /* v1's, 2 to 262144 */
	int64_t quota, period;             /* microseconds */
	int64_t pids;
	const char *cpus, *mems; /* borrowed */
};

/*
 * Writes them, on v1 and v2. The first that cannot be written ends it, and err
 * names its file; those before it stay written. INVALID_ARGUMENT where the
 * kernel takes the value for none, FAILED_PRECONDITION where it is in use
 * already, or has no such limit.
 */
int cgroup_set_limits(const struct cgroup *cg,
    const struct cgroup_limits *limits, struct err *err);

#endif
