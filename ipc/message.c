/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding and encoding with nanopb.
 *
 * Debian's nanopb is built with 16-bit sizes, so a bytes field that nanopb
 * itself stores ends at 64 KiB. All bytes fields therefore go through
 * message_bytes_field(), named in the .options files, which keeps a view of the
 * input instead. For that, decoding reads through a cursor of our own rather
 * than nanopb's buffer stream: the callback then knows where the bytes are.
 *
 * nanopb stores strings without their length: a NUL inside would cut one
 * silently. Strings are checked on the wire before anything is allocated.
 */
#include "ipc/message.h"

#include <errno.h>
#include <pb_common.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/proto/google.pb.h"
#include "ipc/utf8.h"

/* Another size would be another layout of everything generated. */
_Static_assert(sizeof(pb_size_t) == 2, "nanopb runtime has 16-bit sizes");

/* Reads for nanopb, which has checked that this much is left. */
static bool
cursor_read(pb_istream_t *stream, pb_byte_t *buf, size_t count)
{
	const uint8_t **at = stream->state;

	memcpy(buf, *at, count);
	*at += count;
	return true;
}

/*
 * A field of another wire type comes from a stream over nanopb's own stack,
 * which must not be borrowed from.
 */
static bool
bytes_decode(pb_istream_t *stream, struct bytes *ret)
{
	if (stream->callback != cursor_read)
		return false;

	const uint8_t **at = stream->state;
	*ret = message_borrow_bytes(*at, stream->bytes_left);
	*at += stream->bytes_left;
	stream->bytes_left = 0;
	return true;
}

bool
message_bytes_field(
    pb_istream_t *istream, pb_ostream_t *ostream, const pb_field_t *field)
{
	struct bytes *bytes = field->pData;

	if (istream)
		return bytes_decode(istream, bytes);
	if (bytes->len == 0)
		return true;
	return pb_encode_tag_for_field(ostream, field) &&
	       pb_encode_string(ostream, bytes->data, bytes->len);
}

static bool strings_valid(
    const pb_msgdesc_t *fields, const uint8_t *data, size_t len);

/* Whatever is not a known string or message is left to the decoder. */
static bool
field_valid(
    const pb_msgdesc_t *fields, uint32_t tag, const uint8_t *data, size_t len)
{
	pb_field_iter_t field;

	if (!pb_field_iter_begin(&field, fields, NULL) ||
	    !pb_field_iter_find(&field, tag))
		return true;
	if (PB_LTYPE(field.type) == PB_LTYPE_STRING)
		return utf8_valid(data, len);
	if (PB_LTYPE_IS_SUBMSG(field.type))
		return strings_valid(field.submsg_desc, data, len);
	return true;
}

/*
 * True also for bytes that are no message: what is wrong with those is the
 * decoder's to say. The recursion is as deep as the description, which is not
 * recursive.
 */
static bool
strings_valid(const pb_msgdesc_t *fields, const uint8_t *data, size_t len)
{
	pb_istream_t stream = pb_istream_from_buffer(data, len);
	pb_wire_type_t wire;
	uint32_t tag, size;
	bool eof;

	while (pb_decode_tag(&stream, &wire, &tag, &eof)) {
		if (wire != PB_WT_STRING) {
			if (!pb_skip_field(&stream, wire))
				return true;
			continue;
		}
		if (!pb_decode_varint32(&stream, &size) ||
		    size > stream.bytes_left)
			return true;
		if (!field_valid(
			fields, tag, data + (len - stream.bytes_left), size))
			return false;
		(void)pb_read(&stream, NULL, size);
	}
	return true;
}

/* nanopb loses some of its texts, and that of a callback. */
static int
decode_error(const char *text, struct err *err)
{
	if (!text)
		text = "malformed field";
	if (strcmp(text, "realloc failed") == 0)
		return err_set_errno(err, ENOMEM, "decode message");
	return err_set(err, ERR_INTERNAL, EBADMSG, "%s", text);
}

int
message_decode(const pb_msgdesc_t *fields, const uint8_t *data, size_t len,
    void *ret_msg, struct err *err)
{
	const uint8_t *at = data;
	pb_istream_t stream = {
		.callback = cursor_read, .state = &at, .bytes_left = len
	};

	if (!strings_valid(fields, data, len))
		return decode_error("string field is not valid UTF-8", err);
	if (!pb_decode(&stream, fields, ret_msg))
		return decode_error(stream.errmsg, err);
	return 0;
}

static int
encode_error(const pb_ostream_t *stream, struct err *err)
{
	return err_set(err, ERR_INTERNAL, EINVAL, "encode message: %s",
	    PB_GET_ERROR(stream));
}

int
message_size(const pb_msgdesc_t *fields, const void *msg, size_t *ret_size,
    struct err *err)
{
	pb_ostream_t sizing = PB_OSTREAM_SIZING;

	if (!pb_encode(&sizing, fields, msg))
		return encode_error(&sizing, err);
	*ret_size = sizing.bytes_written;
	return 0;
}

int
message_encode_into(const pb_msgdesc_t *fields, const void *msg, uint8_t *buf,
    size_t size, struct err *err)
{
	pb_ostream_t stream = pb_ostream_from_buffer(buf, size);

	if (!pb_encode(&stream, fields, msg))
		return encode_error(&stream, err);
	return 0;
}

int
message_encode(const pb_msgdesc_t *fields, const void *msg, struct bytes *ret,
    struct err *err)
{
	size_t size = 0;

	int r = message_size(fields, msg, &size, err);
	if (r < 0)
		return r;
	/* One byte more, for malloc(0) may be NULL. */
	cleanup_bytes struct bytes out = { malloc(size + 1), size };
	if (!out.data)
		return err_set_errno(err, ENOMEM, "encode message");
	r = message_encode_into(fields, msg, out.data, size, err);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct bytes){ 0 };
	return 0;
}

void
message_release(const pb_msgdesc_t *fields, void *msg)
{
	pb_release(fields, msg);
}
