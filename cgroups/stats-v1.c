/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of cgroups v1, whose controllers are each a directory of their own
 * (kernel documentation, admin-guide/cgroup-v1).
 *
 * A file that is missing, because the kernel was built or booted without it or
 * the cgroup was just removed, ends the reading of its controller and leaves
 * what was read before. Other errors are errors.
 *
 * blkio has its statistics by the scheduler in use: the *_recursive ones count
 * where there are any, else those of throttling, which are always kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"
#include "cgroups/stats-internal.h"

#define NSEC_PER_TICK  (UINT64_C(1000000000) / 100) /* USER_HZ is 100 */
#define PARTITIONS     "/proc/partitions"
#define PARTITIONS_MAX (4 << 20)

static int
read_pids(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	int r = stat_read_value(reader, "pids.current", &ret->pids.current);

	if (r < 0)
		return r;
	ret->has_pids = true;
	r = stat_read_value(reader, "pids.max", &ret->pids.limit);
	if (ret->pids.limit == UINT64_MAX)
		ret->pids.limit = 0;
	return r;
}

/* ---- cpu ---- */

static int
read_cpu(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	static const struct stat_key keys[] = {
		{ "nr_periods", offsetof(struct cgroup_stats_v1, cpu.periods) },
		{ "nr_throttled",
		    offsetof(struct cgroup_stats_v1, cpu.throttled_periods) },
		{ "throttled_time",
		    offsetof(struct cgroup_stats_v1, cpu.throttled_time) },
	};

	return stat_read_keys(reader, "cpu.stat", STAT_KEYS(keys), ret);
}

static int
read_per_cpu(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	char *line, *word;
	void *array = NULL;

	int r = stat_read(reader, "cpuacct.usage_percpu");
	if (r < 0)
		return r;
	line = reader->text;
	line[strcspn(line, "\n")] = '\0';
	while ((word = stat_next_word(&line))) {
		uint64_t *value =
		    stat_array_add(&array, &ret->cpu.n_per_cpu, sizeof(*value));

		if (!value)
			return -ENOMEM;
		ret->cpu.per_cpu = array;
		*value = stat_parse_value(word);
	}
	return 0;
}

static int
read_cpuacct(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	static const struct stat_key keys[] = {
		{ "user", offsetof(struct cgroup_stats_v1, cpu.user) },
		{ "system", offsetof(struct cgroup_stats_v1, cpu.kernel) },
	};

	int r = stat_read_keys(reader, "cpuacct.stat", STAT_KEYS(keys), ret);
	if (r < 0)
		return r;
	ret->cpu.user *= NSEC_PER_TICK;
	ret->cpu.kernel *= NSEC_PER_TICK;
	r = stat_read_value(reader, "cpuacct.usage", &ret->cpu.total);
	return r < 0 ? r : read_per_cpu(reader, ret);
}

/* ---- memory ---- */

static int
read_memory_entry(struct stat_reader *reader, const char *prefix,
    struct cgroup_memory_entry *ret)
{
	const struct {
		const char *name;
		uint64_t *ret;
	} files[] = {
		{ "usage_in_bytes", &ret->usage },
		{ "max_usage_in_bytes", &ret->max },
		{ "failcnt", &ret->failcnt },
		{ "limit_in_bytes", &ret->limit },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		int r = path_format(
		    name, sizeof(name), "%s.%s", prefix, files[i].name);
		if (r == 0)
			r = stat_read_value(reader, name, files[i].ret);
		if (r < 0)
			return r;
		ret->present = true;
	}
	return 0;
}

static int
read_oom(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	static const struct stat_key keys[] = {
		{ "oom_kill_disable",
		    offsetof(struct cgroup_stats_v1, oom.kill_disable) },
		{ "under_oom",
		    offsetof(struct cgroup_stats_v1, oom.under_oom) },
		{ "oom_kill", offsetof(struct cgroup_stats_v1, oom.kill) },
	};

	int r =
	    stat_read_keys(reader, "memory.oom_control", STAT_KEYS(keys), ret);
	ret->has_oom = r == 0;
	return r;
}

