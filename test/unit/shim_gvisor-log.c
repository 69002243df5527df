/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_level and log_path of gVisor's options.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "shim/gvisor-log.h"
#include "shim/options.h"
#include "shim/shim.h"

static char dir[64], path[256];
static int logs[2];
static struct shim shim;

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/chock-gvisor-log-XXXXXX");
	if (!mkdtemp(dir) || pipe2(logs, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	log_init(logs[1], LOG_LEVEL_INFO, NULL);
	shim = (struct shim){ 0 };
	return 0;
}

static void
remove_file(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	log_copy_to_consume(-1);
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	(void)close(logs[0]);
	(void)close(logs[1]);
	remove_file("c1/c1.log");
	remove_file("c1/runsc-shim-c1.log");
	remove_file("c1");
	remove_file("f");
	return rmdir(dir);
}

static void
set(const char *level, const char *file, const char *id)
{
	char level_copy[32], file_copy[256];

	(void)snprintf(level_copy, sizeof(level_copy), "%s", level);
	(void)snprintf(file_copy, sizeof(file_copy), "%s", file);
	const struct task_options options = { .log_level = level_copy,
		.log_path = file_copy };
	gvisor_log_set(&shim, &options, id);
}

/* The log of the shim ends so. */
static void
expect_warning(const char *want)
{
	char text[4096];
	ssize_t n = read(logs[0], text, sizeof(text) - 1);

	assert_true(n > 0);
	text[n] = '\0';
	const char *msg = strstr(text, " level=");
	assert_non_null(msg);
	assert_string_equal(msg, want);
}

static void
expect_file(const char *name, const char *want)
{
	char *text;
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, NULL), 0);
	const char *msg = strstr(text, " level=");
	assert_string_equal(msg ? msg : text, want);
	free(text);
}

static void
test_level(void **state)
{
	static const struct {
		const char *name;
		enum log_level level;
	} cases[] = {
		{ "trace", LOG_LEVEL_DEBUG },
		{ "fatal", LOG_LEVEL_ERROR },
		{ "Debug", LOG_LEVEL_DEBUG },
		{ "panic", LOG_LEVEL_ERROR },
		{ "info", LOG_LEVEL_INFO },
		{ "error", LOG_LEVEL_ERROR },
		{ "WARNING", LOG_LEVEL_WARN },
		{ "", LOG_LEVEL_WARN }, /* stays */
		{ "debug", LOG_LEVEL_DEBUG },
		{ "warn", LOG_LEVEL_WARN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set(cases[i].name, "", "c1");
		assert_int_equal(log_get_level(), cases[i].level);
	}
	set("loud", "", "c1");
	assert_int_equal(log_get_level(), LOG_LEVEL_WARN);
	expect_warning(" level=warning msg=\"unknown log_level 'loud', "
		       "ignoring\" id=\"c1\"\n");
}

static void
test_debug_is_stronger(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_DEBUG);
	shim.debug = true;
	set("error", "", "c1");
	assert_int_equal(log_get_level(), LOG_LEVEL_DEBUG);
}

static void
test_file(void **state)
{
	char file[96];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/%%ID%%/%%ID%%.log", dir);
	set("", file, "c1");
	log_info("a");
	expect_file("c1/c1.log", " level=info msg=\"a\"\n");
	/* The next container of the pod does not take it away. */
	set("", file, "c2");
	log_info("b");
	(void)snprintf(path, sizeof(path), "%s/c2", dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_directory(void **state)
{
	char file[96];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/%%ID%%/", dir);
	set("", file, "c1");
	log_info("a");
	expect_file("c1/runsc-shim-c1.log", " level=info msg=\"a\"\n");
}

static void
test_file_is_emptied(void **state)
{
	char file[96];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/f", dir);
	assert_int_equal(file_write_atomic(AT_FDCWD, file, "old", 3, 0644), 0);
	set("", file, "c1");
	expect_file("f", "");
	/* A file that has vanished is none of our business. */
	assert_int_equal(unlink(file), 0);
	log_info("a");
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_file_that_cannot_be(void **state)
{
	char id[2000];

	(void)state;
	set("", "/dev/null/x/", "c1");
	expect_warning(" level=warning msg=\"cannot log to '/dev/null/x/': "
		       "Not a directory, ignoring\" id=\"c1\"\n");
	assert_false(log_has_copy());
	/* Its expansion is longer than a path can be. */
	memset(id, 'i', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	set("", "/%ID%%ID%%ID%", id);
	assert_false(log_has_copy());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_level),
		TEST(test_debug_is_stronger),
		TEST(test_file),
		TEST(test_directory),
		TEST(test_file_is_emptied),
		TEST(test_file_that_cannot_be),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
