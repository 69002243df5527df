/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_WIRE_H
#define IPC_WIRE_H

/*
 * The protobuf wire format, for the envelopes of ttrpc: their payload is up to
 * 4 MiB and is to be looked at where it lies, which a decoder with 16-bit sizes
 * cannot do. Everything else is ipc/message.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

/* Borrowed bytes inside of a message. */
struct wire_view {
	const uint8_t *data;
	size_t len;
};

struct wire_reader {
	const uint8_t *at, *end;
};

struct wire_field {
	uint32_t number;
	enum wire_type type;
	uint64_t value;        /* of the three number types */
	struct wire_view view; /* of WIRE_BYTES */
};

/* No bytes, but not NULL either: it may be given to memcpy() and the like. */
static inline struct wire_view
wire_view_empty(void)
{
	return (struct wire_view){ (const uint8_t *)"", 0 };
}

/* The data of a view without bytes may be NULL here. */
static inline struct wire_reader
wire_reader_of(struct wire_view view)
{
	if (view.len == 0)
		view = wire_view_empty();
	return (struct wire_reader){ view.data, view.data + view.len };
}

/*
 * Reads the next field: 1, or 0 at the end, or -EBADMSG when the bytes are no
 * message (*ret_field is then untouched). Groups, which proto3 does not have,
 * are malformed too.
 */
int wire_next(struct wire_reader *reader, struct wire_field *ret_field);

/* Writes into a fixed buffer; what does not fit sets `full` and is left out. */
struct wire_writer {
	uint8_t *at, *end;
	bool full;
};

void wire_put_varint(struct wire_writer *writer, uint64_t value);
void wire_put_uint(struct wire_writer *writer, uint32_t number, uint64_t value);
void wire_put_bytes(
    struct wire_writer *writer, uint32_t number, const void *data, size_t len);
/* Tag and length of a bytes field whose content the caller writes itself. */
void wire_put_bytes_head(
    struct wire_writer *writer, uint32_t number, size_t len);

/* Bytes that wire_put_bytes() writes. */
size_t wire_bytes_size(uint32_t number, size_t len);

#endif
