/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_ENVELOPE_H
#define IPC_ENVELOPE_H

/*
 * What is inside of a ttrpc frame: Request and Response. Decoding gives views
 * into the caller's buffer. Encoding gives the bytes that go before the
 * payload, which is the last field and is never copied here.
 */
#include <stdint.h>

#include "base/err.h"
#include "ipc/wire.h"

struct envelope_request {
	struct wire_view service, method, payload;
	int64_t timeout_ns; /* 0 is none; the peer may send negative ones */
	struct wire_view metadata; /* for envelope_metadata_next() */
};

struct envelope_response {
	int32_t code;
	struct wire_view message, payload;
};

/*
 * Malformed, or a string is not UTF-8: -EBADMSG, INVALID_ARGUMENT, and Go's
 * words for it. A NUL inside a string is refused in the same way, since it
 * would make one name look like another.
 */
int envelope_request_decode(struct wire_view body,
    struct envelope_request *ret_request, struct err *err);
int envelope_response_decode(struct wire_view body,
    struct envelope_response *ret_response, struct err *err);

/*
 * Goes through the metadata pairs in the order in which they came: false after
 * the last. The reader begins as wire_reader_of(request.metadata).
 */
bool envelope_metadata_next(struct wire_reader *reader,
    struct wire_view *ret_key, struct wire_view *ret_value);

/* Everything of an envelope up to its payload. */
struct envelope_head {
	size_t len;
	uint8_t data[1280];
};

/*
 * ns may be NULL. Strings that do not fit: -ENAMETOOLONG, INVALID_ARGUMENT.
 */
int envelope_request_head(const char *service, const char *method,
    const char *ns, int64_t timeout_ns, size_t payload_len,
    struct envelope_head *ret_head, struct err *err);

/* An answer; one of no bytes is the empty envelope. */
void envelope_reply_head(size_t payload_len, struct envelope_head *ret_head);

/* A failure: code and text of status. Code OK is sent as UNKNOWN, since the
 * peer would take it for success. Bytes that are not UTF-8 become '?'. */
void envelope_status_head(
    const struct err *status, struct envelope_head *ret_head);

#endif
