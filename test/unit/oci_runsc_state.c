/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that runsc keeps in its root.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "oci/runsc-state.h"

#define GOOD                                                                   \
	"{\"id\": \"x\", \"sandbox\": {\"id\": \"pod\", \"pid\": 4711,"        \
	" \"controlSocketPath\": \"/run/x.sock\"}}"

static char root[] = "/tmp/runsc-state.XXXXXX";

static void
path_of(const char *name, char ret[PATH_MAX])
{
	assert_true(snprintf(ret, PATH_MAX, "%s/%s", root, name) < PATH_MAX);
}

static void
put(const char *name, const char *text)
{
	char path[PATH_MAX];

	path_of(name, path);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static bool
is_there(const char *name)
{
	char path[PATH_MAX];

	path_of(name, path);
	return access(path, F_OK) == 0;
}

static int
setup(void **state)
{
	(void)state;
	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	return mkdtemp(root) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[PATH_MAX];

	(void)state;
	if (snprintf(command, sizeof(command), "rm -r %s", root) < 0)
		return -1;
	return system(command); /* NOLINT(cert-env33-c): a test's own folder */
}

static void
finds_the_sandbox(void **unused)
{
	struct oci_runsc_state state;
	struct err err;

	(void)unused;
	put("x_sandbox:pod.lock", "");
	put("xy_sandbox:other.state", "{}");
	put("x_sandbox:pod.state", GOOD);
	assert_int_equal(oci_runsc_state_load(root, "x", &state, &err), 0);
	assert_string_equal(state.sandbox_id, "pod");
	assert_int_equal(state.sandbox_pid, 4711);
	assert_string_equal(state.control_socket, "/run/x.sock");
	oci_runsc_state_done(&state);
}

static void
takes_older_builds(void **unused)
{
	struct oci_runsc_state state;
	struct err err;

	(void)unused;
	put("x_sandbox:x.state", "{\"sandbox\": {\"pid\": 1}}");
	assert_int_equal(oci_runsc_state_load(root, "x", &state, &err), 0);
	assert_string_equal(state.sandbox_id, "x");
	assert_null(state.control_socket);
	oci_runsc_state_done(&state);
}

static void
knows_not(void **unused)
{
	struct oci_runsc_state state;
	struct err err;

	(void)unused;
	put("xy_sandbox:pod.state", GOOD);
	put("x_sandbox:.state", GOOD);
	put("x_sandbox:pod.lock", "");
	assert_true(oci_runsc_state_load(root, "x", &state, &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(oci_runsc_state_load("/nowhere", "x", &state, &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void
refuses_garbage(void **unused)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{\"sandbox\": 1}",
		"{\"sandbox\": {}}",
		"{\"sandbox\": {\"pid\": 0}}",
		"{\"sandbox\": {\"pid\": -1}}",
		"{\"sandbox\": {\"pid\": \"1\"}}",
		"{\"sandbox\": {\"pid\": 1e300}}",
	};
	struct oci_runsc_state state;
	struct err err;

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("x_sandbox:pod.state", bad[i]);
		assert_true(oci_runsc_state_load(root, "x", &state, &err) < 0);
		assert_int_not_equal(err.code, ERR_NOT_FOUND);
	}
}

static void
removes_locks_without_a_state(void **unused)
{
	(void)unused;
	put("pod_sandbox:pod.lock", "");
	put("a_sandbox:pod.lock", "");
	put("b_sandbox:pod.lock", "");
	put("b_sandbox:pod.state", GOOD);
	put("_sandbox:pod.lock", "");
	put("a_sandbox:pod2.lock", "");
	put("other", "");
	oci_runsc_remove_locks(root, "pod");
	assert_false(is_there("pod_sandbox:pod.lock"));
	assert_false(is_there("a_sandbox:pod.lock"));
	assert_true(is_there("b_sandbox:pod.lock"));
	assert_true(is_there("_sandbox:pod.lock"));
	assert_true(is_there("a_sandbox:pod2.lock"));
	assert_true(is_there("other"));
	oci_runsc_remove_locks("/nowhere", "pod");
}

static void
leaves_a_held_lock(void **unused)
{
	char path[PATH_MAX];

	(void)unused;
	put("a_sandbox:pod.lock", "");
	path_of("a_sandbox:pod.lock", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	oci_runsc_remove_locks(root, "pod");
	assert_true(is_there("a_sandbox:pod.lock"));
	(void)close(fd);
	oci_runsc_remove_locks(root, "pod");
	assert_false(is_there("a_sandbox:pod.lock"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(finds_the_sandbox),
		CASE(takes_older_builds),
		CASE(knows_not),
		CASE(refuses_garbage),
		CASE(removes_locks_without_a_state),
		CASE(leaves_a_held_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
