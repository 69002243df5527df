/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of cgroups v1 as io.containerd.cgroups.v1.Metrics. Readers go into
 * cpu.usage and cpu.throttling without looking whether they are there, so both
 * always are. Lists are made here and freed after encoding; their strings, and
 * per_cpu, are borrowed from the statistics.
 */
#include <errno.h>
#include <stdlib.h>

#include "ipc/message.h"
#include "ipc/proto/cgroups_v1.pb.h"
#include "shim/stats-internal.h"

static int
fill_cpu(const struct cgroup_stats_v1 *s, io_containerd_cgroups_v1_Metrics *m)
{
	if (s->cpu.n_per_cpu > PB_SIZE_MAX)
		return -E2BIG;
	m->has_cpu = m->cpu.has_usage = m->cpu.has_throttling = true;
	m->cpu.usage.total = s->cpu.total;
	m->cpu.usage.kernel = s->cpu.kernel;
	m->cpu.usage.user = s->cpu.user;
	m->cpu.usage.per_cpu = s->cpu.per_cpu;
	m->cpu.usage.per_cpu_count = (pb_size_t)s->cpu.n_per_cpu;
	m->cpu.throttling.periods = s->cpu.periods;
	m->cpu.throttling.throttled_periods = s->cpu.throttled_periods;
	m->cpu.throttling.throttled_time = s->cpu.throttled_time;
	return 0;
}

static bool
fill_entry(const struct cgroup_memory_entry *s,
    io_containerd_cgroups_v1_MemoryEntry *m)
{
	*m = (io_containerd_cgroups_v1_MemoryEntry){
		.limit = s->limit,
		.usage = s->usage,
		.max = s->max,
		.failcnt = s->failcnt,
	};
	return s->present;
}

static void
fill_memory(
    const struct cgroup_stats_v1 *s, io_containerd_cgroups_v1_Metrics *all)
{
	const struct cgroup_memory_entry *entries = s->memory_entries;
	io_containerd_cgroups_v1_MemoryStat *m = &all->memory;

	all->has_memory = s->has_memory;
#define COPY(name) m->name = s->memory.name;
	CGROUP_V1_MEMORY_STAT(COPY)
#undef COPY
	m->has_usage = fill_entry(&entries[CGROUP_V1_MEMORY_USAGE], &m->usage);
	m->has_swap = fill_entry(&entries[CGROUP_V1_MEMORY_SWAP], &m->swap);
	m->has_kernel =
	    fill_entry(&entries[CGROUP_V1_MEMORY_KERNEL], &m->kernel);
	m->has_kernel_tcp =
	    fill_entry(&entries[CGROUP_V1_MEMORY_KERNEL_TCP], &m->kernel_tcp);
}

static int
fill_io_list(const struct cgroup_blkio_list *s,
    io_containerd_cgroups_v1_BlkIOEntry **ret, pb_size_t *ret_count)
{
	void *list;

	int r = stats_new_list(s->n, sizeof(**ret), &list, ret_count);
	if (r < 0)
		return r;
	*ret = list;
	for (size_t i = 0; i < s->n; i++)
		(*ret)[i] = (io_containerd_cgroups_v1_BlkIOEntry){
			.op = message_borrow(s->entries[i].op),
			.device = message_borrow(s->entries[i].device),
			.major = s->entries[i].major,
			.minor = s->entries[i].minor,
			.value = s->entries[i].value,
		};
	return 0;
}

struct io_slot {
	io_containerd_cgroups_v1_BlkIOEntry **entries;
	pb_size_t *count;
};

static struct io_slot
io_slot(io_containerd_cgroups_v1_BlkIOStat *m, enum cgroup_v1_blkio kind)
{
#define SLOT(name) ((struct io_slot){ &m->name, &m->name##_count })
	switch (kind) {
	case CGROUP_V1_IO_SERVICE_BYTES:
		return SLOT(io_service_bytes);
	case CGROUP_V1_IO_SERVICED:
		return SLOT(io_serviced);
	case CGROUP_V1_IO_QUEUED:
		return SLOT(io_queued);
	case CGROUP_V1_IO_SERVICE_TIME:
		return SLOT(io_service_time);
	case CGROUP_V1_IO_WAIT_TIME:
		return SLOT(io_wait_time);
	case CGROUP_V1_IO_MERGED:
		return SLOT(io_merged);
	case CGROUP_V1_IO_TIME:
		return SLOT(io_time);
	case CGROUP_V1_IO_SECTORS:
	case CGROUP_V1_IO_KINDS:
		break;
	}
	return SLOT(sectors);
#undef SLOT
}

