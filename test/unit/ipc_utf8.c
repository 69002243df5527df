/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8: both ends of every range of the table, and what lies just outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/utf8.h"

struct sample {
	const char *text;
	size_t len;
};

#define SAMPLE(s)                                                              \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}

static void
test_valid(void **state)
{
	static const struct sample good[] = {
		SAMPLE(""),
		SAMPLE("a\001\177"),
		SAMPLE("\302\200\337\277"),
		SAMPLE("\340\240\200\354\277\277"),
		SAMPLE("\355\237\277\356\200\200\357\277\277"),
		SAMPLE("\360\220\200\200\364\217\277\277"),
		SAMPLE("\361\200\200\200\363\277\277\277"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!utf8_valid((const uint8_t *)good[i].text, good[i].len))
			fail_msg("sample %zu", i);
}

static void
test_invalid(void **state)
{
	static const struct sample bad[] = {
		SAMPLE("a\000b"),
		SAMPLE("\200"),
		SAMPLE("\301\277"),
		SAMPLE("\302"),
		SAMPLE("\302a"),
		SAMPLE("\302\300"),
		SAMPLE("\340\237\277"),
		SAMPLE("\340\240"),
		SAMPLE("\355\240\200"),
		SAMPLE("\357\277\177"),
		SAMPLE("\360\217\277\277"),
		SAMPLE("\360\220\200"),
		SAMPLE("\364\220\200\200"),
		SAMPLE("\365\200\200\200"),
		SAMPLE("\377"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (utf8_valid((const uint8_t *)bad[i].text, bad[i].len))
			fail_msg("sample %zu", i);
}

/* A cut character, with nothing behind it that may be read. */
static void
test_cut(void **state)
{
	static const char text[] = "\360\220\200\200";

	(void)state;
	for (size_t len = 1; len <= 4; len++) {
		uint8_t *exact = malloc(len);

		assert_non_null(exact);
		memcpy(exact, text, len);
		assert_int_equal(utf8_valid(exact, len), len == 4);
		free(exact);
	}
}

static void
test_repair(void **state)
{
	char text[] = "a\377b\303\244\302", valid[] = "\303\244x", empty[] = "";

	(void)state;
	utf8_repair(text);
	assert_string_equal(text, "a?b\303\244?");
	utf8_repair(valid);
	assert_string_equal(valid, "\303\244x");
	utf8_repair(empty);
	assert_string_equal(empty, "");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_repair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
