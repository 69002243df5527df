/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json as read by a supervisor, and process documents with their
 * "terminal" set while every other byte stays as it was.
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
#include "oci/spec.h"

static struct oci_spec
parse(const char *json)
{
	struct oci_spec spec;
	struct err err;

	int r = oci_spec_parse(json, strlen(json), &spec, &err);
	if (r < 0)
		fail_msg("%s: %s", json, err.msg);
	return spec;
}

static void
test_full(void **state)
{
	(void)state;
	struct oci_spec spec =
	    parse("{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":true},"
		  "\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
		  "\"linux\":{\"cgroupsPath\":\"/k8s/a\","
		  "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"}]},"
		  "\"annotations\":{\"x\":\"y\","
		  "\"io.kubernetes.cri.sandbox-id\":\"sb\"}}");

	assert_true(spec.terminal);
	assert_true(spec.private_pidns);
	assert_string_equal(spec.root_path, "rootfs");
	assert_string_equal(spec.cgroups_path, "/k8s/a");
	assert_string_equal(spec.group, "sb");
	oci_spec_done(&spec);
	assert_null(spec.group);
	oci_spec_done(&spec);
}

static void
test_absent(void **state)
{
	static const char *const docs[] = {
		"{}",
		" { } \n",
		"{\"process\":[],\"root\":1,\"linux\":\"x\",\"annotations\":3}",
		"{\"process\":{\"terminal\":\"true\"},\"root\":{\"path\":{}},"
		"\"linux\":{\"cgroupsPath\":[],\"namespaces\":{\"type\":1}},"
		"\"annotations\":{\"io.containerd.runc.v2.group\":7}}",
		"{\"process\":{\"terminal\":false},\"root\":null,"
		"\"linux\":{\"namespaces\":[1,null,\"pid\",[],{}]},"
		"\"annotations\":[\"io.containerd.runc.v2.group\"]}",
		"{\"Process\":{\"terminal\":true}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++) {
		struct oci_spec spec = parse(docs[i]);

		assert_false(spec.terminal);
		assert_false(spec.private_pidns);
		assert_null(spec.root_path);
		assert_null(spec.cgroups_path);
		assert_null(spec.group);
		oci_spec_done(&spec);
	}
}

static void
test_pid_namespace(void **state)
{
	static const struct {
		const char *list;
		bool expected;
	} cases[] = {
		{ "[{\"type\":\"pid\"}]", true },
		{ "[{\"type\":\"pid\",\"path\":\"\"}]", true },
		{ "[{\"type\":\"pid\",\"path\":null}]", true },
		{ "[{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"}]", false },
		{ "[{\"type\":\"uts\"},{\"type\":\"pid\"}]", true },
		{ "[{\"type\":\"pids\"},{\"type\":\"PID\"}]", false },
		{ "[]", false },
	};
	char doc[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
		    path_format(doc, sizeof(doc),
			"{\"linux\":{\"namespaces\":%s}}", cases[i].list),
		    0);
		struct oci_spec spec = parse(doc);

		if (spec.private_pidns != cases[i].expected)
			fail_msg("%s", cases[i].list);
		oci_spec_done(&spec);
	}
}

static void
test_group_order(void **state)
{
	(void)state;
	struct oci_spec spec = parse(
	    "{\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\"sandbox\","
	    "\"io.containerd.runc.v2.group\":\"group\"}}");

	assert_string_equal(spec.group, "group");
	oci_spec_done(&spec);
	/* The first key that is there wins, even when it says nothing. */
	spec = parse(
	    "{\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\"sandbox\","
	    "\"io.containerd.runc.v2.group\":\"\"}}");
	assert_string_equal(spec.group, "");
	oci_spec_done(&spec);
}

static void
check_refused(const char *json, size_t len)
{
	struct oci_spec spec = { .terminal = true };
	struct err err = { 0 };
	char *text = NULL;

	assert_int_equal(oci_spec_parse(json, len, &spec, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "OCI spec is not a JSON object");
	assert_true(spec.terminal);
	assert_int_equal(
	    oci_process_prepare(json, len, true, &text, &err), -EINVAL);
	assert_string_equal(err.msg, "process spec is not a JSON object");
	assert_null(text);
}

static void
test_refused(void **state)
{
	static const char *const docs[] = { "", " ", "[]", "1", "\"{}\"",
		"null", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}",
		"{} x", "{}{}", "{a:1}", "{\"a\":tru}", "\xef\xbb\xbf" };

	(void)state;
	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++)
		check_refused(docs[i], strlen(docs[i]));
	check_refused("{}\0", 3);
	check_refused("{\"a\":\0 1}", 9);
	check_refused("{}", 1);
}

static void
test_nesting_bomb(void **state)
{
	enum { SIZE = 1 << 20 };
	char *bomb = malloc(SIZE);

	(void)state;
	assert_non_null(bomb);
	memset(bomb, '[', SIZE);
	memcpy(bomb, "{\"a\":", 5);
	check_refused(bomb, SIZE);
	free(bomb);
}

static void
test_too_large(void **state)
{
	size_t len = OCI_SPEC_MAX + 1;
	char *json = malloc(len);
	struct oci_spec spec;
	struct err err;

	(void)state;
	assert_non_null(json);
	memset(json, ' ', len);
	memcpy(json, "{}", 2);
	assert_int_equal(oci_spec_parse(json, len, &spec, &err), -EFBIG);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_int_equal(oci_spec_parse(json, len - 1, &spec, &err), 0);
	free(json);
}

