/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task options from their messages, and their files in the bundle.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "shim/options.h"

static char bundle[64];

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(bundle, "/tmp/chock-options-XXXXXX");
	return mkdtemp(bundle) ? 0 : -1;
}

static const char *
in_bundle(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", bundle, name);
	return path;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(in_bundle("options.json"));
	(void)unlink(in_bundle("runtime"));
	return rmdir(bundle);
}

static void
assert_defaults(const struct task_options *o)
{
	assert_string_equal(o->binary, "");
	assert_string_equal(o->root, "");
	assert_string_equal(o->shim_cgroup, "");
	assert_string_equal(o->criu_work_path, "");
	assert_int_equal(o->io_uid, 0);
	assert_int_equal(o->io_gid, 0);
	assert_false(o->no_pivot || o->no_new_keyring || o->systemd_cgroup);
}

static int
decode(const char *type, const char *value, size_t len,
    struct task_options *ret, struct err *err)
{
	return options_decode(type, (const uint8_t *)value, len, ret, err);
}

#define DECODE(type, value, ret, err)                                          \
	decode((type), (value), sizeof(value) - 1, (ret), (err))

static void
test_runc(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_int_equal(DECODE("containerd.runc.v1.Options",
			     "\x08\x01\x10\x01\x1a\x03/cg\x20\xe8\x07\x28\x05"
			     "\x32\x04"
			     "crun\x3a\x02/r\x48\x01\x5a\x02/w",
			     &o, &err),
	    0);
	assert_true(o.no_pivot && o.no_new_keyring && o.systemd_cgroup);
	assert_string_equal(o.shim_cgroup, "/cg");
	assert_int_equal(o.io_uid, 1000);
	assert_int_equal(o.io_gid, 5);
	assert_string_equal(o.binary, "crun");
	assert_string_equal(o.root, "/r");
	assert_string_equal(o.criu_work_path, "/w");
	options_done(&o);
	options_done(&o);
}

static void
test_prefixed_type(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_int_equal(
	    DECODE("type.googleapis.com/containerd.runc.v1.Options",
		"\x32\x01"
		"x",
		&o, &err),
	    0);
	assert_string_equal(o.binary, "x");
	options_done(&o);
}

static void
test_linux_create(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_int_equal(DECODE("containerd.linux.runc.CreateOptions",
			     "\x08\x01\x40\x01\x4a\x03/cg\x50\x07\x58\x08\x62"
			     "\x02/w",
			     &o, &err),
	    0);
	assert_true(o.no_pivot && o.no_new_keyring);
	assert_string_equal(o.shim_cgroup, "/cg");
	assert_int_equal(o.io_uid, 7);
	assert_int_equal(o.io_gid, 8);
	assert_string_equal(o.criu_work_path, "/w");
	assert_string_equal(o.binary, "");
	options_done(&o);
}

static void
test_linux_runc(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_int_equal(DECODE("containerd.linux.runc.RuncOptions",
			     "\x0a\x04runc\x12\x02/r\x20\x01", &o, &err),
	    0);
	assert_string_equal(o.binary, "runc");
	assert_string_equal(o.root, "/r");
	assert_true(o.systemd_cgroup);
	options_done(&o);
}

static void
test_empty_is_default(void **state)
{
	static const char *const types[] = { "", "containerd.runc.v1.Options",
		"whatever" };
	struct task_options o;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(decode(types[i], NULL, 0, &o, &err), 0);
		assert_defaults(&o);
		options_done(&o);
	}
}

