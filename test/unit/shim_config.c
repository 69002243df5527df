/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chock.conf: what may be set, and how what may not is told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "shim/config.h"

static struct config c;

static int
teardown(void **state)
{
	(void)state;
	config_done(&c);
	return 0;
}

static void
read_text(const char *text)
{
	struct err err = { 0 };

	if (config_parse("f", text, &c, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
expect_error(const char *text, const char *want)
{
	struct err err;

	assert_int_equal(config_parse("f", text, &c, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, want);
	assert_null(c.keep_dir);
}

static void
assert_defaults(void)
{
	assert_string_equal(c.runtime_binary, "");
	assert_string_equal(c.runtime_root, "");
	assert_int_equal(c.runtime_timeout, 300 * NSEC_PER_SEC);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_int_equal(c.event_queue, 1024);
	assert_int_equal(c.event_drain, 30 * NSEC_PER_SEC);
	assert_int_equal(c.output_drain, 10 * NSEC_PER_SEC);
	assert_int_equal(c.logger_ready, 10 * NSEC_PER_SEC);
	assert_int_equal(c.idle, 0);
	assert_int_equal(c.recorder_size, 32 << 10);
	assert_int_equal(c.keep, CONFIG_KEEP_FAILED);
	assert_string_equal(c.keep_dir, "/var/lib/chock/recordings");
	assert_int_equal(c.keep_files, 32);
	assert_int_equal(c.keep_size, 1 << 20);
}

static void
test_empty(void **state)
{
	(void)state;
	read_text("");
	assert_defaults();
	config_done(&c);
	read_text("# nothing\n\n; at all\n[runtime] ; yet\n");
	assert_defaults();
}

static void
test_all(void **state)
{
	(void)state;
	read_text("[runtime]\nbinary = crun\nroot = /r\ntimeout = 1h\n"
		  "[log]\nlevel = debug\n"
		  "[events]\nqueue = 7\ndrain = 500ms\n"
		  "[output]\ndrain=0\nlogger-ready = 3s\n"
		  "[shim]\nidle = 5min\n"
		  "[recorder]\nsize = 64K\nkeep = always\n"
		  "directory = /d\nfiles = 3\nfile-size = 2M\n");
	assert_string_equal(c.runtime_binary, "crun");
	assert_string_equal(c.runtime_root, "/r");
	assert_int_equal(c.runtime_timeout, 3600 * NSEC_PER_SEC);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c.event_queue, 7);
	assert_int_equal(c.event_drain, 500 * NSEC_PER_MSEC);
	assert_int_equal(c.output_drain, 0);
	assert_int_equal(c.logger_ready, 3 * NSEC_PER_SEC);
	assert_int_equal(c.idle, 300 * NSEC_PER_SEC);
	assert_int_equal(c.recorder_size, 64 << 10);
	assert_int_equal(c.keep, CONFIG_KEEP_ALWAYS);
	assert_string_equal(c.keep_dir, "/d");
	assert_int_equal(c.keep_files, 3);
	assert_int_equal(c.keep_size, 2 << 20);
}

static void
test_indented(void **state)
{
	(void)state;
	read_text("  [log]\n\tlevel = warn\n[runtime]\n  binary = a\n"
		  "  root = /b\n");
	assert_int_equal(c.log_level, LOG_LEVEL_WARN);
	assert_string_equal(c.runtime_binary, "a");
	assert_string_equal(c.runtime_root, "/b");
	config_done(&c);
	expect_error("[runtime]\nbinary = ../x\n",
	    "f:2: binary must be a name or an absolute path");
}

static void
test_unknown(void **state)
{
	(void)state;
	expect_error("\n[runtime]\nbinry = x\n",
	    "f:3: unknown key binry in section [runtime]");
	expect_error("[rntime]\nroot = /x\n", "f:1: unknown section [rntime]");
	expect_error("\n[bogus] # none\n", "f:2: unknown section [bogus]");
	expect_error("[log] level=info\n", "f:1: unexpected 'level=info'");
	expect_error("root = /x\n", "f:1: unknown key root in section []");
	expect_error(
	    "[log]\nlevel = info\nlevel = info\n", "f:3: level is there twice");
}

static void
test_values(void **state)
{
	(void)state;
	expect_error(
	    "[runtime]\nroot = r\n", "f:2: root must be an absolute path");
	expect_error("[runtime]\ntimeout = 10\n",
	    "f:2: timeout must be a time, such as 500ms, 10s, 5min or 1h");
	expect_error(
	    "[runtime]\ntimeout = 0\n", "f:2: timeout is out of range");
	expect_error("[runtime]\ntimeout = -1s\n",
	    "f:2: timeout must be a time, such as 500ms, 10s, 5min or 1h");
	expect_error("[events]\nqueue = 0\n", "f:2: queue is out of range");
	expect_error("[events]\nqueue = 1K\n", "f:2: queue must be a number");
	expect_error("[events]\nqueue = 99999999999999999999\n",
	    "f:2: queue must be a number");
	expect_error("[recorder]\nsize = 32k\n",
	    "f:2: size must be a size in bytes, such as 65536, 64K or 1M");
	expect_error("[recorder]\nsize = 2M\n", "f:2: size is out of range");
	expect_error("[recorder]\nkeep = sometimes\n",
	    "f:2: keep must be never, failed or always");
	expect_error("[log]\nlevel = trace\n",
	    "f:2: level must be error, warn, info or debug");
	expect_error("[shim]\nidle = 9223372036854775807h\n",
	    "f:2: idle must be a time, such as 500ms, 10s, 5min or 1h");
}

/* The first of several is told. */
static void
test_syntax(void **state)
{
	char text[600];

	(void)state;
	expect_error(
	    "[log]\nlevel\n", "f:2: this is no section and no 'key = value'");
	expect_error("[log\nlevel = info\n",
	    "f:1: this is no section and no 'key = value'");
	expect_error("[log]\nwhat\nlevel = x\n",
	    "f:2: this is no section and no 'key = value'");
	expect_error("[log]\nlevel = x\nwhat\n",
	    "f:2: level must be error, warn, info or debug");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "\n[log]\n", 7);
	expect_error(text, "f:3: the line is too long");
}

static void
test_file(void **state)
{
	char path[] = "/tmp/chock-conf-XXXXXX", want[128];
	struct err err;

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[log]\nlevel=warn\n", 17), 17);
	(void)setenv(CONFIG_ENV, path, 1);
	assert_int_equal(config_load(&c, &err), 0);
	assert_int_equal(c.log_level, LOG_LEVEL_WARN);
	config_done(&c);
	assert_int_equal(pwrite(fd, "", 1, 3), 1);
	assert_int_equal(config_load(&c, &err), -EINVAL);
	assert_non_null(strstr(err.msg, ": there is a NUL in it"));
	assert_int_equal(pwrite(fd, "g", 1, 3), 1);
	assert_int_equal(write(fd, "x=1", 3), 3);
	assert_int_equal(close(fd), 0);
	assert_int_equal(config_load(&c, &err), -EINVAL);
	(void)snprintf(
	    want, sizeof(want), "%s:3: unknown key x in section [log]", path);
	assert_string_equal(err.msg, want);
	(void)unlink(path);
	assert_int_equal(config_load(&c, &err), 0);
	config_done(&c);
	(void)setenv(CONFIG_ENV, "/", 1);
	assert_true(config_load(&c, &err) < 0);
	(void)setenv(CONFIG_ENV, "", 1);
	assert_int_equal(config_load(&c, &err), 0);
	assert_defaults();
	(void)unsetenv(CONFIG_ENV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_empty, teardown),
		cmocka_unit_test_teardown(test_all, teardown),
		cmocka_unit_test_teardown(test_indented, teardown),
		cmocka_unit_test_teardown(test_unknown, teardown),
		cmocka_unit_test_teardown(test_values, teardown),
		cmocka_unit_test_teardown(test_syntax, teardown),
		cmocka_unit_test_teardown(test_file, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
