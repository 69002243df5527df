/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From statistics to messages: every value is given a number of its own and is
 * looked for in the decoded message.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cgroups/cgroup.h"
#include "ipc/message.h"
#include "ipc/proto/cgroups_v1.pb.h"
#include "ipc/proto/cgroups_v2.pb.h"
#include "shim/stats-internal.h"
#include "shim/stats.h"
#include "test/unit/cgroup-bed.h"

typedef io_containerd_cgroups_v1_Metrics metrics_v1;
typedef io_containerd_cgroups_v2_Metrics metrics_v2;

/* Fills a struct of nothing but uint64_t with first, first + 1, and so on. */
static void
number(void *ret, size_t size, uint64_t first)
{
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		((uint64_t *)ret)[i] = first + i;
}

static void
check_numbers(const void *data, size_t n, uint64_t first)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(((const uint64_t *)data)[i], first + i);
}

static metrics_v1
encode_v1(const struct cgroup_stats_v1 *stats)
{
	cleanup_bytes struct bytes body = { 0 };
	metrics_v1 m = { 0 };
	struct err err;

	if (stats_encode_v1(stats, &body, &err) < 0 ||
	    message_decode(io_containerd_cgroups_v1_Metrics_fields, body.data,
		body.len, &m, &err) < 0)
		fail_msg("%s", err.msg);
	return m;
}

static void
release_v1(metrics_v1 *m)
{
	message_release(io_containerd_cgroups_v1_Metrics_fields, m);
}

static metrics_v2
encode_v2(const struct cgroup_stats_v2 *stats)
{
	cleanup_bytes struct bytes body = { 0 };
	metrics_v2 m = { 0 };
	struct err err;

	if (stats_encode_v2(stats, &body, &err) < 0 ||
	    message_decode(io_containerd_cgroups_v2_Metrics_fields, body.data,
		body.len, &m, &err) < 0)
		fail_msg("%s", err.msg);
	return m;
}

static void
release_v2(metrics_v2 *m)
{
	message_release(io_containerd_cgroups_v2_Metrics_fields, m);
}

static void
test_v1_empty(void **state)
{
	const struct cgroup_stats_v1 stats = { 0 };

	(void)state;
	metrics_v1 m = encode_v1(&stats);
	assert_true(m.has_cpu && m.cpu.has_usage && m.cpu.has_throttling);
	assert_false(m.has_pids || m.has_memory || m.has_blkio || m.has_rdma);
	assert_false(m.has_memory_oom_control || m.has_cgroup_stats);
	assert_int_equal(m.hugetlb_count, 0);
	assert_int_equal(m.network_count, 0);
	release_v1(&m);
}

static void
check_entry(
    bool present, const io_containerd_cgroups_v1_MemoryEntry *m, uint64_t first)
{
	assert_true(present);
	check_numbers(m, 4, first);
}

static void
test_v1_memory(void **state)
{
	struct cgroup_stats_v1 stats = { .has_memory = true, .has_oom = true };

	(void)state;
	number(&stats.memory, sizeof(stats.memory), 1);
	for (unsigned i = 0; i < CGROUP_V1_MEMORY_KINDS; i++)
		stats.memory_entries[i] = (struct cgroup_memory_entry){
			.present = true,
			.limit = 100 + 10 * i,
			.usage = 101 + 10 * i,
			.max = 102 + 10 * i,
			.failcnt = 103 + 10 * i,
		};
	stats.oom.kill_disable = 1;
	stats.oom.under_oom = 2;
	stats.oom.kill = 3;
	metrics_v1 m = encode_v1(&stats);
	assert_true(m.has_memory);
	check_numbers(&m.memory, 32, 1);
	check_entry(m.memory.has_usage, &m.memory.usage, 100);
	check_entry(m.memory.has_swap, &m.memory.swap, 110);
	check_entry(m.memory.has_kernel, &m.memory.kernel, 120);
	check_entry(m.memory.has_kernel_tcp, &m.memory.kernel_tcp, 130);
	assert_true(m.has_memory_oom_control);
	check_numbers(&m.memory_oom_control, 3, 1);
	release_v1(&m);
}

static void
test_v1_cpu_and_pids(void **state)
{
	uint64_t per_cpu[] = { 5, 0, 7 };
	struct cgroup_stats_v1 stats = {
		.has_pids = true,
		.pids = { .current = 1, .limit = 2 },
		.cpu = { .total = 1,
		    .kernel = 2,
		    .user = 3,
		    .per_cpu = per_cpu,
		    .n_per_cpu = 3,
		    .periods = 4,
		    .throttled_periods = 5,
		    .throttled_time = 6 },
	};

	(void)state;
	metrics_v1 m = encode_v1(&stats);
	assert_true(m.has_pids);
	check_numbers(&m.pids, 2, 1);
	assert_int_equal(m.cpu.usage.total, 1);
	assert_int_equal(m.cpu.usage.kernel, 2);
	assert_int_equal(m.cpu.usage.user, 3);
	assert_int_equal(m.cpu.usage.per_cpu_count, 3);
	assert_memory_equal(m.cpu.usage.per_cpu, per_cpu, sizeof(per_cpu));
	check_numbers(&m.cpu.throttling, 3, 4);
	release_v1(&m);
}

