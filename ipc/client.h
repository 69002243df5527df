/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_CLIENT_H
#define IPC_CLIENT_H

/*
 * A ttrpc client on a libevent base: one connection, many calls at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct ttrpc_client;

#define TTRPC_CLIENT_UNSENT_MAX (8 << 20)

/*
 * The outcome of one call: err is NULL and payload (borrowed, may be empty) the
 * reply, or err says why there is none. A lost connection is UNAVAILABLE,
 * "ttrpc: closed".
 */
typedef void ttrpc_reply_fn(
    const struct err *err, const uint8_t *payload, size_t len, void *arg);

/*
 * Connects to a unix socket by path without blocking ("unix://" in front is
 * allowed; a name with "@" in front is abstract).
 */
int ttrpc_client_connect(struct event_base *base, int priority,
    const char *address, struct ttrpc_client **ret, struct err *err);

/* Outstanding calls are answered UNAVAILABLE first. NULL is fine. Must not be
 * called from inside a reply function that it calls itself. */
void ttrpc_client_free(struct ttrpc_client *client);

/* False once the connection is lost: make a new client. */
bool ttrpc_client_alive(const struct ttrpc_client *client);

/*
 * Sends a request. `done` is called exactly once, later, never from inside this
 * function, unless it returns an error (then never). timeout_ns 0 is none;
 * otherwise it is sent along and enforced here (DEADLINE_EXCEEDED). ns (may be
 * NULL) is the containerd namespace put in the metadata. Fails with UNAVAILABLE
 * when the connection is lost, and with RESOURCE_EXHAUSTED when the request is
 * larger than a frame or more than TTRPC_CLIENT_UNSENT_MAX bytes wait for a
 * peer that does not read.
 */
int ttrpc_client_call(struct ttrpc_client *client, const char *service,
    const char *method, const char *ns, const uint8_t *payload, size_t len,
    int64_t timeout_ns, ttrpc_reply_fn *done, void *arg, struct err *err);

#endif
