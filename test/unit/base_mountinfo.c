/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mountinfo parser: fields, escapes, lines that are not as they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mountinfo.h"

static struct mountinfo
parse(const char *text)
{
	struct mountinfo table;
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(mountinfo_parse_consume(copy, &table), 0);
	return table;
}

static void
test_fields(void **state)
{
	(void)state;
	struct mountinfo table = parse(
	    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/r rw,e=c\n"
	    "37 35 0:9 / /a rw - tmpfs tmpfs rw,size=4k\n"
	    "38 35 0:9 / /b rw shared:1 master:2 propagate_from:3 - cgroup cg "
	    "rw,cpu,cpuacct\n");

	assert_int_equal(table.n, 3);
	assert_string_equal(table.entries[0].root, "/mnt1");
	assert_string_equal(table.entries[0].mount_point, "/mnt2");
	assert_string_equal(table.entries[0].fs_type, "ext3");
	assert_string_equal(table.entries[0].super_options, "rw,e=c");
	assert_string_equal(table.entries[1].mount_point, "/a");
	assert_string_equal(table.entries[1].fs_type, "tmpfs");
	assert_string_equal(table.entries[2].fs_type, "cgroup");
	assert_string_equal(table.entries[2].super_options, "rw,cpu,cpuacct");
	mountinfo_done(&table);
	mountinfo_done(&table);
}

static void
test_escapes(void **state)
{
	(void)state;
	struct mountinfo table = parse(
	    "1 1 0:1 /x\\134y /a\\040b\\011c\\012d\\134040 rw - tmpfs t rw\n"
	    "1 1 0:1 / /short\\04 rw - tmpfs t rw\n"
	    "1 1 0:1 / /not\\089octal\\ rw - tmpfs t rw");

	assert_int_equal(table.n, 3);
	assert_string_equal(table.entries[0].root, "/x\\y");
	assert_string_equal(table.entries[0].mount_point, "/a b\tc\nd\\040");
	assert_string_equal(table.entries[1].mount_point, "/short\\04");
	assert_string_equal(table.entries[2].mount_point, "/not\\089octal\\");
	mountinfo_done(&table);
}

static void
test_bad_lines(void **state)
{
	(void)state;
	struct mountinfo table = parse("\n"
				       "1\n"
				       "1 1 0:1 / /a rw tmpfs t rw\n"
				       "1 1 0:1 / /a rw - tmpfs t\n"
				       "1 1 0:1 / /a rw -\n"
				       " - - - \n"
				       "1 1 0:1 / /good rw - tmpfs t rw\n");

	assert_int_equal(table.n, 1);
	assert_string_equal(table.entries[0].mount_point, "/good");
	mountinfo_done(&table);

	table = parse("");
	assert_int_equal(table.n, 0);
	mountinfo_done(&table);
}

static void
test_own(void **state)
{
	(void)state;
	struct mountinfo table;
	size_t roots = 0;

	assert_int_equal(mountinfo_read(&table), 0);
	for (size_t i = 0; i < table.n; i++)
		roots += strcmp(table.entries[i].mount_point, "/") == 0;
	assert_true(roots >= 1);
	mountinfo_done(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
