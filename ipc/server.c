/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ttrpc server: listening sockets, peers, and what is answered without a
 * handler. The order of the checks and their words are the Go server's.
 *
 * All methods are unary. As there, the streaming flags of a Request to a unary
 * method are not looked at: it is called with the payload it came with, and its
 * one Response ends the stream. Data frames that follow while the call is open
 * are dropped (the Go server fails on them); answering each would give one
 * stream two Responses. After the Response the stream is no longer active.
 *
 * A handler is the last thing that happens to a frame, so it may free the
 * server.
 *
 * Source: server.go, services.go of ttrpc.
 */
#include "ipc/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/log.h"
#include "ipc/call.h"
#include "ipc/conn.h"
#include "ipc/envelope.h"
#include "ipc/listener.h"

struct socket {
	struct list link;
	struct listener *listener;
};

struct peer {
	struct list link;
	struct ttrpc_server *server;
	struct conn *conn;
	struct call_set calls;
	uint32_t last_stream;
};

struct ttrpc_server {
	struct event_base *base;
	int priority;
	const struct ttrpc_method *methods;
	size_t methods_n;
	void *arg;
	struct ttrpc_server_limits limits;
	struct list sockets;
	struct list peers;
	size_t peers_n;
	struct call_set orphans;
	ttrpc_idle_fn *idle;
	void *idle_arg;
};

/* ---- requests ---- */

static void
peer_refuse(
    struct peer *peer, uint32_t stream, enum err_code code, const char *text)
{
	struct err err;

	(void)err_set(&err, code, 0, "%s", text);
	call_send_status(peer->conn, stream, &err);
}

static bool
view_is(struct wire_view view, const char *s)
{
	return strlen(s) == view.len && memcmp(s, view.data, view.len) == 0;
}

static int
find_method(const struct ttrpc_server *server,
    const struct envelope_request *request, const struct ttrpc_method **ret,
    struct err *err)
{
	bool service_known = false;

	for (size_t i = 0; i < server->methods_n; i++) {
		const struct ttrpc_method *m = &server->methods[i];

		if (!view_is(request->service, m->service))
			continue;
		service_known = true;
		if (view_is(request->method, m->method)) {
			*ret = m;
			return 0;
		}
	}
	struct wire_view unknown =
	    service_known ? request->method : request->service;
	return err_set(err, ERR_UNIMPLEMENTED, ENOSYS, "%s %.*s",
	    service_known ? "method" : "service", (int)unknown.len,
	    (const char *)unknown.data);
}

static int
check_room(const struct peer *peer, size_t len, struct err *err)
{
	const struct ttrpc_server_limits *limits = &peer->server->limits;

	if (peer->calls.n >= limits->calls_max)
		return err_set(err, ERR_RESOURCE_EXHAUSTED, EAGAIN,
		    "too many outstanding calls on this connection: %zu",
		    peer->calls.n);
	if (len > limits->input_max - peer->calls.bytes)
		return err_set(err, ERR_RESOURCE_EXHAUSTED, EAGAIN,
		    "outstanding calls on this connection are too large: "
		    "%zu bytes",
		    peer->calls.bytes);
	return 0;
}

static int
peer_accept_request(struct peer *peer, uint32_t stream, struct bytes *body,
    const struct ttrpc_method **ret_method, struct ttrpc_call **ret_call,
    struct err *err)
{
	struct wire_view view = { body->data, body->len };
	struct ttrpc_server *server = peer->server;
	struct envelope_request request;

	int r = envelope_request_decode(view, &request, err);
	if (r < 0)
		return err_wrap(err, "unmarshal request error");
	r = find_method(server, &request, ret_method, err);
	if (r < 0)
		return r;
	r = check_room(peer, body->len, err);
	if (r < 0)
		return r;
	return call_new_consume(server->base, server->priority, &peer->calls,
	    stream, *ret_method, &request, body, ret_call, err);
}

static void
peer_on_request(struct peer *peer, uint32_t stream, struct bytes *body)
{
	const struct ttrpc_method *method = NULL;
	struct ttrpc_call *call = NULL;
	struct err err;

	if (stream <= peer->last_stream) {
		peer_refuse(peer, stream, ERR_INVALID_ARGUMENT,
		    "StreamID cannot be re-used and must increment");
		return;
	}
	peer->last_stream = stream;
	if (peer_accept_request(peer, stream, body, &method, &call, &err) < 0)
		call_send_status(peer->conn, stream, &err);
	else
		method->handler(call, peer->server->arg);
}

