/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format: every type, every limit, every way to be cut short.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/wire.h"

#define READER(...)                                                            \
	wire_reader_of((struct wire_view){ (const uint8_t[]){ __VA_ARGS__ },   \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }) })

static void
reads_every_type(void **state)
{
	struct wire_reader r = READER(0x08, 0x96, 0x01, /* 1: varint 150 */
	    0x12, 0x03, 'a', 'b', 'c',                  /* 2: "abc" */
	    0x1d, 4, 3, 2, 1,                           /* 3: fixed32 */
	    0x21, 8, 7, 6, 5, 4, 3, 2, 1);              /* 4: fixed64 */
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_next(&r, &f), 1);
	assert_int_equal(f.number, 1);
	assert_int_equal(f.type, WIRE_VARINT);
	assert_int_equal(f.value, 150);
	assert_int_equal(wire_next(&r, &f), 1);
	assert_int_equal(f.number, 2);
	assert_int_equal(f.type, WIRE_BYTES);
	assert_int_equal(f.view.len, 3);
	assert_memory_equal(f.view.data, "abc", 3);
	assert_int_equal(wire_next(&r, &f), 1);
	assert_int_equal(f.number, 3);
	assert_int_equal(f.type, WIRE_FIXED32);
	assert_int_equal(f.value, 0x01020304);
	assert_int_equal(wire_next(&r, &f), 1);
	assert_int_equal(f.number, 4);
	assert_int_equal(f.type, WIRE_FIXED64);
	assert_true(f.value == UINT64_C(0x0102030405060708));
	assert_int_equal(wire_next(&r, &f), 0);
}

static void
nothing_is_an_empty_message(void **state)
{
	struct wire_reader r = wire_reader_of((struct wire_view){ NULL, 0 });
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_next(&r, &f), 0);
}

static void
reads_the_largest_varint(void **state)
{
	struct wire_reader r = READER(
	    0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_next(&r, &f), 1);
	assert_true(f.value == UINT64_MAX);
}

static void
reads_the_largest_field_number(void **state)
{
	struct wire_reader r = READER(0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01);
	struct wire_field f;

	(void)state;
	assert_int_equal(wire_next(&r, &f), 1);
	assert_int_equal(f.number, (1 << 29) - 1);
}

static void
assert_malformed(const char *what, struct wire_reader r)
{
	struct wire_reader before = r;
	struct wire_field f = { .number = 77 };

	if (wire_next(&r, &f) != -EBADMSG)
		fail_msg("%s was taken", what);
	assert_ptr_equal(r.at, before.at);
	assert_int_equal(f.number, 77);
}

static void
refuses_what_is_malformed(void **state)
{
	(void)state;
	assert_malformed("a tag cut off", READER(0x88));
	assert_malformed("a varint cut off", READER(0x08, 0x80));
	assert_malformed("a varint left out", READER(0x08));
	assert_malformed(
	    "a varint of 65 bits", READER(0x08, 0xff, 0xff, 0xff, 0xff, 0xff,
				       0xff, 0xff, 0xff, 0xff, 0x02));
	assert_malformed(
	    "a varint of 11 bytes", READER(0x08, 0x80, 0x80, 0x80, 0x80, 0x80,
					0x80, 0x80, 0x80, 0x80, 0x80, 0x00));
	assert_malformed("field number 0", READER(0x00, 0x01));
	assert_malformed("a field number of 30 bits",
	    READER(0x80, 0x80, 0x80, 0x80, 0x10, 0x01));
	assert_malformed("bytes cut off", READER(0x12, 0x04, 'a', 'b', 'c'));
	assert_malformed(
	    "a length of 64 bits", READER(0x12, 0xff, 0xff, 0xff, 0xff, 0xff,
				       0xff, 0xff, 0xff, 0xff, 0x01, 'a'));
	assert_malformed("fixed32 cut off", READER(0x1d, 1, 2, 3));
	assert_malformed("fixed64 cut off", READER(0x21, 1, 2, 3, 4, 5, 6, 7));
	assert_malformed("a group", READER(0x0b, 0x0c));
	assert_malformed("the end of a group", READER(0x0c));
	assert_malformed("wire type 6", READER(0x0e, 0x00));
	assert_malformed("wire type 7", READER(0x0f, 0x00));
}

static void
writes_fields(void **state)
{
	static const uint8_t golden[] = { 0x08, 0x96, 0x01, 0x12, 0x03, 'a',
		'b', 'c', 0x82, 0x01, 0x00 };
	uint8_t out[sizeof(golden)];
	struct wire_writer w = { .at = out, .end = out + sizeof(out) };

	(void)state;
	wire_put_uint(&w, 1, 150);
	wire_put_bytes(&w, 2, "abc", 3);
	wire_put_bytes(&w, 16, NULL, 0);
	assert_false(w.full);
	assert_ptr_equal(w.at, w.end);
	assert_memory_equal(out, golden, sizeof(golden));
	assert_int_equal(wire_bytes_size(2, 3), 5);
	assert_int_equal(wire_bytes_size(16, 0), 3);
	assert_int_equal(wire_bytes_size(1, 128), 131);
}

static void
writes_the_largest_varint(void **state)
{
	static const uint8_t golden[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0x01 };
	uint8_t out[sizeof(golden)];
	struct wire_writer w = { .at = out, .end = out + sizeof(out) };

	(void)state;
	wire_put_varint(&w, UINT64_MAX);
	assert_false(w.full);
	assert_memory_equal(out, golden, sizeof(golden));
}

static void
a_full_writer_says_so_and_stays_inside(void **state)
{
	uint8_t out[8] = { 0 };

	(void)state;
	for (size_t room = 0; room < 6; room++) {
		struct wire_writer w = { .at = out, .end = out + room };

		wire_put_bytes(&w, 1, "1234", 4);
		wire_put_uint(&w, 2, 1);
		assert_true(w.full);
		assert_true(w.at <= w.end);
		assert_int_equal(out[room], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_type),
		cmocka_unit_test(nothing_is_an_empty_message),
		cmocka_unit_test(reads_the_largest_varint),
		cmocka_unit_test(reads_the_largest_field_number),
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(writes_fields),
		cmocka_unit_test(writes_the_largest_varint),
		cmocka_unit_test(a_full_writer_says_so_and_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
