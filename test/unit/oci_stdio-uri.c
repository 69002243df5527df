/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stdio strings, against what Go's net/url makes of them.
 */
#include "oci/stdio-uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
accepts(void **state)
{
	static const struct {
		const char *uri, *scheme, *path;
	} cases[] = {
		{ "", "", "" },
		{ "/run/fifo", "", "/run/fifo" },
		{ "/a:b", "", "/a:b" },
		{ "a/b:c", "", "a/b:c" },
		{ "file:///var/log/x", "file", "/var/log/x" },
		{ "FILE:///x", "file", "/x" },
		{ "file:/x", "file", "/x" },
		{ "file://host/x", "file", "/x" },
		{ "file://host", "file", "" },
		{ "file:x", "file", "" },
		{ "file:///a%20b%2fc%C3%A9", "file", "/a b/c\xc3\xa9" },
		{ "file:///x?a=%zz#frag", "file", "/x" },
		{ "file:///x#frag?a", "file", "/x" },
		{ "ttrpc+unix:///s?streaming_id=1", "ttrpc+unix", "/s" },
		{ "binary-v2:///bin/l?k=v", "binary-v2", "/bin/l" },
		{ "//host/x", "", "/x" },
		{ "///x", "", "///x" },
		{ "a", "", "a" },
		{ "1a/b", "", "1a/b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *scheme = NULL, *path = NULL;
		struct err err;

		assert_int_equal(
		    oci_stdio_uri_parse(cases[i].uri, &scheme, &path, &err), 0);
		assert_string_equal(scheme, cases[i].scheme);
		assert_string_equal(path, cases[i].path);
		free(scheme);
		free(path);
	}
}

static void
refuses(void **state)
{
	static const struct {
		const char *uri, *why;
	} cases[] = {
		{ ":x", "parse \":x\": missing protocol scheme" },
		{ "/a\nb",
		    "parse \"/a\nb\": net/url: invalid control character in "
		    "URL" },
		{ "/a\x7f",
		    "parse \"/a\x7f\": net/url: invalid control character in "
		    "URL" },
		{ "/50%", "parse \"/50%\": invalid URL escape \"%\"" },
		{ "/a%4", "parse \"/a%4\": invalid URL escape \"%4\"" },
		{ "/a%zzz", "parse \"/a%zzz\": invalid URL escape \"%zz\"" },
		{ "file:///a%00b",
		    "parse \"file:///a%00b\": invalid URL escape \"%00\"" },
		{ "/x#%g0", "parse \"/x#%g0\": invalid URL escape \"%g0\"" },
		{ "+a:/b", "parse \"+a:/b\": first path segment in URL cannot "
			   "contain colon" },
		{ "1a:b",
		    "parse \"1a:b\": first path segment in URL cannot contain "
		    "colon" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *scheme = NULL, *path = NULL;
		struct err err;

		assert_true(oci_stdio_uri_parse(
				cases[i].uri, &scheme, &path, &err) < 0);
		assert_string_equal(err.msg, cases[i].why);
		assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
		assert_null(scheme);
		assert_null(path);
	}
}

static void
makes_command_lines(void **state)
{
	static const struct {
		const char *uri;
		const char *args[8];
	} cases[] = {
		{ "binary:///l", { "/p" } },
		{ "binary:///l?", { "/p" } },
		{ "binary:///l?k", { "/p", "k", "" } },
		{ "binary:///l?b=2&a=1&b=3", { "/p", "b", "2", "a", "1" } },
		{ "binary:///l?a=b=c&&=v&", { "/p", "a", "b=c", "", "v" } },
		{ "binary:///l?a%20b+c=%26%3d", { "/p", "a b c", "&=" } },
		{ "binary:///l?a;b=1&c=%zz&%=1&d=%00&e=5%", { "/p" } },
		{ "binary:///l?a=1#b=2?c", { "/p", "a", "1" } },
		{ "binary:///l#?a=1", { "/p" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cleanup_argv struct oci_argv argv = { 0 };
		size_t n = 0;

		assert_int_equal(
		    oci_stdio_uri_argv(cases[i].uri, "/p", &argv), 0);
		for (; cases[i].args[n]; n++)
			assert_string_equal(argv.args[n], cases[i].args[n]);
		assert_int_equal(argv.n, n);
		assert_null(argv.args[n]);
	}
}

static void
limits_command_lines(void **state)
{
	cleanup_argv struct oci_argv argv = { 0 };
	char uri[3000];

	(void)state;
	memset(uri, '&', sizeof(uri));
	uri[0] = '?';
	uri[sizeof(uri) - 1] = '\0';
	assert_int_equal(oci_stdio_uri_argv(uri, "/p", &argv), -E2BIG);
	assert_null(argv.args);
	uri[1000] = '\0';
	assert_int_equal(oci_stdio_uri_argv(uri, "/p", &argv), 0);
	assert_int_equal(argv.n, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(makes_command_lines),
		cmocka_unit_test(limits_command_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
