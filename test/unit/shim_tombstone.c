/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Delete was told, remembered for a while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shim/tombstone.h"

static struct tombstones stones;

static int
setup(void **state)
{
	(void)state;
	tombstones_init(&stones);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	tombstones_done(&stones);
	return stones.n != 0;
}

static void
add(const char *id, const char *exec_id, uint32_t status)
{
	const struct exit_status exit = {
		.pid = status + 1000, .status = status, .at_ns = status
	};

	tombstones_add(&stones, id, exec_id, &exit);
}

static void
assert_found(const char *id, const char *exec_id, uint32_t status)
{
	const struct exit_status *exit = tombstones_find(&stones, id, exec_id);

	assert_non_null(exit);
	assert_int_equal(exit->pid, status + 1000);
	assert_int_equal(exit->status, status);
	assert_int_equal(exit->at_ns, status);
}

static void
test_find(void **state)
{
	(void)state;
	add("c", "", 1);
	add("c", "e", 2);
	add("d", "e", 3);
	add("ce", "", 4);
	assert_found("c", "", 1);
	assert_found("c", "e", 2);
	assert_found("d", "e", 3);
	assert_found("ce", "", 4);
	assert_null(tombstones_find(&stones, "d", ""));
	assert_null(tombstones_find(&stones, "c", "f"));
	assert_null(tombstones_find(&stones, "", ""));
}

static void
test_drop_one(void **state)
{
	(void)state;
	add("c", "", 1);
	add("c", "e", 2);
	add("c", "e", 3);
	tombstones_drop(&stones, "c", "e");
	assert_null(tombstones_find(&stones, "c", "e"));
	assert_found("c", "", 1);
	assert_int_equal(stones.n, 1);
	tombstones_drop(&stones, "c", "e");
	assert_int_equal(stones.n, 1);
}

static void
test_drop_container(void **state)
{
	(void)state;
	add("c", "", 1);
	add("d", "", 2);
	add("c", "e", 3);
	tombstones_drop(&stones, "c", /* exec_id= */ NULL);
	assert_null(tombstones_find(&stones, "c", ""));
	assert_null(tombstones_find(&stones, "c", "e"));
	assert_found("d", "", 2);
}

static void
test_bound(void **state)
{
	char id[16];

	(void)state;
	for (uint32_t i = 0; i < TOMBSTONES_MAX + 3; i++) {
		(void)snprintf(id, sizeof(id), "c%u", i);
		add(id, "", i);
	}
	assert_int_equal(stones.n, TOMBSTONES_MAX);
	assert_null(tombstones_find(&stones, "c2", ""));
	assert_found("c3", "", 3);
	assert_found("c66", "", 66);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_find),
		TEST(test_drop_one),
		TEST(test_drop_container),
		TEST(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