static void
check_io(pb_size_t count, const io_containerd_cgroups_v1_BlkIOEntry *m,
    uint64_t value)
{
	assert_int_equal(count, 1);
	assert_int_equal(m->major, 8);
	assert_int_equal(m->minor, 1);
	assert_int_equal(m->value, value);
}

static void
test_v1_io(void **state)
{
	struct cgroup_blkio_entry entries[CGROUP_V1_IO_KINDS];
	struct cgroup_stats_v1 stats = { .has_blkio = true };

	(void)state;
	for (unsigned i = 0; i < CGROUP_V1_IO_KINDS; i++) {
		entries[i] = (struct cgroup_blkio_entry){
			.major = 8, .minor = 1, .value = i
		};
		stats.blkio[i].entries = &entries[i];
		stats.blkio[i].n = 1;
	}
	(void)strcpy(entries[0].op, "Read");
	(void)strcpy(entries[0].device, "/dev/sda");
	metrics_v1 m = encode_v1(&stats);
	assert_true(m.has_blkio);
	check_io(m.blkio.io_service_bytes_count, m.blkio.io_service_bytes, 0);
	check_io(m.blkio.io_serviced_count, m.blkio.io_serviced, 1);
	check_io(m.blkio.io_queued_count, m.blkio.io_queued, 2);
	check_io(m.blkio.io_service_time_count, m.blkio.io_service_time, 3);
	check_io(m.blkio.io_wait_time_count, m.blkio.io_wait_time, 4);
	check_io(m.blkio.io_merged_count, m.blkio.io_merged, 5);
	check_io(m.blkio.io_time_count, m.blkio.io_time, 6);
	check_io(m.blkio.sectors_count, m.blkio.sectors, 7);
	assert_string_equal(m.blkio.io_service_bytes->op, "Read");
	assert_string_equal(m.blkio.io_service_bytes->device, "/dev/sda");
	assert_null(m.blkio.sectors->op);
	release_v1(&m);
}

static struct cgroup_rdma_entry rdma_entries[] = { { "mlx4_0", 1, 2 },
	{ "mlx4_1", 3, UINT32_MAX } };
static struct cgroup_hugetlb_stat hugetlb_entries[] = { { "2MB", 1, 2, 3 },
	{ "1GB", 4, 5, 6 } };

static void
test_v1_rdma_and_hugetlb(void **state)
{
	struct cgroup_stats_v1 stats = {
		.has_rdma = true,
		.rdma = { rdma_entries, rdma_entries + 1, 1, 1 },
		.hugetlb = hugetlb_entries,
		.n_hugetlb = 2,
	};

	(void)state;
	metrics_v1 m = encode_v1(&stats);
	assert_true(m.has_rdma);
	assert_int_equal(m.rdma.current_count, 1);
	assert_string_equal(m.rdma.current->device, "mlx4_0");
	assert_int_equal(m.rdma.current->hca_handles, 1);
	assert_int_equal(m.rdma.current->hca_objects, 2);
	assert_int_equal(m.rdma.limit_count, 1);
	assert_string_equal(m.rdma.limit->device, "mlx4_1");
	assert_int_equal(m.rdma.limit->hca_objects, UINT32_MAX);
	assert_int_equal(m.hugetlb_count, 2);
	check_numbers(&m.hugetlb[0], 3, 1);
	check_numbers(&m.hugetlb[1], 3, 4);
	assert_string_equal(m.hugetlb[1].pagesize, "1GB");
	release_v1(&m);
}

static void
test_v2_empty(void **state)
{
	const struct cgroup_stats_v2 stats = { 0 };

	(void)state;
	metrics_v2 m = encode_v2(&stats);
	assert_true(m.has_pids && m.has_cpu && m.has_memory && m.has_io);
	assert_false(m.has_memory_events);
	assert_false(m.cpu.has_psi || m.memory.has_psi || m.io.has_psi);
	assert_int_equal(m.network_count, 0);
	release_v2(&m);
}

static void
test_v2_values(void **state)
{
	struct cgroup_stats_v2 stats = { .has_memory_events = true };

	(void)state;
	number(&stats.pids, sizeof(stats.pids), 50);
	number(&stats.cpu, sizeof(stats.cpu), 1);
	number(&stats.memory, sizeof(stats.memory), 1);
	number(&stats.memory_events, sizeof(stats.memory_events), 1);
	metrics_v2 m = encode_v2(&stats);
	check_numbers(&m.pids, 2, 50);
	check_numbers(&m.cpu, 6, 1);
	assert_int_equal(m.cpu.nr_bursts, 7);
	assert_int_equal(m.cpu.burst_usec, 8);
	check_numbers(&m.memory, 37, 1);
	assert_true(m.has_memory_events);
	check_numbers(&m.memory_events, 6, 1);
	release_v2(&m);
}

