/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that come to be in the ways in which programs write them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/fd.h"
#include "oci/file-wait.h"

static struct event_base *base;
static struct oci_file_wait *wait;
static char dir[32];
static int calls;
static bool free_inside;

static void
on_file(void *arg)
{
	assert_ptr_equal(arg, &calls);
	calls++;
	if (free_inside) {
		oci_file_wait_free(wait);
		wait = NULL;
	}
}

static int
setup(void **state)
{
	struct err err;

	(void)state;
	calls = 0;
	free_inside = false;
	(void)strcpy(dir, "/tmp/chock-wait-XXXXXX");
	assert_non_null(mkdtemp(dir));
	base = event_base_new();
	assert_int_equal(oci_file_wait_new(base, 0, dir, "x.pid", on_file,
			     &calls, &wait, &err),
	    0);
	return 0;
}

static void
remove_file(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
}

static int
teardown(void **state)
{
	(void)state;
	oci_file_wait_free(wait);
	wait = NULL;
	event_base_free(base);
	remove_file("x.pid");
	remove_file("y.pid");
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static int
open_file(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static int
turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	return calls;
}

static void
test_written(void **state)
{
	(void)state;
	int fd = open_file("x.pid");
	assert_int_equal(write(fd, "12", 2), 2);
	assert_int_equal(turn(), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(turn(), 1);
}

static void
test_renamed(void **state)
{
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/x.pid", dir);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "12", 2, 0600), 0);
	assert_int_equal(turn(), 1);
}

static void
test_others(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(close(open_file("y.pid")), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(turn(), 0);
	assert_int_equal(close(open_file("x.pid")), 0);
	assert_int_equal(turn(), 1);
}

static void
test_freed_inside(void **state)
{
	(void)state;
	free_inside = true;
	assert_int_equal(close(open_file("x.pid")), 0);
	assert_int_equal(turn(), 1);
	assert_int_equal(turn(), 1);
}

static void
test_no_directory(void **state)
{
	struct oci_file_wait *none = NULL;
	struct err err;

	(void)state;
	assert_int_equal(oci_file_wait_new(base, 0, "/nonexistent", "x",
			     on_file, &calls, &none, &err),
	    -ENOENT);
	assert_null(none);
	assert_string_equal(
	    err.msg, "wait for /nonexistent/x: No such file or directory");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_written),
		TEST(test_renamed),
		TEST(test_others),
		TEST(test_freed_inside),
		TEST(test_no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
