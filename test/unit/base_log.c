/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's second file: whatever becomes of either, the other has its lines.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int first[2], second[2];

static int
setup(void **state)
{
	(void)state;
	if (pipe2(first, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(second, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	log_init(first[1], LOG_LEVEL_INFO, "rt");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_copy_to_consume(-1);
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	(void)close(first[0]);
	(void)close(first[1]);
	(void)close(second[0]);
	return 0;
}

/* What is there, behind its time. */
static const char *
lines(int fd)
{
	static char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	const char *level = strstr(text, " level=");
	return level ? level + 1 : text;
}

static void
test_both_have_the_lines(void **state)
{
	const char want[] = "level=info msg=\"a\" runtime=\"rt\" id=\"c\"\n";

	(void)state;
	assert_false(log_has_copy());
	log_copy_to_consume(second[1]);
	assert_true(log_has_copy());
	log_task(LOG_LEVEL_INFO, "c", NULL, "a");
	assert_string_equal(lines(first[0]), want);
	assert_string_equal(lines(second[0]), want);
	log_debug("less than the level");
	assert_string_equal(lines(second[0]), "");
}

static void
test_the_first_is_stuck(void **state)
{
	const char lost[] = "level=warning msg=\"1 log lines were lost\"";
	char fill[4096];

	(void)state;
	memset(fill, 'x', sizeof(fill));
	while (write(first[1], fill, sizeof(fill)) > 0)
		;
	log_copy_to_consume(second[1]);
	log_info("a");
	assert_string_equal(
	    lines(second[0]), "level=info msg=\"a\" runtime=\"rt\"\n");
	/* What the first has lost is told to it alone. */
	while (read(first[0], fill, sizeof(fill)) > 0)
		;
	log_info("b");
	assert_int_equal(strncmp(lines(first[0]), lost, strlen(lost)), 0);
	assert_string_equal(
	    lines(second[0]), "level=info msg=\"b\" runtime=\"rt\"\n");
}

static void
test_the_second_is_full(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	(void)close(second[1]);
	assert_true(full >= 0);
	log_copy_to_consume(full);
	log_info("a");
	assert_string_equal(
	    lines(first[0]), "level=info msg=\"a\" runtime=\"rt\"\n");
	/* nothing was lost where it counts */
	log_info("b");
	assert_string_equal(
	    lines(first[0]), "level=info msg=\"b\" runtime=\"rt\"\n");
}

static void
test_the_second_is_closed(void **state)
{
	(void)state;
	log_copy_to_consume(second[1]);
	log_copy_to_consume(-1);
	assert_false(log_has_copy());
	assert_int_equal(fcntl(second[1], F_GETFD), -1);
	log_info("a");
	assert_string_equal(
	    lines(first[0]), "level=info msg=\"a\" runtime=\"rt\"\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_have_the_lines),
		TEST(test_the_first_is_stuck),
		TEST(test_the_second_is_full),
		TEST(test_the_second_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