static void
check_load_error(const char *bundle, int expected, enum err_code code,
    const char *prefix, const char *suffix)
{
	struct oci_spec spec;
	struct err err = { 0 };
	char text[512];

	assert_int_equal(oci_spec_load(bundle, &spec, &err), expected);
	assert_int_equal(err.code, code);
	assert_int_equal(path_format(text, sizeof(text),
			     "%s'%s/config.json': %s", prefix, bundle, suffix),
	    0);
	assert_string_equal(err.msg, text);
}

static void
test_load(void **state)
{
	char bundle[] = "/tmp/chock-spec-XXXXXX", path[64];
	struct oci_spec spec;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(bundle));
	check_load_error(bundle, -ENOENT, ERR_UNKNOWN, "read OCI spec ",
	    "No such file or directory");
	assert_int_equal(
	    path_format(path, sizeof(path), "%s/config.json", bundle), 0);
	assert_int_equal(file_write_atomic(AT_FDCWD, path, "[]", 2, 0600), 0);
	check_load_error(bundle, -EINVAL, ERR_INVALID_ARGUMENT, "",
	    "OCI spec is not a JSON object");
	assert_int_equal(file_write_atomic(AT_FDCWD, path,
			     "{\"root\":{\"path\":\"r\"}}", 21, 0600),
	    0);
	assert_int_equal(oci_spec_load(bundle, &spec, &err), 0);
	assert_string_equal(spec.root_path, "r");
	oci_spec_done(&spec);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_load_error(bundle, -EINVAL, ERR_INVALID_ARGUMENT,
	    "read OCI spec ", "Invalid argument");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(bundle), 0);
}

static void
test_prepare(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		/* absent */
		{ "{}", "{\"terminal\":true}" },
		{ " { } ", "{\"terminal\":true } " },
		{ "{\"a\":1}", "{\"terminal\":true,\"a\":1}" },
		{ "\xef\xbb\xbf{\"a\":1}", "{\"terminal\":true,\"a\":1}" },
		/* present, of any kind */
		{ "{\"terminal\":false}", "{\"terminal\":true}" },
		{ "{\"terminal\":true,\"cwd\":\"/\"}",
		    "{\"terminal\":true,\"cwd\":\"/\"}" },
		{ "{ \"terminal\" : 12 , \"b\" : 1 }",
		    "{ \"terminal\" : true , \"b\" : 1 }" },
		{ "{\"terminal\":\"a\\\"}\",\"b\":1}",
		    "{\"terminal\":true,\"b\":1}" },
		{ "{\"terminal\":{\"x\":[\"]}\",{}]},\"b\":[]}",
		    "{\"terminal\":true,\"b\":[]}" },
		{ "{\"terminal\":null\n}", "{\"terminal\":true\n}" },
		/* only at the top */
		{ "{\"a\":{\"terminal\":false}}",
		    "{\"terminal\":true,\"a\":{\"terminal\":false}}" },
		{ "{\"args\":[\"terminal\",\"\\\"terminal\\\":\"]}",
		    "{\"terminal\":true,\"args\":[\"terminal\",\"\\\"terminal\\"
		    "\":\"]}" },
		{ "{\"a\":\"terminal\",\"b\":\"{\"}",
		    "{\"terminal\":true,\"a\":\"terminal\",\"b\":\"{\"}" },
		/* more than once, in other letters, in escapes */
		{ "{\"terminal\":false,\"a\":2,\"terminal\":false}",
		    "{\"terminal\":true,\"a\":2,\"terminal\":true}" },
		{ "{\"Terminal\":false}",
		    "{\"terminal\":true,\"Terminal\":true}" },
		{ "{\"t\\u0065rmin\\u0041l\":0}",
		    "{\"terminal\":true,\"t\\u0065rmin\\u0041l\":true}" },
		/* not it */
		{ "{\"terminals\":0}", "{\"terminal\":true,\"terminals\":0}" },
		{ "{\"termina\":0}", "{\"terminal\":true,\"termina\":0}" },
		{ "{\"\\terminal\":0}",
		    "{\"terminal\":true,\"\\terminal\":0}" },
		{ "{\"terminal\\u0000\":0}",
		    "{\"terminal\":true,\"terminal\\u0000\":0}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err;
		char *out;

		int r = oci_process_prepare(
		    cases[i].in, strlen(cases[i].in), true, &out, &err);
		if (r < 0)
			fail_msg("%s: %s", cases[i].in, err.msg);
		assert_string_equal(out, cases[i].out);
		free(out);
	}
}

static void
test_prepare_keeps_numbers(void **state)
{
	static const char in[] =
	    "{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	    "\"hard\":18446744073709551615,\"soft\":9007199254740993}],"
	    "\"terminal\":true,\"oomScoreAdj\":-1e3}";
	static const char expected[] =
	    "{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	    "\"hard\":18446744073709551615,\"soft\":9007199254740993}],"
	    "\"terminal\":false,\"oomScoreAdj\":-1e3}";
	struct err err;
	char *out;

	(void)state;
	assert_int_equal(
	    oci_process_prepare(in, strlen(in), false, &out, &err), 0);
	assert_string_equal(out, expected);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_pid_namespace),
		cmocka_unit_test(test_group_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nesting_bomb),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_prepare_keeps_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
