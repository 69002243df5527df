/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_STATS_H
#define CGROUPS_STATS_H

/*
 * What the kernel counts for a cgroup, as plain values: one struct for each
 * version of cgroups. Times and sizes are in the units of the files unless it
 * is said otherwise, "max" is UINT64_MAX unless it is said otherwise, and what
 * a file does not have is 0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cgroup;

struct cgroup_pids_stat {
	uint64_t current, limit;
};

struct cgroup_rdma_entry {
	char device[64];
	uint32_t handles, objects; /* "max" is UINT32_MAX */
};

struct cgroup_rdma_stat {
	struct cgroup_rdma_entry *current, *limit;
	size_t n_current, n_limit;
};

struct cgroup_hugetlb_stat {
	char page_size[24]; /* "2MB" */
	uint64_t usage;
	uint64_t max; /* v1: the most that was used; v2: the limit */
	uint64_t failcnt;
};

/* ---- v1 ---- */

/* Keys of memory.stat. */
#define CGROUP_V1_MEMORY_STAT(X)                                               \
	X(cache)                                                               \
	X(rss)                                                                 \
	X(rss_huge)                                                            \
	X(mapped_file)                                                         \
	X(dirty)                                                               \
	X(writeback)                                                           \
	X(pgpgin)                                                              \
	X(pgpgout)                                                             \
	X(pgfault)                                                             \
	X(pgmajfault)                                                          \
	X(inactive_anon)                                                       \
	X(active_anon)                                                         \
	X(inactive_file)                                                       \
	X(active_file)                                                         \
	X(unevictable)                                                         \
	X(hierarchical_memory_limit)                                           \
	X(hierarchical_memsw_limit)                                            \
	X(total_cache)                                                         \
	X(total_rss)                                                           \
	X(total_rss_huge)                                                      \
	X(total_mapped_file)                                                   \
	X(total_dirty)                                                         \
	X(total_writeback)                                                     \
	X(total_pgpgin)                                                        \
	X(total_pgpgout)                                                       \
	X(total_pgfault)                                                       \
	X(total_pgmajfault)                                                    \
	X(total_inactive_anon)                                                 \
	X(total_active_anon)                                                   \
	X(total_inactive_file)                                                 \
	X(total_active_file)                                                   \
	X(total_unevictable)

#define CGROUP_STAT_FIELD(name) uint64_t name;

struct cgroup_v1_memory {
	CGROUP_V1_MEMORY_STAT(CGROUP_STAT_FIELD)
};

struct cgroup_memory_entry {
	bool present;
	uint64_t limit, usage, max, failcnt;
};

enum cgroup_v1_memory_kind {
	CGROUP_V1_MEMORY_USAGE,
	CGROUP_V1_MEMORY_SWAP,
	CGROUP_V1_MEMORY_KERNEL,
	CGROUP_V1_MEMORY_KERNEL_TCP,
	CGROUP_V1_MEMORY_KINDS
};

enum cgroup_v1_blkio {
	CGROUP_V1_IO_SERVICE_BYTES,
	CGROUP_V1_IO_SERVICED,
	CGROUP_V1_IO_QUEUED,
	CGROUP_V1_IO_SERVICE_TIME,
	CGROUP_V1_IO_WAIT_TIME,
	CGROUP_V1_IO_MERGED,
	CGROUP_V1_IO_TIME,
	CGROUP_V1_IO_SECTORS,
	CGROUP_V1_IO_KINDS
};

struct cgroup_blkio_entry {
	char op[16];     /* "Read"; "" where the file tells none apart */
	char device[64]; /* "/dev/sda"; "" when it is not known */
	uint64_t major, minor, value;
};

struct cgroup_blkio_list {
	struct cgroup_blkio_entry *entries;
	size_t n;
};

struct cgroup_stats_v1 {
	bool has_pids, has_memory, has_oom, has_blkio, has_rdma;
	struct cgroup_pids_stat pids; /* limit: "max" is 0 */
	struct {
		uint64_t total, kernel, user; /* nanoseconds */
		uint64_t *per_cpu;            /* likewise */
		size_t n_per_cpu;
		uint64_t periods, throttled_periods, throttled_time;
	} cpu;
	struct cgroup_v1_memory memory;
	struct cgroup_memory_entry memory_entries[CGROUP_V1_MEMORY_KINDS];
	struct {
		uint64_t kill_disable, under_oom, kill;
	} oom;
	struct cgroup_blkio_list blkio[CGROUP_V1_IO_KINDS];
	struct cgroup_rdma_stat rdma;
	struct cgroup_hugetlb_stat *hugetlb;
	size_t n_hugetlb;
};

