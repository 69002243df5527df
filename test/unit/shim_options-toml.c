/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as CRI's users and gVisor's write them in TOML, and how two sources
 * of them become one.
 */
#include <errno.h>
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

#include "shim/options-toml.h"
#include "shim/options.h"

static struct task_options o;

static int
setup(void **state)
{
	struct err err;

	(void)state;
	return options_decode("", NULL, 0, &o, &err);
}

static int
teardown(void **state)
{
	(void)state;
	options_done(&o);
	return 0;
}

static void
read_text(const char *text)
{
	struct err err = { 0 };

	if (options_toml_read("f", text, strlen(text), &o, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
expect_error(const char *text, const char *want)
{
	struct err err;

	assert_int_equal(
	    options_toml_read("f", text, strlen(text), &o, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, want);
}

static void
test_cri(void **state)
{
	(void)state;
	read_text("BinaryName = \"/usr/bin/crun\"\nRoot = \"/r\"\n"
		  "SystemdCgroup = true\nNoPivotRoot = true\n"
		  "NoNewKeyring = true\nIoUid = 7\nIoGid = 4294967295\n"
		  "ShimCgroup = \"/s\"\nCriuWorkPath = \"/w\"\n"
		  "CriuPath = \"\"\nTypeUrl = \"x\"\nConfigPath = \"\"\n");
	assert_string_equal(o.binary, "/usr/bin/crun");
	assert_string_equal(o.root, "/r");
	assert_string_equal(o.shim_cgroup, "/s");
	assert_string_equal(o.criu_work_path, "/w");
	assert_true(o.systemd_cgroup && o.no_pivot && o.no_new_keyring);
	assert_int_equal(o.io_uid, 7);
	assert_int_equal(o.io_gid, UINT32_MAX);
	assert_null(o.flags);
}

static void
test_gvisor(void **state)
{
	(void)state;
	read_text("enable_hibernate_server = false\n"
		  "binary_name = \"runsc\"\nio_uid = 1\ngrouping = true\n"
		  "log_level = \"debug\"\nlog_path = \"/l/%ID%/\"\n"
		  "[runsc_config]\nplatform = \"systrap\"\ndebug = true\n"
		  "num-network-channels = 4\n");
	assert_string_equal(o.binary, "runsc");
	assert_string_equal(o.log_level, "debug");
	assert_string_equal(o.log_path, "/l/%ID%/");
	assert_true(o.grouping);
	assert_int_equal(o.n_flags, 3);
	assert_string_equal(o.flags[0], "--platform=systrap");
	assert_string_equal(o.flags[1], "--debug=true");
	assert_string_equal(o.flags[2], "--num-network-channels=4");
	assert_null(o.flags[3]);
}

static void
test_errors(void **state)
{
	(void)state;
	expect_error("\nBinryName = \"x\"", "f:2: unknown key BinryName");
	expect_error("[a]\nroot = \"x\"", "f:2: unknown key a.root");
	expect_error("root = true", "f:1: root must be a string");
	expect_error("io_uid = \"1\"", "f:1: io_uid must be a user or group "
				       "id");
	expect_error("io_uid = -1", "f:1: io_uid must be a user or group id");
	expect_error(
	    "io_gid = 4294967296", "f:1: io_gid must be a user or group id");
	expect_error("SystemdCgroup = 1", "f:1: SystemdCgroup must be true or "
					  "false");
	expect_error("enable_hibernate_server = true",
	    "f:1: enable_hibernate_server must be false: it is not supported");
	expect_error("Root = \"a\"\nroot = \"b\"", "f:2: root is there twice");
	expect_error(
	    "[runsc_config]\na = \"1\"\na = \"2\"", "f:3: a is there twice");
	expect_error("a = [1]", "f:1: an array is not supported");
}

/* What is read later takes the place of what was there. */
static void
test_replaces(void **state)
{
	(void)state;
	read_text("root = \"/a\"\n[runsc_config]\nx = \"1\"\ny = \"1\"");
	read_text("root = \"/b\"\n[runsc_config]\nx = \"2\"");
	assert_string_equal(o.root, "/b");
	assert_int_equal(o.n_flags, 2);
	assert_string_equal(o.flags[0], "--y=1");
	assert_string_equal(o.flags[1], "--x=2");
}

static void
test_underlay(void **state)
{
	struct task_options base;
	struct err err;
	const char *text = "root = \"/base\"\nbinary_name = \"base\"\n"
			   "io_uid = 5\nSystemdCgroup = true\n"
			   "[runsc_config]\nx = \"base\"\nxy = \"base\"";

	(void)state;
	assert_int_equal(options_decode("", NULL, 0, &base, &err), 0);
	assert_int_equal(
	    options_toml_read("b", text, strlen(text), &base, &err), 0);
	read_text("root = \"/own\"\nio_gid = 6\n[runsc_config]\nx = \"own\"");
	assert_int_equal(options_underlay(&o, &base, &err), 0);
	options_done(&base);
	assert_string_equal(o.root, "/own");
	assert_string_equal(o.binary, "base");
	assert_int_equal(o.io_uid, 5);
	assert_int_equal(o.io_gid, 6);
	assert_true(o.systemd_cgroup);
	assert_int_equal(o.n_flags, 2);
	assert_string_equal(o.flags[0], "--x=own");
	assert_string_equal(o.flags[1], "--xy=base");
}

/* As the message carries it: the text, or the name of a file. */
static void
test_message(void **state)
{
	const char body[] = "\x1a\x0cRoot = \"/r\"\n";
	char path[] = "/tmp/chock-toml-XXXXXX", message[64];
	struct task_options got;
	struct err err;

	(void)state;
	assert_int_equal(
	    options_decode("runtimeoptions.v1.Options", (const uint8_t *)body,
		sizeof(body) - 1, &got, &err),
	    0);
	assert_string_equal(got.root, "/r");
	options_done(&got);

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "Root = 1\n", 9), 9);
	assert_int_equal(close(fd), 0);
	int n = snprintf(
	    message, sizeof(message), "\x12%c%s", (char)strlen(path), path);
	assert_true(options_decode("runtimeoptions.v1.Options",
			(const uint8_t *)message, (size_t)n, &got, &err) < 0);
	(void)unlink(path);
	char want[128];
	(void)snprintf(want, sizeof(want),
	    "decode task options: %s:1: Root must be a string", path);
	assert_string_equal(err.msg, want);
	assert_int_equal(
	    options_toml_load("/nonexistent/x", &o, &err), -ENOENT);
}

/* What was resolved is what is found again. */
static void
test_saved(void **state)
{
	char dir[] = "/tmp/chock-toml-XXXXXX", path[64];
	struct task_options got;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	read_text("root = \"/r\"\n[runsc_config]\nx = \"1\"\ny = \"2\"");
	assert_int_equal(options_save(&o, dir, &err), 0);
	assert_int_equal(options_load(dir, &got, &err), 0);
	assert_int_equal(got.n_flags, 2);
	assert_string_equal(got.flags[1], "--y=2");
	assert_string_equal(got.root, "/r");
	options_done(&got);
	(void)snprintf(path, sizeof(path), "%s/options.json", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/runtime", dir);
	(void)unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_cri),
		TEST(test_gvisor),
		TEST(test_errors),
		TEST(test_replaces),
		TEST(test_underlay),
		TEST(test_message),
		TEST(test_saved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
