/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf wire format: tags, varints, length-delimited fields.
 *
 * Every read is checked against the end of the buffer before it is made, and a
 * reader that has reported an error has not moved. Nothing is copied or
 * allocated.
 *
 * Source: "Encoding" in the Protocol Buffers documentation. As in Go, a varint
 * has at most ten bytes and the tenth adds one bit; field numbers are 1 to
 * 2^29-1.
 */
#include "ipc/wire.h"

#include <errno.h>
#include <string.h>

#define FIELD_NUMBER_MAX ((UINT64_C(1) << 29) - 1)

static bool
read_varint(struct wire_reader *r, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && r->at < r->end; shift += 7) {
		uint8_t byte = *r->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (shift == 63 && byte > 1)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

static bool
read_fixed(struct wire_reader *r, size_t size, uint64_t *ret)
{
	uint64_t value = 0;

	if ((size_t)(r->end - r->at) < size)
		return false;
	for (size_t i = size; i > 0; i--)
		value = value << 8 | r->at[i - 1];
	r->at += size;
	*ret = value;
	return true;
}

static bool
read_view(struct wire_reader *r, struct wire_view *ret)
{
	uint64_t len;

	if (!read_varint(r, &len) || len > (uint64_t)(r->end - r->at))
		return false;
	*ret = (struct wire_view){ r->at, (size_t)len };
	r->at += len;
	return true;
}

static bool
read_value(struct wire_reader *r, uint64_t type, struct wire_field *f)
{
	switch (type) {
	case WIRE_VARINT:
		f->type = WIRE_VARINT;
		return read_varint(r, &f->value);
	case WIRE_FIXED64:
		f->type = WIRE_FIXED64;
		return read_fixed(r, 8, &f->value);
	case WIRE_BYTES:
		f->type = WIRE_BYTES;
		return read_view(r, &f->view);
	case WIRE_FIXED32:
		f->type = WIRE_FIXED32;
		return read_fixed(r, 4, &f->value);
	default: /* a number off the wire, not an enum: groups and nonsense */
		return false;
	}
}

int
wire_next(struct wire_reader *reader, struct wire_field *ret_field)
{
	struct wire_reader r = *reader;
	struct wire_field f = { 0 };
	uint64_t tag;

	if (r.at == r.end)
		return 0;
	if (!read_varint(&r, &tag) || tag >> 3 == 0 ||
	    tag >> 3 > FIELD_NUMBER_MAX || !read_value(&r, tag & 7, &f))
		return -EBADMSG;
	f.number = (uint32_t)(tag >> 3);
	*reader = r;
	*ret_field = f;
	return 1;
}

static size_t
varint_size(uint64_t value)
{
	size_t n = 1;

	for (; value > 0x7f; value >>= 7)
		n++;
	return n;
}

static uint64_t
tag_of(uint32_t number, enum wire_type type)
{
	return (uint64_t)number << 3 | (uint64_t)type;
}

static bool
writer_room(struct wire_writer *w, size_t len)
{
	if ((size_t)(w->end - w->at) < len)
		w->full = true;
	return !w->full;
}

void
wire_put_varint(struct wire_writer *writer, uint64_t value)
{
	if (!writer_room(writer, varint_size(value)))
		return;
	for (; value > 0x7f; value >>= 7)
		*writer->at++ = (uint8_t)(value | 0x80);
	*writer->at++ = (uint8_t)value;
}

void
wire_put_uint(struct wire_writer *writer, uint32_t number, uint64_t value)
{
	wire_put_varint(writer, tag_of(number, WIRE_VARINT));
	wire_put_varint(writer, value);
}

void
wire_put_bytes_head(struct wire_writer *writer, uint32_t number, size_t len)
{
	wire_put_varint(writer, tag_of(number, WIRE_BYTES));
	wire_put_varint(writer, len);
}

void
wire_put_bytes(
    struct wire_writer *writer, uint32_t number, const void *data, size_t len)
{
	wire_put_bytes_head(writer, number, len);
	if (len == 0 || !writer_room(writer, len))
		return;
	memcpy(writer->at, data, len);
	writer->at += len;
}

size_t
wire_bytes_size(uint32_t number, size_t len)
{
	return varint_size(tag_of(number, WIRE_BYTES)) + varint_size(len) + len;
}
