/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts, what is read from them, and what is refused with its line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "oci/toml.h"

static char got[4096];
static bool refuse;

static int
on_entry(const struct oci_toml_entry *e, void *arg, struct err *err)
{
	size_t n = strlen(got);
	char *to = got + n;
	size_t size = sizeof(got) - n;

	assert_ptr_equal(arg, got);
	if (refuse)
		return err_set(err, ERR_INVALID_ARGUMENT, 22, "not %s", e->key);
	if (e->type == OCI_TOML_STRING)
		(void)snprintf(
		    to, size, "[%s]%s=<%s>", e->table, e->key, e->string);
	else if (e->type == OCI_TOML_INTEGER)
		(void)snprintf(to, size, "[%s]%s=%lld", e->table, e->key,
		    (long long)e->integer);
	else
		(void)snprintf(to, size, "[%s]%s=%s", e->table, e->key,
		    e->boolean ? "yes" : "no");
	return 0;
}

static int
parse(const char *text, struct err *err)
{
	got[0] = '\0';
	return oci_toml_parse("f", text, strlen(text), on_entry, got, err);
}

static void
expect(const char *text, const char *want)
{
	struct err err = { 0 };

	if (parse(text, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	assert_string_equal(got, want);
}

static void
expect_error(const char *text, const char *want)
{
	struct err err;

	assert_true(parse(text, &err) < 0);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, want);
}

static void
test_values(void **state)
{
	(void)state;
	expect("", "");
	expect("\n# comment\n\t \r\n", "");
	expect("a = \"x\"", "[]a=<x>");
	expect("a=\"\"", "[]a=<>");
	expect("a='C:\\x'", "[]a=<C:\\x>");
	expect("a = \"\\\"\\\\\\t\\u00e9\\U0001F600\" # c",
	    "[]a=<\"\\\t\xc3\xa9\xf0\x9f\x98\x80>");
	expect("a = true\nb=false\n", "[]a=yes[]b=no");
	expect("a = 0", "[]a=0");
	expect("a = 1_000\nb=-17\nc=+3", "[]a=1000[]b=-17[]c=3");
	expect("a = 0xfF\nb=0o17\nc=0b101", "[]a=255[]b=15[]c=5");
	expect("a = 9223372036854775807", "[]a=9223372036854775807");
	expect("a = 'x'\r\nb = 1\r\n", "[]a=<x>[]b=1");
}

static void
test_keys(void **state)
{
	(void)state;
	expect("a-b_9 = 1", "[]a-b_9=1");
	expect("\"a b\" = 1\n'c.d' = 2", "[]a b=1[]c.d=2");
	expect("a . b = 1", "[]a.b=1");
	expect("x=1\n[t]\ny=2\n[ \"u\" . v ] # c\nz=3", "[]x=1[t]y=2[u.v]z=3");
	expect("1234 = 1", "[]1234=1");
}

/* As gVisor's documentation shows it. */
static void
test_config(void **state)
{
	(void)state;
	expect("log_path = \"/var/log/runsc/%ID%/shim.log\"\n"
	       "log_level = \"debug\"\n"
	       "[runsc_config]\n"
	       "  debug = \"true\"\n"
	       "  debug-log = \"/var/log/runsc/%ID%/\"\n",
	    "[]log_path=</var/log/runsc/%ID%/shim.log>[]log_level=<debug>"
	    "[runsc_config]debug=<true>"
	    "[runsc_config]debug-log=</var/log/runsc/%ID%/>");
}

static void
test_unsupported(void **state)
{
	(void)state;
	expect_error("a = 1\nb = [1]", "f:2: an array is not supported");
	expect_error("a = {}", "f:1: an inline table is not supported");
	expect_error("[[a]]", "f:1: an array of tables is not supported");
	expect_error("a = \"\"\"x\"\"\"",
	    "f:1: a string of several lines is not supported");
	expect_error(
	    "a = ''''''", "f:1: a string of several lines is not supported");
	expect_error("a = 1.5", "f:1: a number that is no integer, and a date, "
				"are not supported");
	expect_error("a = 1979-05-27",
	    "f:1: a number that is no integer, and a date, are not supported");
	expect_error("a = 1e5", "f:1: '1e5' is not a value that is supported");
	expect_error("a = inf", "f:1: 'inf' is not a value that is supported");
}

static void
test_errors(void **state)
{
	(void)state;
	expect_error("a", "f:1: '=' is missing after 'a'");
	expect_error("a =", "f:1: a value is missing");
	expect_error("a = # c", "f:1: a value is missing");
	expect_error("= 1", "f:1: a key is missing");
	expect_error("a. = 1", "f:1: a key is missing");
	expect_error("[a", "f:1: ']' is missing");
	expect_error("[]", "f:1: a key is missing");
	expect_error("\n\na = \"x", "f:3: a string has no end");
	expect_error("a = \"x\n\"", "f:1: a string has no end");
	expect_error("a = \"\\x\"", "f:1: bad escape in a string");
	expect_error("a = \"\\u12\"", "f:1: bad \\u escape");
	expect_error("a = \"\\u0000\"", "f:1: U+0000 cannot be in a string");
	expect_error("a = \"\\uD800\"", "f:1: U+D800 cannot be in a string");
	expect_error("a = \"\x01\"", "f:1: a control character in a string");
	expect_error("a = 1 b", "f:1: unexpected 'b'");
	expect_error("a = 1 b\nc = 2", "f:1: unexpected 'b'");
	expect_error("a = 1 bcdefghijklmno", "f:1: unexpected 'bcdefghijk'");
	expect_error("a = truex", "f:1: 'truex' is not a value that is "
				  "supported");
	expect_error("a = 01", "f:1: '01' is not a value that is supported");
	expect_error("a = 1__0", "f:1: '1__0' is not a value that is "
				 "supported");
	expect_error("a = _1", "f:1: '_1' is not a value that is supported");
	expect_error("a = 0x", "f:1: '0x' is not a value that is supported");
	expect_error(
	    "a = 0x0x1", "f:1: '0x0x1' is not a value that is supported");
	expect_error("a = 9223372036854775808",
	    "f:1: '9223372036854775808' is not a value that is supported");
}

static void
test_refused(void **state)
{
	(void)state;
	refuse = true;
	expect_error("\nkey = 1", "f:2: not key");
	refuse = false;
}

static void
test_long_key(void **state)
{
	char text[400];
	struct err err;

	(void)state;
	memset(text, 'k', sizeof(text));
	(void)strcpy(text + 255, " = 1");
	assert_int_equal(parse(text, &err), 0);
	assert_int_equal(strlen(got), 2 + 255 + 2);
	memset(text, 'k', sizeof(text));
	(void)strcpy(text + 256, " = 1");
	expect_error(text, "f:1: a key is too long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