static int
read_memory(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
#define KEY(name) { #name, offsetof(struct cgroup_v1_memory, name) },
	static const struct stat_key keys[] = { CGROUP_V1_MEMORY_STAT(KEY) };
#undef KEY
	static const char *const prefixes[] = {
		[CGROUP_V1_MEMORY_USAGE] = "memory",
		[CGROUP_V1_MEMORY_SWAP] = "memory.memsw",
		[CGROUP_V1_MEMORY_KERNEL] = "memory.kmem",
		[CGROUP_V1_MEMORY_KERNEL_TCP] = "memory.kmem.tcp",
	};

	int r = stat_read_keys(
	    reader, "memory.stat", STAT_KEYS(keys), &ret->memory);
	if (r < 0)
		return r;
	ret->has_memory = true;
	r = read_oom(reader, ret);
	for (size_t i = 0; r == 0 && i < CGROUP_V1_MEMORY_KINDS; i++)
		r = read_memory_entry(
		    reader, prefixes[i], &ret->memory_entries[i]);
	return r;
}

/* ---- blkio ---- */

/* "8:0 Read 4096" or, in files that tell no operations apart, "8:0 4096". */
static bool
parse_io_line(char *line, struct cgroup_blkio_entry *ret)
{
	char *device = stat_next_word(&line), *op = stat_next_word(&line);
	char *value = stat_next_word(&line);
	char *colon = device ? strchr(device, ':') : NULL;

	*ret = (struct cgroup_blkio_entry){ 0 };
	if (!colon || !op)
		return false; /* "Total 0" */
	ret->major = stat_parse_value(device);
	ret->minor = stat_parse_value(colon + 1);
	if (value)
		(void)snprintf(ret->op, sizeof(ret->op), "%s", op);
	ret->value = stat_parse_value(value ? value : op);
	return true;
}

static int
read_io_list(
    struct stat_reader *reader, const char *name, struct cgroup_blkio_list *ret)
{
	struct cgroup_blkio_entry entry, *added;
	void *array = NULL;
	char *line, *cursor;

	int r = stat_read(reader, name);
	if (r < 0)
		return r;
	cursor = reader->text;
	while ((line = stat_next_line(&cursor))) {
		if (!parse_io_line(line, &entry))
			continue;
		added = stat_array_add(&array, &ret->n, sizeof(*added));
		if (!added)
			return -ENOMEM;
		ret->entries = array;
		*added = entry;
	}
	return 0;
}

static int
read_io_recursive(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	static const char *const names[] = {
		[CGROUP_V1_IO_SERVICE_BYTES] =
		    "blkio.io_service_bytes_recursive",
		[CGROUP_V1_IO_SERVICED] = "blkio.io_serviced_recursive",
		[CGROUP_V1_IO_QUEUED] = "blkio.io_queued_recursive",
		[CGROUP_V1_IO_SERVICE_TIME] = "blkio.io_service_time_recursive",
		[CGROUP_V1_IO_WAIT_TIME] = "blkio.io_wait_time_recursive",
		[CGROUP_V1_IO_MERGED] = "blkio.io_merged_recursive",
		[CGROUP_V1_IO_TIME] = "blkio.time_recursive",
		[CGROUP_V1_IO_SECTORS] = "blkio.sectors_recursive",
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < CGROUP_V1_IO_KINDS; i++)
		if (i != CGROUP_V1_IO_SERVICED) /* was read to choose */
			r = read_io_list(reader, names[i], &ret->blkio[i]);
	return r;
}

/* Lines are "major minor blocks name", below a headline. */
static void
name_device(const char *partitions, struct cgroup_blkio_entry *entry)
{
	unsigned long long major, minor;
	char name[sizeof(entry->device) - sizeof("/dev/")];

	for (const char *line = partitions; line && *line;
	     line = strchr(line, '\n'), line += line ? 1 : 0)
		if (sscanf(line, "%llu %llu %*u %57s", &major, &minor, name) ==
			3 &&
		    major == entry->major && minor == entry->minor) {
			(void)snprintf(entry->device, sizeof(entry->device),
			    "/dev/%s", name);
			return;
		}
}

static void
name_devices(struct cgroup_stats_v1 *ret)
{
	cleanup_free char *text = NULL;

	for (size_t i = 0; i < CGROUP_V1_IO_KINDS; i++)
		for (size_t j = 0; j < ret->blkio[i].n; j++) {
			if (!text && file_read(AT_FDCWD, PARTITIONS,
					 PARTITIONS_MAX, &text, NULL) < 0)
				return;
			name_device(text, &ret->blkio[i].entries[j]);
		}
}

