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
#include "shim/container.h"
#include "shim/shim.h"
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

static void
scale(uint64_t *time, const struct stats_part *part)
{
	if (part->cpu_all)
		*time = (uint64_t)((double)*time * (double)part->cpu_own /
				   (double)part->cpu_all);
}

static void
cut_v1(struct cgroup_stats_v1 *stats, const struct stats_part *part)
{
	stats->pids.current = part->pids;
	if (part->memory)
		stats->memory_entries[CGROUP_V1_MEMORY_USAGE].usage =
		    part->memory;
	scale(&stats->cpu.total, part);
	scale(&stats->cpu.kernel, part);
	scale(&stats->cpu.user, part);
	for (size_t i = 0; i < stats->cpu.n_per_cpu; i++)
		scale(&stats->cpu.per_cpu[i], part);
}

static void
cut_v2(struct cgroup_stats_v2 *stats, const struct stats_part *part)
{
	stats->pids.current = part->pids;
	if (part->memory)
		stats->memory.usage = part->memory;
	scale(&stats->cpu.usage_usec, part);
	scale(&stats->cpu.user_usec, part);
	scale(&stats->cpu.system_usec, part);
}

static int
encode_v1(const struct cgroup *cg, const struct stats_part *part,
    struct bytes *ret, struct err *err)
{
	cleanup_stats_v1 struct cgroup_stats_v1 stats = { 0 };

	int r = cgroup_stats_v1(cg, &stats, err);
	if (r == 0 && part)
		cut_v1(&stats, part);
	return r < 0 ? r : stats_encode_v1(&stats, ret, err);
}

static int
encode_v2(const struct cgroup *cg, const struct stats_part *part,
    struct bytes *ret, struct err *err)
{
	cleanup_stats_v2 struct cgroup_stats_v2 stats = { 0 };

	int r = cgroup_stats_v2(cg, &stats, err);
	if (r == 0 && part)
		cut_v2(&stats, part);
	return r < 0 ? r : stats_encode_v2(&stats, ret, err);
}

static int
add_v1(const struct cgroup *cg, struct cgroup_stats_v1 *sum, struct err *err)
{
	cleanup_stats_v1 struct cgroup_stats_v1 stats = { 0 };
	struct cgroup_memory_entry *memory =
	    &sum->memory_entries[CGROUP_V1_MEMORY_USAGE];

	int r = cgroup_stats_v1(cg, &stats, err);
	if (r < 0)
		return r;
	sum->has_pids |= stats.has_pids;
	sum->pids.current += stats.pids.current;
	sum->cpu.total += stats.cpu.total;
	sum->cpu.kernel += stats.cpu.kernel;
	sum->cpu.user += stats.cpu.user;
	sum->has_memory |= stats.has_memory;
	memory->present = sum->has_memory;
	memory->usage += stats.memory_entries[CGROUP_V1_MEMORY_USAGE].usage;
	sum->memory.total_inactive_file += stats.memory.total_inactive_file;
	sum->memory.total_rss += stats.memory.total_rss;
	return 0;
}

static int
add_v2(const struct cgroup *cg, struct cgroup_stats_v2 *sum, struct err *err)
{
	cleanup_stats_v2 struct cgroup_stats_v2 stats = { 0 };

	int r = cgroup_stats_v2(cg, &stats, err);
	if (r < 0)
		return r;
	sum->pids.current += stats.pids.current;
	sum->cpu.usage_usec += stats.cpu.usage_usec;
	sum->cpu.user_usec += stats.cpu.user_usec;
	sum->cpu.system_usec += stats.cpu.system_usec;
	sum->memory.usage += stats.memory.usage;
	sum->memory.anon += stats.memory.anon;
	sum->memory.file += stats.memory.file;
	sum->memory.inactive_file += stats.memory.inactive_file;
	return 0;
}

/* One that goes just now adds nothing. */
int
stats_encode_sum(const struct shim *shim, const char **ret_type_url,
    struct bytes *ret, struct err *err)
{
	struct cgroup_stats_v1 v1 = { 0 };
	struct cgroup_stats_v2 v2 = { 0 };
	bool any = false, is_v2 = false;

	list_for_each(l, tmp, &shim->containers)
	{
		const struct cgroup *cg =
		    list_entry(l, struct container, link)->cgroup;
		if (!cg)
			continue;
		is_v2 = cgroup_is_v2(cg);
		int r = is_v2 ? add_v2(cg, &v2, err) : add_v1(cg, &v1, err);
		if (r < 0 && r != -ENOENT)
			return r;
		any |= r == 0;
	}
	if (!any)
		return stats_encode(NULL, NULL, ret_type_url, ret, err);
	*ret_type_url = is_v2 ? ANY_CGROUPS_V2_METRICS : ANY_CGROUPS_V1_METRICS;
	return is_v2 ? stats_encode_v2(&v2, ret, err)
		     : stats_encode_v1(&v1, ret, err);
}

int
stats_encode(const struct cgroup *cg, const struct stats_part *part,
    const char **ret_type_url, struct bytes *ret, struct err *err)
{
	if (!cg)
		return err_set(err, ERR_NOT_FOUND, ENOENT,
		    "cgroup does not exist: not found");
	int r = cgroup_is_v2(cg) ? encode_v2(cg, part, ret, err)
				 : encode_v1(cg, part, ret, err);
	if (r == -ENOENT)
		return stats_encode(NULL, part, ret_type_url, ret, err);
	if (r == 0)
		*ret_type_url = cgroup_is_v2(cg) ? ANY_CGROUPS_V2_METRICS
						 : ANY_CGROUPS_V1_METRICS;
	return r;
}
