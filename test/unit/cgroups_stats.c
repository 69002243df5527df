/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics: files of several kernels in directories that pass for a cgroup,
 * and the real cgroups of this machine.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cgroups/stats-internal.h"
#include "test/unit/cgroup-bed.h"

struct file {
	const char *name, *text;
};

#define MEMORY_ENTRY(prefix, n)                                                \
	{ prefix ".usage_in_bytes", #n "1\n" },                                \
	    { prefix ".max_usage_in_bytes", #n "2\n" },                        \
	    { prefix ".failcnt", #n "3\n" },                                   \
	{                                                                      \
		prefix ".limit_in_bytes", #n "4\n"                             \
	}

static const struct file v1_files[] = {
	{ "pids.current", "3\n" },
	{ "pids.max", "max\n" },
	{ "cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 555\n"
		      "nr_bursts 9\n" },
	{ "cpuacct.stat", "user 150\nsystem 25\n" },
	{ "cpuacct.usage", "18446744073709551615\n" },
	{ "cpuacct.usage_percpu", "11 0 33 \n" },
	{ "memory.stat",
	    "cache 1\nrss 2\nrss_huge 3\nshmem 77\nmapped_file 4\ndirty 5\n"
	    "writeback 6\nswap 78\npgpgin 7\npgpgout 8\npgfault 9\n"
	    "pgmajfault 10\ninactive_anon 11\nactive_anon 12\n"
	    "inactive_file 13\nactive_file 14\nunevictable 15\n"
	    "hierarchical_memory_limit 16\nhierarchical_memsw_limit 17\n"
	    "total_unevictable 32\ntotal_cache 18\ntotal_rss -5\n" },
	{ "memory.oom_control",
	    "oom_kill_disable 1\nunder_oom 0\noom_kill 7\n" },
	MEMORY_ENTRY("memory", 3),
	MEMORY_ENTRY("memory.memsw", 4),
	MEMORY_ENTRY("memory.kmem", 5),
	MEMORY_ENTRY("memory.kmem.tcp", 6),
	{ "blkio.throttle.io_serviced",
	    "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n" },
	{ "blkio.throttle.io_service_bytes", "259:17 Read 4096\nTotal 4096\n" },
	{ "rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n"
			  "ocrdma1 hca_handle=3 hca_object=max\n" },
	{ "rdma.max", "mlx4_0 hca_handle=max hca_object=5\n" },
};

/* What a kernel with the CFQ scheduler has besides. */
static const struct file v1_recursive_files[] = {
	{ "blkio.io_serviced_recursive", "8:0 Read 5\nTotal 5\n" },
	{ "blkio.io_service_bytes_recursive", "8:0 Write 6\nTotal 6\n" },
	{ "blkio.io_queued_recursive", "8:0 Sync 7\n8:16 Async 70\n" },
	{ "blkio.io_service_time_recursive", "8:0 Read 8\n" },
	{ "blkio.io_wait_time_recursive", "8:0 Read 9\n" },
	{ "blkio.io_merged_recursive", "8:0 Read 10\n" },
	{ "blkio.time_recursive", "8:0 11\n" },
	{ "blkio.sectors_recursive", "8:0 12\n" },
};

static const struct file v2_files[] = {
	{ "pids.current", "3\n" },
	{ "pids.max", "max\n" },
	{ "cpu.stat",
	    "usage_usec 1\nuser_usec 2\nsystem_usec 3\nnice_usec 99\n"
	    "nr_periods 4\nnr_throttled 5\nthrottled_usec 6\nnr_bursts 7\n"
	    "burst_usec 8\n" },
	{ "cpu.pressure",
	    "some avg10=1.50 avg60=0.25 avg300=0.00 total=123\n" },
	{ "memory.stat",
	    "anon 1\nfile 2\nkernel 99\nkernel_stack 3\nsock 5\nslab 4\n"
	    "thp_collapse_alloc 31\nanon_thp 10\nworkingset_refault_anon 98\n"
	    "workingset_refault 20\n" },
	{ "memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n"
			   "oom_group_kill 6\n" },
	{ "memory.pressure",
	    "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
	    "full avg10=100.00 avg60=12.34 avg300=9.99 total=8\n" },
	{ "memory.current", "32\n" },
	{ "memory.max", "max\n" },
	{ "memory.swap.current", "34\n" },
	{ "memory.swap.max", "35\n" },
	{ "memory.peak", "36\n" },
	{ "memory.swap.peak", "37\n" },
	{ "io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
		     "8:0 \nfoo\n259:3 wios=9\n" },
	{ "rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n" },
	{ "rdma.max", "" },
};
#define FILES(files) (files), sizeof(files) / sizeof(*(files))

static char dir[32];

static int
setup_dir(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/chock-stats-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown_dir(void **state)
{
	(void)state;
	bed_remove_files(dir);
	return 0;
}

static void
write_files(const struct file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bed_write(dir, files[i].name, files[i].text);
}

static struct cgroup
cgroup_v1(void)
{
	struct cgroup cg = { .controller = "pids", .path = dir, .dir = dir };

	for (size_t i = 0; i < CGROUP_V1_CONTROLLERS; i++)
		cg.v1_dirs[i] = dir;
	return cg;
}

static struct cgroup_stats_v1
read_v1(void)
{
	struct cgroup_stats_v1 stats;
	struct cgroup cg = cgroup_v1();
	struct err err;

	if (cgroup_stats_v1(&cg, &stats, &err) < 0)
		fail_msg("%s", err.msg);
	return stats;
}

static struct cgroup_stats_v2
read_v2(void)
{
	struct cgroup cg = { .controller = "", .path = dir, .dir = dir };
	struct cgroup_stats_v2 stats;
	struct err err;

	if (cgroup_stats_v2(&cg, &stats, &err) < 0)
		fail_msg("%s", err.msg);
	return stats;
}

static void
check_entry(const struct cgroup_memory_entry *entry, unsigned tens)
{
	assert_true(entry->present);
	assert_int_equal(entry->usage, tens * 10 + 1);
	assert_int_equal(entry->max, tens * 10 + 2);
	assert_int_equal(entry->failcnt, tens * 10 + 3);
	assert_int_equal(entry->limit, tens * 10 + 4);
}

static void
test_v1_memory(void **state)
{
	(void)state;
	write_files(FILES(v1_files));
	struct cgroup_stats_v1 s = read_v1();

	assert_true(s.has_memory);
	assert_int_equal(s.memory.cache, 1);
	assert_int_equal(s.memory.mapped_file, 4);
	assert_int_equal(s.memory.pgmajfault, 10);
	assert_int_equal(s.memory.hierarchical_memsw_limit, 17);
	assert_int_equal(s.memory.total_cache, 18);
	assert_int_equal(s.memory.total_rss, 0);
	assert_int_equal(s.memory.total_unevictable, 32);
	for (unsigned i = 0; i < CGROUP_V1_MEMORY_KINDS; i++)
		check_entry(&s.memory_entries[i], i + 3);
	assert_true(s.has_oom);
	assert_int_equal(s.oom.kill_disable, 1);
	assert_int_equal(s.oom.under_oom, 0);
	assert_int_equal(s.oom.kill, 7);
	cgroup_stats_v1_done(&s);
	cgroup_stats_v1_done(&s);
}

static void
test_v1_cpu_and_pids(void **state)
{
	(void)state;
	write_files(FILES(v1_files));
	struct cgroup_stats_v1 s = read_v1();

	assert_true(s.has_pids);
	assert_int_equal(s.pids.current, 3);
	assert_int_equal(s.pids.limit, 0);
	assert_int_equal(s.cpu.periods, 10);
	assert_int_equal(s.cpu.throttled_periods, 4);
	assert_int_equal(s.cpu.throttled_time, 555);
	assert_int_equal(s.cpu.user, 1500000000);
	assert_int_equal(s.cpu.kernel, 250000000);
	assert_int_equal(s.cpu.total, UINT64_MAX);
	assert_int_equal(s.cpu.n_per_cpu, 3);
	assert_int_equal(s.cpu.per_cpu[0], 11);
	assert_int_equal(s.cpu.per_cpu[2], 33);
	cgroup_stats_v1_done(&s);
}

static void
check_io(const struct cgroup_blkio_list *list, size_t i, const char *op,
    uint64_t major, uint64_t minor, uint64_t value)
{
	assert_true(i < list->n);
	assert_string_equal(list->entries[i].op, op);
	assert_int_equal(list->entries[i].major, major);
	assert_int_equal(list->entries[i].minor, minor);
	assert_int_equal(list->entries[i].value, value);
}

static void
test_v1_io(void **state)
{
	(void)state;
	write_files(FILES(v1_files));
	struct cgroup_stats_v1 s = read_v1();

	assert_true(s.has_blkio);
	for (unsigned i = CGROUP_V1_IO_QUEUED; i < CGROUP_V1_IO_KINDS; i++)
		assert_int_equal(s.blkio[i].n, 0);
	assert_int_equal(s.blkio[CGROUP_V1_IO_SERVICED].n, 3);
	check_io(&s.blkio[CGROUP_V1_IO_SERVICED], 0, "Read", 8, 0, 1);
	check_io(&s.blkio[CGROUP_V1_IO_SERVICED], 2, "Total", 8, 0, 3);
	assert_int_equal(s.blkio[CGROUP_V1_IO_SERVICE_BYTES].n, 1);
	check_io(
	    &s.blkio[CGROUP_V1_IO_SERVICE_BYTES], 0, "Read", 259, 17, 4096);
	cgroup_stats_v1_done(&s);
}

static void
test_v1_io_recursive(void **state)
{
	static const char *const ops[] = { "Write", "Read", "Sync", "Read",
		"Read", "Read", "", "" };
	static const uint64_t values[] = { 6, 5, 7, 8, 9, 10, 11, 12 };

	(void)state;
	write_files(FILES(v1_files));
	write_files(FILES(v1_recursive_files));
	struct cgroup_stats_v1 s = read_v1();

	for (unsigned i = 0; i < CGROUP_V1_IO_KINDS; i++) {
		assert_int_equal(
		    s.blkio[i].n, i == CGROUP_V1_IO_QUEUED ? 2 : 1);
		check_io(&s.blkio[i], 0, ops[i], 8, 0, values[i]);
	}
	check_io(&s.blkio[CGROUP_V1_IO_QUEUED], 1, "Async", 8, 16, 70);
	cgroup_stats_v1_done(&s);
}

/* The first device of this machine must be found by its name. */
static void
test_device_names(void **state)
{
	cleanup_file FILE *file = fopen("/proc/partitions", "re");
	char line[256], text[300], name[64], want[80];
	unsigned major = 0, minor = 0;
	int found = 0;

	(void)state;
	while (file && found != 3 && fgets(line, sizeof(line), file))
		found = sscanf(line, "%u %u %*u %57s", &major, &minor, name);
	if (found != 3)
		skip();
	(void)snprintf(text, sizeof(text), "%u:%u Read 1\n999999:3 Read 2\n",
	    major, minor);
	(void)snprintf(want, sizeof(want), "/dev/%s", name);
	bed_write(dir, "blkio.throttle.io_serviced", text);
	struct cgroup_stats_v1 s = read_v1();
	assert_int_equal(s.blkio[CGROUP_V1_IO_SERVICED].n, 2);
	assert_string_equal(
	    s.blkio[CGROUP_V1_IO_SERVICED].entries[0].device, want);
	assert_string_equal(
	    s.blkio[CGROUP_V1_IO_SERVICED].entries[1].device, "");
	cgroup_stats_v1_done(&s);
}

static void
check_rdma(const struct cgroup_rdma_stat *rdma)
{
	assert_true(rdma->n_current >= 1);
	assert_string_equal(rdma->current[0].device, "mlx4_0");
	assert_int_equal(rdma->current[0].handles, 2);
	assert_int_equal(rdma->current[0].objects, 2000);
}

static void
test_v1_rdma(void **state)
{
	(void)state;
	write_files(FILES(v1_files));
	struct cgroup_stats_v1 s = read_v1();

	assert_true(s.has_rdma);
	check_rdma(&s.rdma);
	assert_int_equal(s.rdma.n_current, 2);
	assert_int_equal(s.rdma.current[1].objects, UINT32_MAX);
	assert_int_equal(s.rdma.n_limit, 1);
	assert_int_equal(s.rdma.limit[0].handles, UINT32_MAX);
	assert_int_equal(s.rdma.limit[0].objects, 5);
	cgroup_stats_v1_done(&s);
}

/* A missing file ends its controller and keeps what was read of it. */
static void
test_v1_missing(void **state)
{
	(void)state;
	struct cgroup_stats_v1 s = read_v1();
	assert_false(s.has_pids || s.has_memory || s.has_oom || s.has_rdma);
	assert_int_equal(s.n_hugetlb, 0);
	cgroup_stats_v1_done(&s);

	bed_write(dir, "memory.stat", "cache 5\n");
	bed_write(dir, "memory.oom_control", "oom_kill_disable 0\n");
	bed_write(dir, "memory.usage_in_bytes", "9\n");
	bed_write(dir, "memory.memsw.usage_in_bytes", "9\n");
	bed_write(dir, "pids.current", "2\n");
	bed_write(dir, "cpu.stat", "nr_periods 3");
	s = read_v1();
	assert_int_equal(s.memory.cache, 5);
	assert_true(s.has_oom);
	assert_int_equal(s.memory_entries[CGROUP_V1_MEMORY_USAGE].usage, 9);
	assert_false(s.memory_entries[CGROUP_V1_MEMORY_SWAP].present);
	assert_true(s.has_pids);
	assert_int_equal(s.pids.current, 2);
	assert_int_equal(s.cpu.periods, 3);
	cgroup_stats_v1_done(&s);
}

static void
test_v1_error(void **state)
{
	struct cgroup_stats_v1 s;
	struct cgroup cg = cgroup_v1();
	struct err err = { 0 };
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/pids.current", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(cgroup_stats_v1(&cg, &s, &err), -EISDIR);
	assert_int_equal(err.code, ERR_UNKNOWN);
	assert_int_equal(rmdir(path), 0);
}

static void
test_v2_values(void **state)
{
	(void)state;
	write_files(FILES(v2_files));
	struct cgroup_stats_v2 s = read_v2();

	assert_int_equal(s.pids.current, 3);
	assert_int_equal(s.pids.limit, UINT64_MAX);
	assert_int_equal(s.cpu.usage_usec, 1);
	assert_int_equal(s.cpu.throttled_usec, 6);
	assert_int_equal(s.cpu.burst_usec, 8);
	assert_int_equal(s.memory.anon, 1);
	assert_int_equal(s.memory.kernel_stack, 3);
	assert_int_equal(s.memory.slab, 4);
	assert_int_equal(s.memory.sock, 5);
	assert_int_equal(s.memory.anon_thp, 10);
	assert_int_equal(s.memory.workingset_refault, 20);
	assert_int_equal(s.memory.thp_collapse_alloc, 31);
	assert_int_equal(s.memory.usage, 32);
	assert_int_equal(s.memory.usage_limit, UINT64_MAX);
	assert_int_equal(s.memory.swap_usage, 34);
	assert_int_equal(s.memory.swap_limit, 35);
	assert_int_equal(s.memory.max_usage, 36);
	assert_int_equal(s.memory.swap_max_usage, 37);
	assert_true(s.has_memory_events);
	assert_int_equal(s.memory_events.low, 1);
	assert_int_equal(s.memory_events.oom_kill, 5);
	assert_int_equal(s.memory_events.oom_group_kill, 6);
	check_rdma(&s.rdma);
	assert_int_equal(s.rdma.n_limit, 0);
	cgroup_stats_v2_done(&s);
	cgroup_stats_v2_done(&s);
}

static void
test_v2_pressure_and_io(void **state)
{
	(void)state;
	write_files(FILES(v2_files));
	struct cgroup_stats_v2 s = read_v2();

	assert_true(s.cpu_psi.present && s.cpu_psi.some.present);
	assert_false(s.cpu_psi.full.present);
	assert_true(s.cpu_psi.some.avg10 == 1.5);
	assert_true(s.cpu_psi.some.avg60 == 0.25);
	assert_int_equal(s.cpu_psi.some.total, 123);
	assert_true(s.memory_psi.full.present);
	assert_true(s.memory_psi.full.avg300 == 9.99);
	assert_int_equal(s.memory_psi.full.total, 8);
	assert_false(s.io_psi.present);
	assert_int_equal(s.n_io, 2);
	assert_int_equal(s.io[0].major, 8);
	assert_int_equal(s.io[0].minor, 16);
	assert_int_equal(s.io[0].rbytes, 1);
	assert_int_equal(s.io[0].wbytes, 2);
	assert_int_equal(s.io[0].rios, 3);
	assert_int_equal(s.io[0].wios, 4);
	assert_int_equal(s.io[1].major, 259);
	assert_int_equal(s.io[1].rbytes, 0);
	assert_int_equal(s.io[1].wios, 9);
	cgroup_stats_v2_done(&s);
}

static void
test_v2_missing(void **state)
{
	(void)state;
	struct cgroup_stats_v2 s = read_v2();
	assert_false(s.has_memory_events);
	assert_int_equal(s.pids.limit, 0);
	assert_int_equal(s.memory.usage_limit, 0);
	cgroup_stats_v2_done(&s);
	bed_write(dir, "memory.events", "");
	s = read_v2();
	assert_false(s.has_memory_events);
	cgroup_stats_v2_done(&s);
}

static void
write_hugetlb(const char *page_size, const char *leaf, const char *text)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "hugetlb.%s.%s", page_size, leaf);
	bed_write(dir, name, text);
}

/* The machine's sizes of pages, without files and with those of a version. */
static void
test_v1_hugetlb(void **state)
{
	struct cgroup_hugetlb_stat *sizes = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(stat_list_page_sizes(&sizes, &n), 0);
	for (size_t i = 0; i < n; i++) {
		write_hugetlb(sizes[i].page_size, "usage_in_bytes", "11\n");
		write_hugetlb(sizes[i].page_size, "max_usage_in_bytes", "22\n");
		write_hugetlb(sizes[i].page_size, "failcnt", "3\n");
	}
	struct cgroup_stats_v1 s = read_v1();
	assert_int_equal(s.n_hugetlb, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(s.hugetlb[i].page_size, sizes[i].page_size);
		assert_int_equal(s.hugetlb[i].usage, 11);
		assert_int_equal(s.hugetlb[i].max, 22);
		assert_int_equal(s.hugetlb[i].failcnt, 3);
	}
	cgroup_stats_v1_done(&s);
	free(sizes);
}

static void
test_v2_hugetlb(void **state)
{
	(void)state;
	struct cgroup_stats_v2 s = read_v2();
	for (size_t i = 0; i < s.n_hugetlb; i++) {
		assert_int_equal(s.hugetlb[i].max, 0);
		write_hugetlb(s.hugetlb[i].page_size, "current", "11\n");
		write_hugetlb(s.hugetlb[i].page_size, "max", "max\n");
		write_hugetlb(s.hugetlb[i].page_size, "events", "max 3\n");
	}
	cgroup_stats_v2_done(&s);
	s = read_v2();
	for (size_t i = 0; i < s.n_hugetlb; i++) {
		assert_int_equal(s.hugetlb[i].usage, 11);
		assert_int_equal(s.hugetlb[i].max, UINT64_MAX);
		assert_int_equal(s.hugetlb[i].failcnt, 3);
	}
	cgroup_stats_v2_done(&s);
}

static void
test_page_size(void **state)
{
	static const char *const cases[][2] = {
		{ "hugepages-64kB", "64KB" },
		{ "hugepages-2048kB", "2MB" },
		{ "hugepages-32768kB", "32MB" },
		{ "hugepages-1048576kB", "1GB" },
		{ "hugepages-16777216kB", "16GB" },
		{ "hugepages-kB", NULL },
		{ "hugepages-2048MB", NULL },
		{ "hugepages-2048kB~", NULL },
		{ "pages-2048kB", NULL },
		{ "..", NULL },
	};
	char text[24];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool ok = stat_page_size(cases[i][0], text, sizeof(text));

		if (ok != (cases[i][1] != NULL))
			fail_msg("%s", cases[i][0]);
		if (ok)
			assert_string_equal(text, cases[i][1]);
	}
	assert_false(stat_page_size("hugepages-2048kB", text, 3));
}

/* A file that is larger than the buffer that reading begins with. */
static void
test_large_file(void **state)
{
	cleanup_free char *text = malloc(60000);

	(void)state;
	assert_non_null(text);
	text[0] = '\0';
	size_t len = 0;
	for (int i = 0; i < 5000; i++)
		len += (size_t)sprintf(text + len, "%d ", 100000 + i);
	bed_write(dir, "cpuacct.stat", "user 1\n");
	bed_write(dir, "cpuacct.usage", "1\n");
	bed_write(dir, "cpuacct.usage_percpu", text);
	struct cgroup_stats_v1 s = read_v1();
	assert_int_equal(s.cpu.n_per_cpu, 5000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(s.cpu.per_cpu[i], 100000 + i);
	cgroup_stats_v1_done(&s);
}

static void
test_gone(void **state)
{
	char gone[] = "/tmp/chock-stats-gone";
	struct cgroup v1 = { .controller = "pids", .path = gone, .dir = gone };
	struct cgroup v2 = { .controller = "", .path = gone, .dir = gone };
	struct cgroup_stats_v1 s1;
	struct cgroup_stats_v2 s2;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(cgroup_stats_v1(&v1, &s1, &err), -ENOENT);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	err = (struct err){ 0 };
	assert_int_equal(cgroup_stats_v2(&v2, &s2, &err), -ENOENT);
	assert_string_equal(err.msg, "cgroup does not exist");
}

/* ---- this machine ---- */

static void
check_real_v1(const struct cgroup *cg)
{
	struct cgroup_stats_v1 s;
	struct err err;

	if (cgroup_stats_v1(cg, &s, &err) < 0)
		fail_msg("%s", err.msg);
	if (cgroup_dir(cg, CGROUP_V1_PIDS)) {
		assert_int_equal(s.pids.current, 1);
		assert_int_equal(s.pids.limit, 55);
	}
	if (cgroup_dir(cg, CGROUP_V1_MEMORY)) {
		assert_true(s.has_oom);
		assert_true(s.memory_entries[CGROUP_V1_MEMORY_USAGE].limit > 0);
		assert_true(s.memory.hierarchical_memory_limit > 0);
	}
	if (cgroup_dir(cg, CGROUP_V1_CPUACCT))
		assert_true(s.cpu.n_per_cpu > 0);
	cgroup_stats_v1_done(&s);
}

static void
check_real_v2(const struct cgroup *cg)
{
	struct cgroup_stats_v2 s;
	struct err err;

	if (cgroup_stats_v2(cg, &s, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(s.pids.current, 1);
	assert_int_equal(s.pids.limit, 55);
	cgroup_stats_v2_done(&s);
}

static void
test_real(void **state)
{
	struct cgroup_stats_v1 s1;
	struct cgroup_stats_v2 s2;
	struct err err;

	(void)state;
	bed_need("pids", "pids.max", "pids.max");
	bed_write(bed_dir("pids"), "pids.max", "55");
	pid_t pid = bed_spawn_idle();
	struct cgroup *cg = bed_enter(pid);

	if (cgroup_is_v2(cg))
		check_real_v2(cg);
	else
		check_real_v1(cg);
	bed_kill(pid);
	(void)bed_teardown(NULL);
	int r = cgroup_is_v2(cg) ? cgroup_stats_v2(cg, &s2, &err)
				 : cgroup_stats_v1(cg, &s1, &err);
	assert_int_equal(r, -ENOENT);
	cgroup_free(cg);
}

#define IN_DIR(test)                                                           \
	cmocka_unit_test_setup_teardown(test, setup_dir, teardown_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_v1_memory),
		IN_DIR(test_v1_cpu_and_pids),
		IN_DIR(test_v1_io),
		IN_DIR(test_v1_io_recursive),
		IN_DIR(test_device_names),
		IN_DIR(test_v1_rdma),
		IN_DIR(test_v1_missing),
		IN_DIR(test_v1_error),
		IN_DIR(test_v2_values),
		IN_DIR(test_v2_pressure_and_io),
		IN_DIR(test_v2_missing),
		IN_DIR(test_v1_hugetlb),
		IN_DIR(test_v2_hugetlb),
		IN_DIR(test_large_file),
		cmocka_unit_test(test_page_size),
		cmocka_unit_test(test_gone),
		cmocka_unit_test_setup_teardown(
		    test_real, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
