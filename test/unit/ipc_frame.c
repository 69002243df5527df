/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame header against bytes worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/frame.h"

static const uint8_t golden[TTRPC_HEADER_SIZE] = { 0x00, 0x40, 0x00, 0x01, 0x89,
	0xab, 0xcd, 0xef, 0x03, 0x05 };

static void
decodes_big_endian(void **state)
{
	struct ttrpc_header h;

	(void)state;
	ttrpc_header_decode(golden, &h);
	assert_int_equal(h.length, 0x00400001);
	assert_int_equal(h.stream, 0x89abcdef);
	assert_int_equal(h.type, TTRPC_DATA);
	assert_int_equal(h.flags, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA);
}

static void
encodes_big_endian(void **state)
{
	struct ttrpc_header h = { 0x00400001, 0x89abcdef, TTRPC_DATA, 5 };
	uint8_t raw[TTRPC_HEADER_SIZE];

	(void)state;
	ttrpc_header_encode(&h, raw);
	assert_memory_equal(raw, golden, sizeof(golden));
}

static void
extremes_survive(void **state)
{
	struct ttrpc_header in = { UINT32_MAX, UINT32_MAX, UINT8_MAX,
		UINT8_MAX };
	struct ttrpc_header out;
	uint8_t raw[TTRPC_HEADER_SIZE];

	(void)state;
	ttrpc_header_encode(&in, raw);
	for (size_t i = 0; i < sizeof(raw); i++)
		assert_int_equal(raw[i], 0xff);
	ttrpc_header_decode(raw, &out);
	assert_int_equal(out.length, in.length);
	assert_int_equal(out.stream, in.stream);
	assert_int_equal(out.type, in.type);
	assert_int_equal(out.flags, in.flags);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_big_endian),
		cmocka_unit_test(encodes_big_endian),
		cmocka_unit_test(extremes_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
