/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits: what is written for them, into plain files that pass for a cgroup,
 * and the order that a real one of v1 wants.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cgroups/limits.h"
#include "test/unit/cgroup-bed.h"

#define MIB (INT64_C(1) << 20)

struct files {
	char dir[32];
	struct cgroup cg;
};

static struct files files;

static int
setup(void **state)
{
	(void)state;
	files = (struct files){ .dir = "/tmp/chock-limits-XXXXXX" };
	return mkdtemp(files.dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	bed_remove_files(files.dir);
	return 0;
}

static void
pass_for(const char *controller)
{
	files.cg.controller = controller;
	files.cg.path = files.cg.dir = files.dir;
	for (int i = 0; *controller && i < CGROUP_V1_CONTROLLERS; i++)
		files.cg.v1_dirs[i] = files.dir;
}

static void
has(const char *name, const char *text)
{
	bed_write(files.dir, name, text);
}

static void
says(const char *name, const char *text)
{
	char buf[64];

	assert_true(cgroup_read(files.dir, name, buf, sizeof(buf)) >= 0);
	assert_string_equal(buf, text);
}

static const struct cgroup_limits all = {
	.memory = 64 * MIB,
	.swap = 96 * MIB,
	.reservation = 32 * MIB,
	.shares = 1024,
	.quota = 50000,
	.period = 200000,
	.pids = 17,
	.cpus = "0-1",
	.mems = "0",
};

static void
test_v1(void **state)
{
	static const char *const names[] = { "memory.limit_in_bytes",
		"memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes",
		"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us",
		"pids.max", "cpuset.cpus", "cpuset.mems" };
	struct err err;

	(void)state;
	pass_for("pids");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		has(names[i], "");
	assert_int_equal(cgroup_set_limits(&files.cg, &all, &err), 0);
	says("memory.limit_in_bytes", "67108864");
	says("memory.memsw.limit_in_bytes", "100663296");
	says("memory.soft_limit_in_bytes", "33554432");
	says("cpu.shares", "1024");
	says("cpu.cfs_quota_us", "50000");
	says("cpu.cfs_period_us", "200000");
	says("pids.max", "17");
	says("cpuset.cpus", "0-1");
	says("cpuset.mems", "0");
}

static void
test_v2(void **state)
{
	static const char *const names[] = { "memory.max", "memory.swap.max",
		"memory.low", "cpu.weight", "pids.max", "cpuset.cpus",
		"cpuset.mems" };
	struct err err;

	(void)state;
	pass_for("");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		has(names[i], "");
	has("cpu.max", "max 100000");
	assert_int_equal(cgroup_set_limits(&files.cg, &all, &err), 0);
	says("memory.max", "67108864");
	says("memory.swap.max", "33554432");
	says("memory.low", "33554432");
	says("cpu.weight", "39");
	says("cpu.max", "50000 200000");
	says("pids.max", "17");
	says("cpuset.cpus", "0-1");
	says("cpuset.mems", "0");
}

/* The half of cpu.max that is not given stays. */
static void
test_v2_halves(void **state)
{
	struct cgroup_limits limits = { .quota = 20000 };
	struct err err;

	(void)state;
	pass_for("");
	has("cpu.max", "max 250000");
	assert_int_equal(cgroup_set_limits(&files.cg, &limits, &err), 0);
	says("cpu.max", "20000 250000");
	has("cpu.max", "30000 250000");
	limits = (struct cgroup_limits){ .period = 100000 };
	assert_int_equal(cgroup_set_limits(&files.cg, &limits, &err), 0);
	says("cpu.max", "30000 100000");
	has("cpu.max", "300 250000");
	limits = (struct cgroup_limits){ .quota = -1 };
	assert_int_equal(cgroup_set_limits(&files.cg, &limits, &err), 0);
	says("cpu.max", "max 250000");
}

static void
test_none(void **state)
{
	const struct cgroup_limits none = {
		.memory = -1, .swap = -1, .pids = -1
	};
	const struct cgroup_limits less = { .memory = 2 * MIB, .swap = MIB };
	struct err err;

	(void)state;
	pass_for("");
	has("memory.max", "");
	has("memory.swap.max", "");
	has("pids.max", "");
	assert_int_equal(cgroup_set_limits(&files.cg, &none, &err), 0);
	says("memory.max", "max");
	says("memory.swap.max", "max");
	says("pids.max", "max");
	assert_int_equal(cgroup_set_limits(&files.cg, &less, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
}

static void
test_no_such_file(void **state)
{
	const struct cgroup_limits limits = { .pids = 5 };
	struct err err;

	(void)state;
	pass_for("");
	assert_int_equal(cgroup_set_limits(&files.cg, &limits, &err), -ENOENT);
	assert_int_equal(err.code, ERR_FAILED_PRECONDITION);
	assert_string_equal(
	    err.msg, "cannot set pids.max to '5': No such file or directory");
}

/* Up and down again: each time another of the two has to be first. */
static void
test_real_order(void **state)
{
	static const int64_t sizes[] = { 64 * MIB, 256 * MIB, 32 * MIB };
	struct err err;
	int r = 0;

	bed_need("memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
	pid_t pid = bed_spawn_idle();
	struct cgroup *cg = bed_enter(pid);
	for (int i = 0; r == 0 && i < 3; i++) {
		const struct cgroup_limits limits = { .memory = sizes[i],
			.swap = sizes[i] };
		r = cgroup_set_limits(cg, &limits, &err);
	}
	bool v2 = cgroup_is_v2(cg);
	char text[32] = "";
	(void)cgroup_read(bed_dir("memory"),
	    v2 ? "memory.max" : "memory.limit_in_bytes", text, sizeof(text));
	cgroup_free(cg);
	bed_kill(pid);
	(void)bed_teardown(state);
	if (r < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(text, "33554432\n");
}

#define FILES_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FILES_TEST(test_v1),
		FILES_TEST(test_v2),
		FILES_TEST(test_v2_halves),
		FILES_TEST(test_none),
		FILES_TEST(test_no_such_file),
		cmocka_unit_test_setup_teardown(
		    test_real_order, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
