/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of cgroup2 as io.containerd.cgroups.v2.Metrics. All messages but
 * memory_events are always there, as readers are used to. Lists are made here
 * and freed after encoding; their strings are borrowed from the statistics.
 */
#include <errno.h>
#include <stdlib.h>

#include "ipc/message.h"
#include "ipc/proto/cgroups_v2.pb.h"
#include "shim/stats-internal.h"

static io_containerd_cgroups_v2_PSIData
psi_line(const struct cgroup_psi_line *s)
{
	return (io_containerd_cgroups_v2_PSIData){
		.avg10 = s->avg10,
		.avg60 = s->avg60,
		.avg300 = s->avg300,
		.total = s->total,
	};
}

static bool
fill_psi(const struct cgroup_psi *s, io_containerd_cgroups_v2_PSIStats *m)
{
	m->has_some = s->some.present;
	m->some = psi_line(&s->some);
	m->has_full = s->full.present;
	m->full = psi_line(&s->full);
	return s->present;
}

static void
fill_values(
    const struct cgroup_stats_v2 *s, io_containerd_cgroups_v2_Metrics *m)
{
	m->has_pids = m->has_cpu = m->has_memory = true;
	m->pids.current = s->pids.current;
	m->pids.limit = s->pids.limit;
#define COPY(name) m->cpu.name = s->cpu.name;
	CGROUP_V2_CPU_STAT(COPY)
#undef COPY
	m->cpu.has_psi = fill_psi(&s->cpu_psi, &m->cpu.psi);
#define COPY(name) m->memory.name = s->memory.name;
	CGROUP_V2_MEMORY_STAT(COPY)
#undef COPY
	m->memory.usage = s->memory.usage;
	m->memory.usage_limit = s->memory.usage_limit;
	m->memory.swap_usage = s->memory.swap_usage;
	m->memory.swap_limit = s->memory.swap_limit;
	m->memory.max_usage = s->memory.max_usage;
	m->memory.swap_max_usage = s->memory.swap_max_usage;
	m->memory.has_psi = fill_psi(&s->memory_psi, &m->memory.psi);
	m->has_memory_events = s->has_memory_events;
#define COPY(name) m->memory_events.name = s->memory_events.name;
	CGROUP_V2_MEMORY_EVENTS(COPY)
#undef COPY
}

static int
fill_io(const struct cgroup_stats_v2 *s, io_containerd_cgroups_v2_Metrics *m)
{
	void *list;

	m->has_io = true;
	m->io.has_psi = fill_psi(&s->io_psi, &m->io.psi);
	int r =
	    stats_new_list(s->n_io, sizeof(io_containerd_cgroups_v2_IOEntry),
		&list, &m->io.usage_count);
	if (r < 0)
		return r;
	m->io.usage = list;
	for (size_t i = 0; i < s->n_io; i++)
		m->io.usage[i] = (io_containerd_cgroups_v2_IOEntry){
			.major = s->io[i].major,
			.minor = s->io[i].minor,
			.rbytes = s->io[i].rbytes,
			.wbytes = s->io[i].wbytes,
			.rios = s->io[i].rios,
			.wios = s->io[i].wios,
		};
	return 0;
}

static int
fill_rdma_list(const struct cgroup_rdma_entry *s, size_t n,
    io_containerd_cgroups_v2_RdmaEntry **ret, pb_size_t *ret_count)
{
	void *list;

	int r = stats_new_list(n, sizeof(**ret), &list, ret_count);
	if (r < 0)
		return r;
	*ret = list;
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (io_containerd_cgroups_v2_RdmaEntry){
			.device = message_borrow(s[i].device),
			.hca_handles = s[i].handles,
			.hca_objects = s[i].objects,
		};
	return 0;
}

static int
fill_rdma(const struct cgroup_rdma_stat *s, io_containerd_cgroups_v2_Metrics *m)
{
	m->has_rdma = true;
	int r = fill_rdma_list(
	    s->current, s->n_current, &m->rdma.current, &m->rdma.current_count);
	return r < 0 ? r
		     : fill_rdma_list(s->limit, s->n_limit, &m->rdma.limit,
			   &m->rdma.limit_count);
}

static int
fill_hugetlb(
    const struct cgroup_stats_v2 *s, io_containerd_cgroups_v2_Metrics *m)
{
	void *list;

	int r = stats_new_list(s->n_hugetlb,
	    sizeof(io_containerd_cgroups_v2_HugeTlbStat), &list,
	    &m->hugetlb_count);
	if (r < 0)
		return r;
	m->hugetlb = list;
	for (size_t i = 0; i < s->n_hugetlb; i++)
		m->hugetlb[i] = (io_containerd_cgroups_v2_HugeTlbStat){
			.current = s->hugetlb[i].usage,
			.max = s->hugetlb[i].max,
			.failcnt = s->hugetlb[i].failcnt,
			.pagesize = message_borrow(s->hugetlb[i].page_size),
		};
	return 0;
}

static int
fill(const struct cgroup_stats_v2 *s, io_containerd_cgroups_v2_Metrics *m)
{
	fill_values(s, m);
	int r = fill_io(s, m);
	if (r == 0)
		r = fill_rdma(&s->rdma, m);
	return r < 0 ? r : fill_hugetlb(s, m);
}

static void
free_lists(io_containerd_cgroups_v2_Metrics *m)
{
	free(m->io.usage);
	free(m->rdma.current);
	free(m->rdma.limit);
	free(m->hugetlb);
}

int
stats_encode_v2(
    const struct cgroup_stats_v2 *stats, struct bytes *ret, struct err *err)
{
	io_containerd_cgroups_v2_Metrics m = { 0 };

	int r = fill(stats, &m);
	if (r < 0)
		r = err_set_errno(err, -r, "statistics");
	else
		r = message_encode(
		    io_containerd_cgroups_v2_Metrics_fields, &m, ret, err);
	free_lists(&m);
	return r;
}
