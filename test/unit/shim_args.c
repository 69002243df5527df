/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: Go's flag syntax, and what is not in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/args.h"

#define ARGC_MAX 16

static int
parse(const char *const *words, struct args *ret, struct err *err)
{
	static char copies[ARGC_MAX][64];
	char *argv[ARGC_MAX + 1] = { NULL };
	int argc = 0;

	(void)strcpy(copies[argc], "shim");
	argv[argc] = copies[argc];
	for (argc = 1; *words; argc++, words++) {
		(void)strcpy(copies[argc], *words);
		argv[argc] = copies[argc];
	}
	return args_parse(argc, argv, ret, err);
}

#define PARSE(ret, err, ...)                                                   \
	parse((const char *const[]){ __VA_ARGS__, NULL }, (ret), (err))

static void
test_nothing(void **state)
{
	(void)state;
	struct args args;
	struct err err;

	assert_int_equal(PARSE(&args, &err, NULL), 0);
	assert_false(args.debug || args.version || args.info);
	assert_string_equal(args.ns, "");
	assert_string_equal(args.id, "");
	assert_string_equal(args.socket, "");
	assert_string_equal(args.debug_socket, "");
	assert_string_equal(args.bundle, "");
	assert_string_equal(args.address, "");
	assert_string_equal(args.publish_binary, "");
	assert_string_equal(args.action, "");
}

static void
test_as_containerd_does(void **state)
{
	(void)state;
	struct args args;
	struct err err;

	assert_int_equal(PARSE(&args, &err, "-namespace", "k8s.io", "-address",
			     "/run/c.sock", "-publish-binary", "/bin/c", "-id",
			     "abc", "-bundle", "/b", "-debug", "start"),
	    0);
	assert_string_equal(args.ns, "k8s.io");
	assert_string_equal(args.address, "/run/c.sock");
	assert_string_equal(args.publish_binary, "/bin/c");
	assert_string_equal(args.id, "abc");
	assert_string_equal(args.bundle, "/b");
	assert_true(args.debug);
	assert_string_equal(args.action, "start");
}

static void
test_forms(void **state)
{
	(void)state;
	struct args args;
	struct err err;

	assert_int_equal(PARSE(&args, &err, "--id=a=b", "--namespace", "-n",
			     "-socket=", "-debug-socket", "", "-v", "--info"),
	    0);
	assert_string_equal(args.id, "a=b");
	assert_string_equal(args.ns, "-n");
	assert_string_equal(args.socket, "");
	assert_true(args.version && args.info && !args.debug);
	assert_int_equal(PARSE(&args, &err, "-version"), 0);
	assert_true(args.version);
}

static void
test_booleans(void **state)
{
	static const char *const yes[] = { "-debug=1", "-debug=t", "-debug=T",
		"-debug=true", "-debug=TRUE", "--debug=True", "-debug" };
	static const char *const no[] = { "-debug=0", "-debug=f", "-debug=F",
		"-debug=false", "-debug=FALSE", "--debug=False" };
	struct args args;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_int_equal(PARSE(&args, &err, yes[i]), 0);
		assert_true(args.debug);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_int_equal(PARSE(&args, &err, "-debug", no[i]), 0);
		assert_false(args.debug);
	}
	/* a boolean takes no word of its own */
	assert_int_equal(PARSE(&args, &err, "-debug", "false"), 0);
	assert_true(args.debug);
	assert_string_equal(args.action, "false");
}

static void
test_action(void **state)
{
	(void)state;
	struct args args;
	struct err err;

	assert_int_equal(
	    PARSE(&args, &err, "-id", "x", "delete", "-id", "y"), 0);
	assert_string_equal(args.action, "delete");
	assert_string_equal(args.id, "x");
	assert_int_equal(PARSE(&args, &err, "--", "-id"), 0);
	assert_string_equal(args.action, "-id");
	assert_int_equal(PARSE(&args, &err, "--"), 0);
	assert_string_equal(args.action, "");
	assert_int_equal(PARSE(&args, &err, "-"), 0);
	assert_string_equal(args.action, "-");
	assert_int_equal(PARSE(&args, &err, "", "start"), 0);
	assert_string_equal(args.action, "");
}

static void
test_refused(void **state)
{
	static const struct {
		const char *word, *text;
	} cases[] = {
		{ "-nothing", "flag provided but not defined: -nothing" },
		{ "--no=1", "flag provided but not defined: -no" },
		{ "-", NULL },
		{ "---id", "flag provided but not defined: --id" },
		{ "-=x", "flag provided but not defined: -" },
		{ "-i", "flag provided but not defined: -i" },
		{ "-idx", "flag provided but not defined: -idx" },
		{ "-id", "flag needs an argument: -id" },
		{ "-debug=maybe",
		    "invalid boolean value \"maybe\" for -debug" },
		{ "-debug=", "invalid boolean value \"\" for -debug" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct args args = { .id = "untouched" };
		int r = PARSE(&args, &err, cases[i].word);
		if (!cases[i].text) {
			assert_int_equal(r, 0);
			continue;
		}
		assert_true(r < 0);
		assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
		assert_string_equal(err.msg, cases[i].text);
		assert_string_equal(args.id, "untouched");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_as_containerd_does),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_action),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
