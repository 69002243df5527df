/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_CONN_H
#define IPC_CONN_H

/*
 * One ttrpc connection: frames in, frames out. Internal to ipc/, shared by the
 * server and the client.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "ipc/frame.h"

struct event_base;
struct conn;

/*
 * All are called from the loop only, never from inside a conn_ function, and
 * conn_free() is allowed in each of them.
 */
struct conn_ops {
	/* A whole frame. *body may be taken over; else it is freed after. */
	void (*frame)(
	    const struct ttrpc_header *header, struct bytes *body, void *arg);
	/*
	 * A frame that was read and thrown away, because it is larger than
	 * TTRPC_PAYLOAD_MAX or because there was no memory for it: why is
	 * RESOURCE_EXHAUSTED with a text for the sender.
	 */
	void (*skipped)(const struct ttrpc_header *header,
	    const struct err *why, void *arg);
	/* The connection is lost; nothing comes after this. */
	void (*closed)(void *arg);
};

/*
 * Owns fd from here on, also on failure; makes it non-blocking and CLOEXEC.
 * Nothing is read while unsent_max bytes or more wait to be written. ops is
 * borrowed.
 */
int conn_new_consume(struct event_base *base, int priority, int fd,
    size_t unsent_max, const struct conn_ops *ops, void *arg, struct conn **ret,
    struct err *err);

/* Closes at once, without a closed() call. NULL is fine. */
void conn_free(struct conn *conn);

/*
 * Sends a frame whose payload is head followed by data, together at most
 * TTRPC_PAYLOAD_MAX. What the socket does not take now is copied and sent
 * later. A failure shows as a closed() call.
 */
void conn_send(struct conn *conn, enum ttrpc_frame_type type, uint32_t stream,
    const uint8_t *head, size_t head_len, const uint8_t *data, size_t data_len);

/* Bytes that wait to be written; 0 once the connection is lost. */
size_t conn_unsent(const struct conn *conn);

/* The words and the code that both sides have for a message above the limit. */
int conn_err_oversize(struct err *err, size_t len);

#endif
