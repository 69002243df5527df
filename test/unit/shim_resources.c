/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Update brings.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/resources.h"

static void
test_all(void **state)
{
	struct resources got;
	struct err err;

	(void)state;
	assert_int_equal(
	    resources_parse(
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
		"\"memory\":{\"limit\":67108864,\"swap\":-1,"
		"\"reservation\":1048576,\"kernel\":5},"
		"\"cpu\":{\"shares\":512,\"quota\":50000,"
		"\"period\":100000,\"cpus\":\"0\",\"mems\":\"1\"},"
		"\"pids\":{\"limit\":9223372036854775807},"
		"\"blockIO\":{},\"unified\":null}",
		&got, &err),
	    0);
	assert_int_equal(got.limits.memory, 67108864);
	assert_int_equal(got.limits.swap, -1);
	assert_int_equal(got.limits.reservation, 1048576);
	assert_int_equal(got.limits.shares, 512);
	assert_int_equal(got.limits.quota, 50000);
	assert_int_equal(got.limits.period, 100000);
	assert_int_equal(got.limits.pids, -1);
	assert_string_equal(got.limits.cpus, "0");
	assert_string_equal(got.limits.mems, "1");
	resources_done(&got);
}

/* Docker gives all that it knows of, most of it as 0. */
static void
test_nothing(void **state)
{
	struct resources got;
	struct err err;

	(void)state;
	assert_int_equal(
	    resources_parse("{\"memory\":{\"limit\":0,\"swap\":0},"
			    "\"cpu\":{\"realtimePeriod\":0,\"cpus\":\"\"},"
			    "\"blockIO\":{\"weight\":0}}",
		&got, &err),
	    0);
	assert_int_equal(got.limits.memory, 0);
	assert_null(got.limits.cpus);
	resources_done(&got);
}

static void
refused(const char *text, int code, const char *msg)
{
	struct resources got;
	struct err err;

	assert_int_equal(resources_parse(text, &got, &err), -code);
	assert_string_equal(err.msg, msg);
}

static void
test_refused(void **state)
{
	(void)state;
	refused("{", EINVAL, "resources are no JSON object: invalid argument");
	refused("[]", EINVAL, "resources are no JSON object: invalid argument");
	refused("{\"memory\":7}", EINVAL,
	    "resources: memory is not what it should be: invalid argument");
	refused("{\"memory\":{\"limit\":\"7\"}}", EINVAL,
	    "resources: memory.limit is not what it should be: invalid "
	    "argument");
	refused("{\"cpu\":{\"cpus\":1}}", EINVAL,
	    "resources: cpu.cpus is not what it should be: invalid argument");
	refused("{\"cpu\":{\"realtimeRuntime\":5}}", ENOTSUP,
	    "resources: cpu.realtimeRuntime cannot be updated: not "
	    "implemented");
	refused("{\"blockIO\":{\"weight\":7}}", ENOTSUP,
	    "resources: blockIO cannot be updated: not implemented");
	refused("{\"unified\":{\"memory.high\":\"1\"}}", ENOTSUP,
	    "resources: unified cannot be updated: not implemented");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
