/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which message Stats answers with: that of the version of cgroups which the
 * host uses for its containers.
 */
#include "shim/stats.h"

#include <errno.h>
#include <stdlib.h>

#include "cgroups/cgroup.h"
#include "cgroups/stats.h"
#include "ipc/any.h"
#include "shim/stats-internal.h"

int
stats_new_list(size_t n, size_t size, void **ret, pb_size_t *ret_count)
{
	if (n > PB_SIZE_MAX)
		return -E2BIG;
	void *list = n ? calloc(n, size) : NULL;
	if (n && !list)
		return -ENOMEM;
	*ret = list;
	*ret_count = (pb_size_t)n;
	return 0;
}

static int
encode_v1(const struct cgroup *cg, struct bytes *ret, struct err *err)
{
	cleanup_stats_v1 struct cgroup_stats_v1 stats = { 0 };

	int r = cgroup_stats_v1(cg, &stats, err);
	return r < 0 ? r : stats_encode_v1(&stats, ret, err);
}

static int
encode_v2(const struct cgroup *cg, struct bytes *ret, struct err *err)
{
	cleanup_stats_v2 struct cgroup_stats_v2 stats = { 0 };

	int r = cgroup_stats_v2(cg, &stats, err);
	return r < 0 ? r : stats_encode_v2(&stats, ret, err);
}

int
stats_encode(const struct cgroup *cg, const char **ret_type_url,
    struct bytes *ret, struct err *err)
{
	if (!cg)
		return err_set(err, ERR_NOT_FOUND, ENOENT,
		    "cgroup does not exist: not found");
	int r = cgroup_is_v2(cg) ? encode_v2(cg, ret, err)
				 : encode_v1(cg, ret, err);
	if (r == -ENOENT)
		return stats_encode(NULL, ret_type_url, ret, err);
	if (r == 0)
		*ret_type_url = cgroup_is_v2(cg) ? ANY_CGROUPS_V2_METRICS
						 : ANY_CGROUPS_V1_METRICS;
	return r;
}