static void
test_refused(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_true(DECODE("some.Type", "\x08\x01", &o, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(
	    err.msg, "unsupported task options 'some.Type': invalid argument");
	assert_true(
	    DECODE("containerd.runc.v1.Options", "\x32\x7fx", &o, &err) < 0);
	assert_int_equal(strncmp(err.msg, "decode task options: ", 21), 0);
}

static void
assert_file(const char *name, const char *want)
{
	char *text;

	assert_int_equal(
	    file_read(AT_FDCWD, in_bundle(name), 4096, &text, NULL), 0);
	assert_string_equal(text, want);
	free(text);
}

static void
test_files(void **state)
{
	(void)state;
	struct task_options o, got;
	struct err err;

	assert_int_equal(DECODE("containerd.runc.v1.Options",
			     "\x08\x01\x20\x07\x32\x04runc\x48\x01", &o, &err),
	    0);
	assert_int_equal(options_save(&o, bundle, &err), 0);
	assert_file("options.json",
	    "{\"no_pivot_root\":true,\"io_uid\":7,\"binary_name\":\"runc\","
	    "\"systemd_cgroup\":true}");
	assert_file("runtime", "runc");
	assert_int_equal(options_load(bundle, &got, &err), 0);
	assert_string_equal(got.binary, "runc");
	assert_true(got.no_pivot && got.systemd_cgroup);
	assert_false(got.no_new_keyring);
	options_done(&got);
	options_done(&o);
}

/* In the form of gVisor's shim. */
static void
test_gvisor_file(void **state)
{
	const char *const flags[] = { "--platform=kvm", "--debug-log=/l/%ID%/",
		"--x=a=b", "--rootless" };
	struct task_options o;
	struct err err;
	struct stat st;

	(void)state;
	assert_int_equal(DECODE("containerd.runc.v1.Options",
			     "\x20\x07\x32\x05runsc\x3a\x02/r", &o, &err),
	    0);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		assert_int_equal(
		    options_add_flag_consume(&o, strdup(flags[i])), 0);
	(void)umask(022);
	assert_int_equal(options_save_gvisor(&o, bundle, "/b/rootfs", &err), 0);
	assert_file("state.json",
	    "{\"options\":{\"shimCgroup\":\"\",\"ioUid\":7,\"ioGid\":0,"
	    "\"binaryName\":\"runsc\",\"root\":\"/r\",\"logLevel\":\"\","
	    "\"logPath\":\"\",\"grouping\":false,"
	    "\"enableHibernateServer\":false,\"runscConfig\":{"
	    "\"platform\":\"kvm\",\"debug-log\":\"/l/%ID%/\",\"x\":\"a=b\"}},"
	    "\"rootfs\":\"/b/rootfs\"}");
	assert_int_equal(stat(in_bundle("state.json"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(unlink(in_bundle("state.json")), 0);
	assert_int_equal(
	    options_save_gvisor(&o, "/not/there", "/r", &err), -ENOENT);
	assert_string_equal(
	    err.msg, "write /not/there/state.json: No such file or directory");
	options_done(&o);
}

static void
write_json(const char *text)
{
	assert_int_equal(file_write_atomic(AT_FDCWD, in_bundle("options.json"),
			     text, strlen(text), 0600),
	    0);
}

static void
test_load(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_int_equal(options_load(bundle, &o, &err), 0);
	assert_defaults(&o);
	options_done(&o);
	write_json("{\"root\":\"/r\",\"shim_cgroup\":7,\"more\":[1]}");
	assert_int_equal(options_load(bundle, &o, &err), 0);
	assert_string_equal(o.root, "/r");
	assert_string_equal(o.shim_cgroup, "");
	options_done(&o);
	write_json("[]");
	assert_int_equal(options_load(bundle, &o, &err), 0);
	assert_defaults(&o);
	options_done(&o);
	write_json("{");
	assert_int_equal(options_load(bundle, &o, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "/options.json is not JSON"));
}

static void
test_no_bundle(void **state)
{
	(void)state;
	struct task_options o;
	struct err err;

	assert_int_equal(decode("", NULL, 0, &o, &err), 0);
	assert_int_equal(options_save(&o, "/not/there", &err), -ENOENT);
	assert_string_equal(err.msg,
	    "write /not/there/options.json: No such file or directory");
	options_done(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_runc),
		TEST(test_prefixed_type),
		TEST(test_linux_create),
		TEST(test_linux_runc),
		TEST(test_empty_is_default),
		TEST(test_refused),
		TEST(test_files),
		TEST(test_gvisor_file),
		TEST(test_load),
		TEST(test_no_bundle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
