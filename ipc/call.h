/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_CALL_H
#define IPC_CALL_H

/*
 * The server's side of a call's life. Internal to ipc/; what a handler may do
 * with a call is in ipc/server.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "ipc/conn.h"
#include "ipc/envelope.h"
#include "ipc/server.h"

struct event_base;

/*
 * The open calls of one connection, owned by the server. When the connection is
 * lost, its calls go over to the server's set of orphans, whose conn is NULL.
 */
struct call_set {
	struct list calls;
	size_t n, bytes; /* how many, and bytes of requests they hold */
	struct conn *conn;
};

void call_set_init(struct call_set *set, struct conn *conn);
bool call_set_has(const struct call_set *set, uint32_t stream);

/* Moves all calls; those that can be cancelled learn of it from the loop. */
void call_set_orphan(struct call_set *set, struct call_set *orphans);

/* Makes all calls independent of server, connection and loop. */
void call_set_abandon(struct call_set *set);

/* Takes over *body, into which request points, and enters the call in set. */
int call_new_consume(struct event_base *base, int priority,
    struct call_set *set, uint32_t stream, const struct ttrpc_method *method,
    const struct envelope_request *request, struct bytes *body,
    struct ttrpc_call **ret, struct err *err);

/* Sends a failure on a stream, call or no call. */
void call_send_status(
    struct conn *conn, uint32_t stream, const struct err *status);

#endif