/* ---- v2 ---- */

#define CGROUP_V2_CPU_STAT(X)                                                  \
	X(usage_usec)                                                          \
	X(user_usec)                                                           \
	X(system_usec)                                                         \
	X(nr_periods)                                                          \
	X(nr_throttled)                                                        \
	X(throttled_usec)                                                      \
	X(nr_bursts)                                                           \
	X(burst_usec)

#define CGROUP_V2_MEMORY_STAT(X)                                               \
	X(anon)                                                                \
	X(file)                                                                \
	X(kernel_stack)                                                        \
	X(slab)                                                                \
	X(sock)                                                                \
	X(shmem)                                                               \
	X(file_mapped)                                                         \
	X(file_dirty)                                                          \
	X(file_writeback)                                                      \
	X(anon_thp)                                                            \
	X(inactive_anon)                                                       \
	X(active_anon)                                                         \
	X(inactive_file)                                                       \
	X(active_file)                                                         \
	X(unevictable)                                                         \
	X(slab_reclaimable)                                                    \
	X(slab_unreclaimable)                                                  \
	X(pgfault)                                                             \
	X(pgmajfault)                                                          \
	X(workingset_refault)                                                  \
	X(workingset_activate)                                                 \
	X(workingset_nodereclaim)                                              \
	X(pgrefill)                                                            \
	X(pgscan)                                                              \
	X(pgsteal)                                                             \
	X(pgactivate)                                                          \
	X(pgdeactivate)                                                        \
	X(pglazyfree)                                                          \
	X(pglazyfreed)                                                         \
	X(thp_fault_alloc)                                                     \
	X(thp_collapse_alloc)

#define CGROUP_V2_MEMORY_EVENTS(X)                                             \
	X(low)                                                                 \
	X(high)                                                                \
	X(max)                                                                 \
	X(oom)                                                                 \
	X(oom_kill)                                                            \
	X(oom_group_kill)

struct cgroup_v2_cpu {
	CGROUP_V2_CPU_STAT(CGROUP_STAT_FIELD)
};

struct cgroup_v2_memory {
	CGROUP_V2_MEMORY_STAT(CGROUP_STAT_FIELD)
	/* Files of their own. */
	uint64_t usage, usage_limit, swap_usage, swap_limit, max_usage,
	    swap_max_usage;
};

struct cgroup_v2_memory_events {
	CGROUP_V2_MEMORY_EVENTS(CGROUP_STAT_FIELD)
};

struct cgroup_psi_line {
	bool present;
	double avg10, avg60, avg300;
	uint64_t total;
};

struct cgroup_psi {
	bool present;
	struct cgroup_psi_line some, full;
};

struct cgroup_v2_io_entry {
	uint64_t major, minor, rbytes, wbytes, rios, wios;
};

struct cgroup_stats_v2 {
	bool has_memory_events;
	struct cgroup_pids_stat pids;
	struct cgroup_v2_cpu cpu;
	struct cgroup_v2_memory memory;
	struct cgroup_v2_memory_events memory_events;
	struct cgroup_psi cpu_psi, memory_psi, io_psi;
	struct cgroup_v2_io_entry *io;
	size_t n_io;
	struct cgroup_rdma_stat rdma;
	struct cgroup_hugetlb_stat *hugetlb;
	size_t n_hugetlb;
};

/*
 * Fills *ret from the files, in one pass; to be emptied by the _done function,
 * which is safe on an empty struct. A missing file ends what is read of its v1
 * controller and is 0 on v2. A cgroup that is gone is NOT_FOUND "cgroup does
 * not exist". *ret is untouched on failure.
 */
int cgroup_stats_v1(
    const struct cgroup *cg, struct cgroup_stats_v1 *ret, struct err *err);
void cgroup_stats_v1_done(struct cgroup_stats_v1 *stats);

int cgroup_stats_v2(
    const struct cgroup *cg, struct cgroup_stats_v2 *ret, struct err *err);
void cgroup_stats_v2_done(struct cgroup_stats_v2 *stats);

#define cleanup_stats_v1 __attribute__((cleanup(cgroup_stats_v1_done)))
#define cleanup_stats_v2 __attribute__((cleanup(cgroup_stats_v2_done)))

#endif