static void
peer_on_frame(const struct ttrpc_header *header, struct bytes *body, void *arg)
{
	struct peer *peer = arg;

	if (header->stream % 2 == 0)
		peer_refuse(peer, header->stream, ERR_INVALID_ARGUMENT,
		    "StreamID must be odd for client initiated streams");
	else if (header->type == TTRPC_REQUEST)
		peer_on_request(peer, header->stream, body);
	else if (header->type == TTRPC_DATA &&
		 !call_set_has(&peer->calls, header->stream))
		peer_refuse(peer, header->stream, ERR_INVALID_ARGUMENT,
		    "StreamID is no longer active");
}

static void
peer_on_skipped(
    const struct ttrpc_header *header, const struct err *why, void *arg)
{
	struct peer *peer = arg;

	call_send_status(peer->conn, header->stream, why);
}

/* ---- peers ---- */

static void
peer_free(struct peer *peer)
{
	call_set_orphan(&peer->calls, &peer->server->orphans);
	list_del(&peer->link);
	peer->server->peers_n--;
	conn_free(peer->conn);
	free(peer);
}

static void
peer_on_closed(void *arg)
{
	struct peer *peer = arg;
	struct ttrpc_server *server = peer->server;

	peer_free(peer);
	if (server->peers_n == 0 && server->idle)
		server->idle(server->idle_arg);
}

static const struct conn_ops peer_ops = {
	.frame = peer_on_frame,
	.skipped = peer_on_skipped,
	.closed = peer_on_closed,
};

int
ttrpc_server_add_consume(struct ttrpc_server *server, int fd, struct err *err)
{
	cleanup_close int owned = fd;
	cleanup_free struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return err_set_errno(err, ENOMEM, "ttrpc: new connection");
	int r =
	    conn_new_consume(server->base, server->priority, take_fd(&owned),
		server->limits.output_max, &peer_ops, peer, &peer->conn, err);
	if (r < 0)
		return r;
	peer->server = server;
	call_set_init(&peer->calls, peer->conn);
	list_add_tail(&server->peers, &peer->link);
	server->peers_n++;
	(void)take_ptr(peer);
	return 0;
}

static void
server_on_accept(int fd, void *arg)
{
	struct err err;

	/* Nobody to return it to: the peer sees its connection closed. */
	if (ttrpc_server_add_consume(arg, fd, &err) < 0)
		log_debug("%s", err.msg);
}

size_t
ttrpc_server_connections(const struct ttrpc_server *server)
{
	return server->peers_n;
}

void
ttrpc_server_on_idle(struct ttrpc_server *server, ttrpc_idle_fn *fn, void *arg)
{
	server->idle = fn;
	server->idle_arg = arg;
}

bool
ttrpc_server_flushed(const struct ttrpc_server *server)
{
	list_for_each(l, tmp,
	    &server->peers) if (conn_unsent(list_entry(l, struct peer, link)
						->conn) > 0) return false;
	return true;
}

/* ---- life ---- */

int
ttrpc_server_new(struct event_base *base, int priority,
    const struct ttrpc_method *methods, size_t n, void *arg,
    const struct ttrpc_server_limits *limits, struct ttrpc_server **ret,
    struct err *err)
{
	struct ttrpc_server *server = malloc(sizeof(*server));

	if (!server)
		return err_set_errno(err, ENOMEM, "ttrpc: new server");
	*server = (struct ttrpc_server){
		.base = base,
		.priority = priority,
		.methods = methods,
		.methods_n = n,
		.arg = arg,
		.limits = *limits,
	};
	list_init(&server->sockets);
	list_init(&server->peers);
	call_set_init(&server->orphans, NULL);
	*ret = server;
	return 0;
}

int
ttrpc_server_listen_consume(
    struct ttrpc_server *server, int listen_fd, struct err *err)
{
	cleanup_close int owned = listen_fd;
	cleanup_free struct socket *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set_errno(err, ENOMEM, "ttrpc: listen");
	int r = listener_new_consume(server->base, server->priority,
	    take_fd(&owned), server_on_accept, server, &s->listener, err);
	if (r < 0)
		return r;
	list_add_tail(&server->sockets, &s->link);
	(void)take_ptr(s);
	return 0;
}

void
ttrpc_server_accept_now(struct ttrpc_server *server)
{
	list_for_each(l, tmp, &server->sockets)
	{
		listener_accept_now(
		    list_entry(l, struct socket, link)->listener);
	}
}

void
ttrpc_server_stop_listening(struct ttrpc_server *server)
{
	list_for_each(l, tmp, &server->sockets)
	{
		struct socket *s = list_entry(l, struct socket, link);

		list_del(&s->link);
		listener_free(s->listener);
		free(s);
	}
}

void
ttrpc_server_free(struct ttrpc_server *server)
{
	if (!server)
		return;
	ttrpc_server_stop_listening(server);
	list_for_each(l, tmp, &server->peers)
	    peer_free(list_entry(l, struct peer, link));
	call_set_abandon(&server->orphans);
	free(server);
}
