/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

/*
 * Protobuf messages by nanopb. Strings and sub-messages are pointers that
 * nanopb allocates (message_release() frees them); bytes fields that may exceed
 * 64 KiB (Any.value, Request.payload, Response.payload) are callbacks into a
 * struct bytes, because Debian's nanopb has 16-bit sizes.
 */
#include <pb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * Decodes len bytes into *ret_msg, which must be initialised by its
 * `*_init_zero` and any message_bytes_in() set on its bytes fields first. On
 * failure everything already allocated is released again. The error text is
 * nanopb's.
 */
int message_decode(const pb_msgdesc_t *fields, const uint8_t *data, size_t len,
    void *ret_msg, struct err *err);

/* Encodes into a new buffer that the caller frees with bytes_free(). */
int message_encode(const pb_msgdesc_t *fields, const void *msg,
    struct bytes *ret, struct err *err);

/* Frees what nanopb allocated in msg (not msg itself). */
void message_release(const pb_msgdesc_t *fields, void *msg);

/*
 * Makes a callback field fill *target with an owned copy (bytes_free()), or
 * write *source. Both must outlive the coding.
 */
pb_callback_t message_bytes_in(struct bytes *target);
pb_callback_t message_bytes_out(const struct bytes *source);

/* nanopb's "" for an absent string is NULL: this gives "" instead. */
static inline const char *
message_str(const char *s)
{
	return s ? s : "";
}

#endif
