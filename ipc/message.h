/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

/*
 * Protobuf messages by nanopb, described in ipc/proto/.
 *
 * - Strings and repeated fields are pointers that nanopb allocates;
 *   message_release() frees them. An absent string is NULL (message_str()).
 * - Singular sub-messages are members with a has_ flag beside them.
 * - bytes fields (Any.value, Options.config_body) are a struct bytes that is
 *   borrowed: after decoding it points into the decoded data, for encoding it
 *   points to whatever is to be written. They have no limit of their own,
 *   though Debian's nanopb has 16-bit sizes, and work at any depth.
 * - A repeated field with more than 65535 entries is an error.
 *
 * Initialise messages with { 0 }: nanopb's init macros do not know struct
 * bytes.
 */
#include <pb.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * Decodes len bytes into *ret_msg, which must be all zero. bytes fields then
 * borrow from data. On failure nothing is left to release; the error is
 * INTERNAL (-EBADMSG), as ttrpc wants it for a request, or RESOURCE_EXHAUSTED
 * (-ENOMEM), and its text is nanopb's. Like Go's decoder, and because C cannot
 * hold them, it refuses strings that are not UTF-8 or that contain a NUL.
 */
int message_decode(const pb_msgdesc_t *fields, const uint8_t *data, size_t len,
    void *ret_msg, struct err *err);

/* Encodes into a new buffer that the caller frees with bytes_free(). */
int message_encode(const pb_msgdesc_t *fields, const void *msg,
    struct bytes *ret, struct err *err);

/*
 * The same in two steps, into the caller's memory: how many bytes it takes, and
 * writing them to a buffer of that size.
 */
int message_size(const pb_msgdesc_t *fields, const void *msg, size_t *ret_size,
    struct err *err);
int message_encode_into(const pb_msgdesc_t *fields, const void *msg,
    uint8_t *buf, size_t size, struct err *err);

/* Frees what nanopb allocated in msg (not msg itself). */
void message_release(const pb_msgdesc_t *fields, void *msg);

/* nanopb's "" for an absent string is NULL: this gives "" instead. */
static inline const char *
message_str(const char *s)
{
	return s ? s : "";
}

/*
 * A borrowed string or run of bytes as a field of a message that is only going
 * to be encoded, never released. "" becomes NULL, which is left out, as proto3
 * wants it.
 */
static inline char *
message_borrow(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = { .in = s && *s ? s : NULL };

	return u.out;
}

static inline struct bytes
message_borrow_bytes(const void *data, size_t len)
{
	union {
		const void *in;
		uint8_t *out;
	} u = { .in = data };

	return (struct bytes){ .data = u.out, .len = len };
}

#endif
