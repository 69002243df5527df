/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving a child into real cgroups, and the paths that are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cgroups/join.h"
#include "test/unit/cgroup-bed.h"

static void
test_moved(void **state)
{
	cleanup_free char *text = NULL;
	pid_t parent = getpid();
	char path[64];
	struct err err;

	(void)state;
	bed_need("pids", "pids.max", "pids.max");
	(void)snprintf(path, sizeof(path), "/chock-test-%d", (int)parent);
	pid_t pid = bed_spawn_idle();
	int r = cgroup_join(path, pid, &err);
	int read = cgroup_read_proc(pid, &text);
	bed_kill(pid);
	(void)bed_teardown(state);
	if (r < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(read, 0);
	assert_non_null(strstr(text, path));
	/* Without the slash it is the same, and now it is gone. */
	assert_int_equal(cgroup_join(path + 1, parent, &err), -ENOENT);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void
test_refused(void **state)
{
	static const char *const paths[] = { "", "/", "/a/../b", "a//b", "/a/",
		"./a" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(
		    cgroup_join(paths[i], getpid(), &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	}
	assert_int_equal(cgroup_join("/chock-none/x", getpid(), &err), -ENOENT);
	assert_string_equal(err.msg,
	    "failed to load cgroup /chock-none/x: cgroup does not exist");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_moved, bed_setup, bed_teardown),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
