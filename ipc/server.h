/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_SERVER_H
#define IPC_SERVER_H

/*
 * A ttrpc server on a libevent base. Requests of all connections run
 * concurrently: a handler gets a call, and may answer it then or at any later
 * time, in any order.
 *
 * What the server answers by itself (oversized frames, bad stream ids, unknown
 * services and methods, undecodable requests) follows the Go server to the
 * letter of its messages, with one exception: a reply that would be larger than
 * a frame fails that call with RESOURCE_EXHAUSTED, and the connection lives.
 *
 * Memory is bounded for each connection. A peer that sends and does not read is
 * not read from until it has caught up. One that has too many or too large
 * calls outstanding gets RESOURCE_EXHAUSTED for further ones: not reading would
 * hold back the very Kill that lets its many Waits end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct ttrpc_server;
struct ttrpc_call;

/*
 * Takes over the call: it must be given to exactly one of ttrpc_call_reply()
 * and ttrpc_call_fail(), now or later, even when its connection is gone by
 * then.
 */
typedef void ttrpc_handler_fn(struct ttrpc_call *call, void *arg);

/* The same handler may stand for several services (task v2 and v3). */
struct ttrpc_method {
	const char *service; /* full name, "containerd.task.v2.Task" */
	const char *method;  /* bare name, "Create" */
	ttrpc_handler_fn *handler;
};

struct ttrpc_server_limits {
	size_t output_max; /* unsent bytes that stop a connection's reading */
	size_t calls_max;  /* outstanding calls of a connection */
	size_t input_max;  /* bytes of requests that these calls hold */
};
/* A client that gives up cannot say so on this protocol: its abandoned Waits
 * pile up for as long as the container lives, hence the high calls_max. */
#define TTRPC_SERVER_LIMITS_DEFAULT                                            \
	((struct ttrpc_server_limits){ .output_max = 8 << 20,                  \
	    .calls_max = 16384,                                                \
	    .input_max = 16 << 20 })

/*
 * methods is borrowed for the server's life and ends after n entries; arg is
 * given to each handler. Events run at libevent priority `priority`.
 */
int ttrpc_server_new(struct event_base *base, int priority,
    const struct ttrpc_method *methods, size_t n, void *arg,
    const struct ttrpc_server_limits *limits, struct ttrpc_server **ret,
    struct err *err);

/*
 * Closes everything; replies that are not written yet are lost. Calls that a
 * handler still holds stay valid and are still to be answered, but their cancel
 * functions are not called any more. Allowed inside a handler and inside a
 * cancel function. NULL is fine.
 */
void ttrpc_server_free(struct ttrpc_server *server);

/*
 * Accepts connections on a listening unix socket; the server owns the fd from
 * here on, also on failure. Peers whose SO_PEERCRED uid and gid are not this
 * process's effective ones are closed and logged. Running out of descriptors
 * pauses accepting for a moment instead of spinning, and is logged once.
 */
int ttrpc_server_listen_consume(
    struct ttrpc_server *server, int listen_fd, struct err *err);

/* Accepts a connection that waits, if there is one, without the loop. */
void ttrpc_server_accept_now(struct ttrpc_server *server);

/* Closes the listening sockets, leaves connections alone. */
void ttrpc_server_stop_listening(struct ttrpc_server *server);

/* Serves one connected socket (any peer). Owns fd from here on. */
int ttrpc_server_add_consume(
    struct ttrpc_server *server, int fd, struct err *err);

size_t ttrpc_server_connections(const struct ttrpc_server *server);

/* Called each time that the last connection has closed, from the loop. NULL: no
 * more. ttrpc_server_free() is not allowed inside. */
typedef void ttrpc_idle_fn(void *arg);
void ttrpc_server_on_idle(
    struct ttrpc_server *server, ttrpc_idle_fn *fn, void *arg);

/* True when no reply waits to be written on any connection. */
bool ttrpc_server_flushed(const struct ttrpc_server *server);

/* ---- calls ---- */

/* Borrowed, valid until the call is answered; never NULL. */
const uint8_t *ttrpc_call_payload(
    const struct ttrpc_call *call, size_t *ret_len);
const char *ttrpc_call_method(const struct ttrpc_call *call);
const char *ttrpc_call_service(const struct ttrpc_call *call);

/*
 * First value of a metadata key, compared without regard to case; NULL if
 * absent.
 */
const char *ttrpc_call_metadata(const struct ttrpc_call *call, const char *key);

/*
 * The function is called at most once, when the caller can no longer get an
 * answer: its deadline (timeout_nano) has passed or its connection is gone.
 * `why` is DEADLINE_EXCEEDED or CANCELED. The call stays the handler's: it is
 * still to be given to ttrpc_call_fail() or ttrpc_call_reply() once, inside the
 * function or later (after a deadline that answer reaches the caller, after a
 * lost connection it goes nowhere). A call without a cancel function simply
 * stays open. A NULL function takes the registration back. The function runs
 * from the loop, never inside of a ttrpc_ function, also when it is registered
 * late.
 */
typedef void ttrpc_cancel_fn(
    struct ttrpc_call *call, enum err_code why, void *arg);
void ttrpc_call_on_cancel(
    struct ttrpc_call *call, ttrpc_cancel_fn *cancel, void *arg);

/* Answers and frees the call. payload is copied; len 0 is the empty message. */
void ttrpc_call_reply(
    struct ttrpc_call *call, const uint8_t *payload, size_t len);
/* Answers with err's code and message, and frees the call. */
void ttrpc_call_fail(struct ttrpc_call *call, const struct err *err);

#endif