static int
read_blkio(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	struct cgroup_blkio_list *serviced = &ret->blkio[CGROUP_V1_IO_SERVICED];

	int r = read_io_list(reader, "blkio.io_serviced_recursive", serviced);
	ret->has_blkio = true;
	if (r < 0 && r != -ENOENT)
		return r;
	if (serviced->n > 0) {
		r = read_io_recursive(reader, ret);
	} else {
		r = read_io_list(
		    reader, "blkio.throttle.io_serviced", serviced);
		if (r == 0)
			r = read_io_list(reader,
			    "blkio.throttle.io_service_bytes",
			    &ret->blkio[CGROUP_V1_IO_SERVICE_BYTES]);
	}
	name_devices(ret);
	return r;
}

/* ---- the rest ---- */

static int
read_hugetlb_size(struct stat_reader *reader, struct cgroup_hugetlb_stat *entry)
{
	const struct {
		const char *name;
		uint64_t *ret;
	} files[] = {
		{ "usage_in_bytes", &entry->usage },
		{ "max_usage_in_bytes", &entry->max },
		{ "failcnt", &entry->failcnt },
	};
	char name[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(*files); i++) {
		r = path_format(name, sizeof(name), "hugetlb.%s.%s",
		    entry->page_size, files[i].name);
		if (r == 0)
			r = stat_read_value(reader, name, files[i].ret);
	}
	return r;
}

static int
read_hugetlb(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	int r = stat_list_page_sizes(&ret->hugetlb, &ret->n_hugetlb);

	for (size_t i = 0; r == 0 && i < ret->n_hugetlb; i++) {
		r = read_hugetlb_size(reader, &ret->hugetlb[i]);
		if (r < 0)
			ret->n_hugetlb = i;
	}
	return r;
}

static int
read_rdma(struct stat_reader *reader, struct cgroup_stats_v1 *ret)
{
	int r = stat_read_rdma(reader, &ret->rdma);

	ret->has_rdma = r == 0;
	return r;
}

typedef int read_fn(struct stat_reader *reader, struct cgroup_stats_v1 *ret);

static const struct {
	enum cgroup_v1 controller;
	read_fn *read;
} readers[] = {
	{ CGROUP_V1_PIDS, read_pids },
	{ CGROUP_V1_CPU, read_cpu },
	{ CGROUP_V1_CPUACCT, read_cpuacct },
	{ CGROUP_V1_MEMORY, read_memory },
	{ CGROUP_V1_BLKIO, read_blkio },
	{ CGROUP_V1_HUGETLB, read_hugetlb },
	{ CGROUP_V1_RDMA, read_rdma },
};

static int
read_all(const struct cgroup *cg, struct cgroup_stats_v1 *ret)
{
	cleanup_stat_reader struct stat_reader reader = STAT_READER_INIT;

	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		const char *dir = cgroup_dir(cg, readers[i].controller);
		int r = dir ? stat_reader_enter(&reader, dir) : -ENOENT;

		if (r == 0)
			r = readers[i].read(&reader, ret);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int
cgroup_stats_v1(
    const struct cgroup *cg, struct cgroup_stats_v1 *ret, struct err *err)
{
	cleanup_stats_v1 struct cgroup_stats_v1 stats = { 0 };

	int r = read_all(cg, &stats);
	if (access(cg->dir, F_OK) < 0)
		return cgroup_missing(err);
	if (r < 0)
		return err_set_errno(
		    err, -r, "statistics of cgroup '%s'", cg->path);
	*ret = stats;
	stats = (struct cgroup_stats_v1){ 0 };
	return 0;
}

void
cgroup_stats_v1_done(struct cgroup_stats_v1 *stats)
{
	for (size_t i = 0; i < CGROUP_V1_IO_KINDS; i++)
		free(stats->blkio[i].entries);
	stat_rdma_done(&stats->rdma);
	free(stats->cpu.per_cpu);
	free(stats->hugetlb);
	*stats = (struct cgroup_stats_v1){ 0 };
}