static int
fill_blkio(const struct cgroup_stats_v1 *s, io_containerd_cgroups_v1_Metrics *m)
{
	int r = 0;

	m->has_blkio = s->has_blkio;
	for (unsigned i = 0; r == 0 && i < CGROUP_V1_IO_KINDS; i++) {
		struct io_slot slot =
		    io_slot(&m->blkio, (enum cgroup_v1_blkio)i);

		r = fill_io_list(&s->blkio[i], slot.entries, slot.count);
	}
	return r;
}

static int
fill_rdma_list(const struct cgroup_rdma_entry *s, size_t n,
    io_containerd_cgroups_v1_RdmaEntry **ret, pb_size_t *ret_count)
{
	void *list;

	int r = stats_new_list(n, sizeof(**ret), &list, ret_count);
	if (r < 0)
		return r;
	*ret = list;
	for (size_t i = 0; i < n; i++)
		(*ret)[i] = (io_containerd_cgroups_v1_RdmaEntry){
			.device = message_borrow(s[i].device),
			.hca_handles = s[i].handles,
			.hca_objects = s[i].objects,
		};
	return 0;
}

static int
fill_rdma(const struct cgroup_rdma_stat *s, io_containerd_cgroups_v1_Metrics *m)
{
	int r = fill_rdma_list(
	    s->current, s->n_current, &m->rdma.current, &m->rdma.current_count);

	return r < 0 ? r
		     : fill_rdma_list(s->limit, s->n_limit, &m->rdma.limit,
			   &m->rdma.limit_count);
}

static int
fill_hugetlb(
    const struct cgroup_stats_v1 *s, io_containerd_cgroups_v1_Metrics *m)
{
	void *list;

	int r = stats_new_list(s->n_hugetlb,
	    sizeof(io_containerd_cgroups_v1_HugetlbStat), &list,
	    &m->hugetlb_count);
	if (r < 0)
		return r;
	m->hugetlb = list;
	for (size_t i = 0; i < s->n_hugetlb; i++)
		m->hugetlb[i] = (io_containerd_cgroups_v1_HugetlbStat){
			.usage = s->hugetlb[i].usage,
			.max = s->hugetlb[i].max,
			.failcnt = s->hugetlb[i].failcnt,
			.pagesize = message_borrow(s->hugetlb[i].page_size),
		};
	return 0;
}

static int
fill(const struct cgroup_stats_v1 *s, io_containerd_cgroups_v1_Metrics *m)
{
	m->has_pids = s->has_pids;
	m->pids.current = s->pids.current;
	m->pids.limit = s->pids.limit;
	fill_memory(s, m);
	m->has_memory_oom_control = s->has_oom;
	m->memory_oom_control.oom_kill_disable = s->oom.kill_disable;
	m->memory_oom_control.under_oom = s->oom.under_oom;
	m->memory_oom_control.oom_kill = s->oom.kill;
	m->has_rdma = s->has_rdma;
	int r = fill_cpu(s, m);
	if (r == 0)
		r = fill_blkio(s, m);
	if (r == 0)
		r = fill_rdma(&s->rdma, m);
	return r < 0 ? r : fill_hugetlb(s, m);
}

static void
free_lists(io_containerd_cgroups_v1_Metrics *m)
{
	for (unsigned i = 0; i < CGROUP_V1_IO_KINDS; i++)
		free(*io_slot(&m->blkio, (enum cgroup_v1_blkio)i).entries);
	free(m->rdma.current);
	free(m->rdma.limit);
	free(m->hugetlb);
}

int
stats_encode_v1(
    const struct cgroup_stats_v1 *stats, struct bytes *ret, struct err *err)
{
	io_containerd_cgroups_v1_Metrics m = { 0 };

	int r = fill(stats, &m);
	if (r < 0)
		r = err_set_errno(err, -r, "statistics");
	else
		r = message_encode(
		    io_containerd_cgroups_v1_Metrics_fields, &m, ret, err);
	free_lists(&m);
	return r;
}
