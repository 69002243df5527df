/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a ttrpc frame: length and stream big endian, then type and
 * flags, a byte each. There is no padding, no magic and no version, so there
 * is nothing here that could be malformed; limits are the reader's.
 *
 * Source: PROTOCOL.md of ttrpc.
 */
#include "ipc/frame.h"

static uint32_t
get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void
put_be32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

void
ttrpc_header_decode(
    const uint8_t raw[TTRPC_HEADER_SIZE], struct ttrpc_header *ret)
{
	*ret = (struct ttrpc_header){
		.length = get_be32(raw),
		.stream = get_be32(raw + 4),
		.type = raw[8],
		.flags = raw[9],
	};
}

void
ttrpc_header_encode(
    const struct ttrpc_header *header, uint8_t ret_raw[TTRPC_HEADER_SIZE])
{
	put_be32(ret_raw, header->length);
	put_be32(ret_raw + 4, header->stream);
	ret_raw[8] = header->type;
	ret_raw[9] = header->flags;
}
