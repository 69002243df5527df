/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last error in log.json: which entry counts, and what is no log at all.
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

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/runtime-log.h"

#define E(msg) "{\"level\":\"error\",\"msg\":\"" msg "\",\"time\":\"t\"}"
#define I(msg) "{\"level\":\"info\",\"msg\":\"" msg "\",\"time\":\"t\"}"

static char dir[] = "/tmp/chock-log-XXXXXX";
static char path[64];

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/log.json", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void
append(const char *text, size_t len)
{
	cleanup_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, len), 0);
}

/* want NULL: there is no error in the log. */
static void
expect_since(off_t since, const char *want)
{
	cleanup_free char *got = NULL;
	struct err err;

	int r = oci_log_last_error(dir, since, &got, &err);
	if (r < 0)
		fail_msg("%s", err.msg);
	if (!want)
		assert_null(got);
	else
		assert_string_equal(got ? got : "(none)", want);
}

static void
expect_parse(const char *text, const char *want)
{
	cleanup_free char *got = NULL;
	struct err err;

	int r = oci_log_parse(text, strlen(text), &got, &err);
	if (r < 0)
		fail_msg("'%s': %s", text, err.msg);
	if (!want && got)
		fail_msg("'%s' gave '%s'", text, got);
	if (want)
		assert_string_equal(got ? got : "(none)", want);
}

static void
test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", NULL },
		{ " \n\t\r\n", NULL },
		{ I("hello"), NULL },
		{ E("one"), "one" },
		{ E("one") "\n", "one" },
		{ E("one") E("two"), "two" },
		{ E("one") "\n" E("two") "\n" I("three") "\n", "two" },
		{ "  " E("one") " \n\n " I("two") "  ", "one" },
		{ E("  spaces \\n"), "spaces" },
		{ E("a \\\"quoted\\\" \\u00e9"), "a \"quoted\" \xc3\xa9" },
		{ E("one") E(""), NULL },
		{ E("one") E("  "), NULL },
		{ "{\"level\":\"error\"}", NULL },
		{ "{\"level\":\"error\",\"msg\":7}", NULL },
		{ "{\"level\":3,\"msg\":\"x\"}", NULL },
		{ "{\"level\":\"ERROR\",\"msg\":\"x\"}", NULL },
		{ "{\"level\":\"errors\",\"msg\":\"x\"}", NULL },
		{ "{\"msg\":\"x\",\"a\":{\"level\":\"error\"}}", NULL },
		{ "{\n \"msg\": \"x\",\n \"level\": \"error\"\n}\n", "x" },
		{ "{}", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_parse(cases[i].text, cases[i].want);
}

static void
test_garbage(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"garbage",
		"{",
		"7",
		"null",
		"[]",
		"\"error\"",
		E("one") "x",
		E("one") "\n{\"level\":\"error\",\"ms",
		E("one") "\n}",
		E("one") "\n,\n" E("two"),
		"{\"level\":\"error\" \"msg\":\"x\"}",
		"{'level':'error'}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *got = NULL;
		struct err err = { 0 };
		int r = oci_log_parse(cases[i], strlen(cases[i]), &got, &err);

		if (r != -EBADMSG)
			fail_msg("'%s' gave %d", cases[i], r);
		assert_null(got);
		assert_non_null(strstr(err.msg, "log.json"));
	}
}

static void
test_not_text(void **state)
{
	(void)state;
	static const char nul[] = E("one") "\0" E("two");
	char *deep = malloc(200001);
	char *got = NULL;
	struct err err;

	assert_int_equal(
	    oci_log_parse(nul, sizeof(nul) - 1, &got, &err), -EBADMSG);
	assert_non_null(deep);
	for (size_t i = 0; i < 40000; i++)
		memcpy(deep + 5 * i, "{\"a\":", 5);
	assert_int_equal(oci_log_parse(deep, 200000, &got, &err), -EBADMSG);
	free(deep);
	/* No byte behind the end is looked at. */
	char *exact = malloc(strlen(E("one")));
	assert_non_null(exact);
	memcpy(exact, E("one"), strlen(E("one")));
	assert_int_equal(oci_log_parse(exact, strlen(E("one")), &got, &err), 0);
	assert_string_equal(got, "one");
	free(exact);
	free(got);
}

static void
test_missing_and_empty(void **state)
{
	(void)state;
	assert_int_equal(oci_log_mark(dir), 0);
	expect_since(0, NULL);
	append("", 0);
	assert_int_equal(oci_log_mark(dir), 0);
	expect_since(0, NULL);
	assert_int_equal(oci_log_mark("/no/such/bundle"), 0);
}

static void
test_mark(void **state)
{
	(void)state;
	append(E("old") "\n", strlen(E("old") "\n"));
	off_t mark = oci_log_mark(dir);

	assert_int_equal(mark, strlen(E("old") "\n"));
	expect_since(0, "old");
	expect_since(mark, NULL);
	append(E("new") "\n", strlen(E("new") "\n"));
	expect_since(mark, "new");
	append(I("info") "\n", strlen(I("info") "\n"));
	expect_since(mark, "new");
	expect_since(0, "new");
	/* The file began afresh. */
	expect_since(1 << 20, "new");
	expect_since(-1, "new");
}

static void
test_big(void **state)
{
	(void)state;
	char line[1000];
	int n = snprintf(line, sizeof(line), I("%0900d") "\n", 7);

	append(E("far back") "\n", strlen(E("far back") "\n"));
	for (int i = 0; i < 2000; i++)
		append(line, (size_t)n);
	/* Only the last MiB is read, and it begins inside of an entry. */
	expect_since(0, NULL);
	append(E("at the end") "\n", strlen(E("at the end") "\n"));
	expect_since(0, "at the end");
}

static void
test_no_file(void **state)
{
	(void)state;
	char *got = NULL;
	struct err err;
	static char name[5000];

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(oci_log_last_error(dir, 0, &got, &err), -EBADMSG);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(oci_log_last_error(dir, 0, &got, &err), -EBADMSG);
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(oci_log_last_error(name, 0, &got, &err), -EBADMSG);
	assert_int_equal(oci_log_mark(name), 0);
	assert_null(got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parse),
		TEST(test_garbage),
		TEST(test_not_text),
		TEST(test_missing_and_empty),
		TEST(test_mark),
		TEST(test_big),
		TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