static void
test_v2_pressure(void **state)
{
	struct cgroup_stats_v2 stats = {
		.cpu_psi = { true, { true, 1.5, 2.5, 3.5, 4 }, { 0 } },
		.memory_psi = { true, { 0 }, { true, 5.5, 6.5, 7.5, 8 } },
		.io_psi = { true, { 0 }, { 0 } },
	};

	(void)state;
	metrics_v2 m = encode_v2(&stats);
	assert_true(m.cpu.has_psi && m.memory.has_psi && m.io.has_psi);
	assert_true(m.cpu.psi.has_some && !m.cpu.psi.has_full);
	assert_true(m.cpu.psi.some.avg10 == 1.5);
	assert_true(m.cpu.psi.some.avg60 == 2.5);
	assert_true(m.cpu.psi.some.avg300 == 3.5);
	assert_int_equal(m.cpu.psi.some.total, 4);
	assert_true(!m.memory.psi.has_some && m.memory.psi.has_full);
	assert_true(m.memory.psi.full.avg300 == 7.5);
	assert_int_equal(m.memory.psi.full.total, 8);
	release_v2(&m);
}

static void
test_v2_lists(void **state)
{
	struct cgroup_v2_io_entry io[] = { { 1, 2, 3, 4, 5, 6 },
		{ 7, 8, 9, 10, 11, 12 } };
	struct cgroup_stats_v2 stats = {
		.io = io,
		.n_io = 2,
		.rdma = { rdma_entries, rdma_entries, 2, 1 },
		.hugetlb = hugetlb_entries,
		.n_hugetlb = 1,
	};

	(void)state;
	metrics_v2 m = encode_v2(&stats);
	assert_int_equal(m.io.usage_count, 2);
	check_numbers(m.io.usage, 12, 1);
	assert_int_equal(m.rdma.current_count, 2);
	assert_string_equal(m.rdma.current[1].device, "mlx4_1");
	assert_int_equal(m.rdma.current[1].hca_handles, 3);
	assert_int_equal(m.rdma.limit_count, 1);
	assert_int_equal(m.hugetlb_count, 1);
	assert_int_equal(m.hugetlb->current, 1);
	assert_int_equal(m.hugetlb->max, 2);
	assert_int_equal(m.hugetlb->failcnt, 3);
	assert_string_equal(m.hugetlb->pagesize, "2MB");
	release_v2(&m);
}

static void
test_too_many(void **state)
{
	struct cgroup_stats_v1 v1 = { .cpu = { .n_per_cpu = 65536 } };
	struct cgroup_stats_v2 v2 = { .n_io = 65536 };
	struct bytes body = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(stats_encode_v1(&v1, &body, &err), -E2BIG);
	assert_int_equal(stats_encode_v2(&v2, &body, &err), -E2BIG);
	assert_null(body.data);
}

static void
test_no_cgroup(void **state)
{
	const char *type_url = NULL;
	struct bytes body = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
	    stats_encode(NULL, NULL, &type_url, &body, &err), -ENOENT);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.msg, "cgroup does not exist: not found");
	assert_null(body.data);
	assert_null(type_url);
}

static void
test_real_cgroup(void **state)
{
	cleanup_bytes struct bytes body = { 0 };
	const char *type_url = NULL;
	struct err err;

	(void)state;
	bed_need("pids", "pids.max", "pids.max");
	pid_t pid = bed_spawn_idle();
	struct cgroup *cg = bed_enter(pid);
	if (stats_encode(cg, NULL, &type_url, &body, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(type_url, cgroup_is_v2(cg)
					  ? "io.containerd.cgroups.v2.Metrics"
					  : "io.containerd.cgroups.v1.Metrics");
	assert_true(body.len > 0);
	bed_kill(pid);
	(void)bed_teardown(NULL);
	type_url = NULL;
	bytes_free(&body);
	assert_int_equal(
	    stats_encode(cg, NULL, &type_url, &body, &err), -ENOENT);
	assert_string_equal(err.msg, "cgroup does not exist: not found");
	assert_null(type_url);
	cgroup_free(cg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1_empty),
		cmocka_unit_test(test_v1_memory),
		cmocka_unit_test(test_v1_cpu_and_pids),
		cmocka_unit_test(test_v1_io),
		cmocka_unit_test(test_v1_rdma_and_hugetlb),
		cmocka_unit_test(test_v2_empty),
		cmocka_unit_test(test_v2_values),
		cmocka_unit_test(test_v2_pressure),
		cmocka_unit_test(test_v2_lists),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_no_cgroup),
		cmocka_unit_test_setup_teardown(
		    test_real_cgroup, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
