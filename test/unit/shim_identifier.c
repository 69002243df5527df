/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's rule for ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/identifier.h"

static void
test_good(void **state)
{
	static const char *const good[] = { "a", "Z", "0", "k8s.io", "a-b_c.d",
		"0123456789abcdef", "A.1" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(identifier_check(good[i], &err), 0);
}

static void
test_bad(void **state)
{
	static const char *const bad[] = { ".", "-a", "a-", "a..b", "a-.b", "_",
		"a/b", "../x", "a b", "a\n", "\xc3\xa4", "a:b", "a%", "@", "[",
		"`", "{", "/" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (identifier_check(bad[i], &err) >= 0)
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
		assert_non_null(strstr(err.msg, bad[i]));
		assert_non_null(strstr(err.msg, ": invalid argument"));
	}
}

static void
test_length(void **state)
{
	char id[IDENTIFIER_MAX + 2];
	struct err err;

	(void)state;
	memset(id, 'a', sizeof(id));
	id[IDENTIFIER_MAX + 1] = '\0';
	assert_true(identifier_check(id, &err) < 0);
	assert_string_equal(err.msg,
	    "identifier of 77 characters is longer than 76: invalid argument");
	id[IDENTIFIER_MAX] = '\0';
	assert_int_equal(identifier_check(id, &err), 0);
	assert_true(identifier_check("", &err) < 0);
	assert_string_equal(
	    err.msg, "identifier must not be empty: invalid argument");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
