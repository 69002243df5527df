/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ttrpc client. Stream ids are odd and grow by two; when they are used up
 * the connection counts as lost, for nothing on it could be asked any more.
 *
 * A call is taken off the list before its reply function runs, and after that
 * only the call itself is touched: the function may make new calls or free the
 * client. There is no way to tell the server that a call was given up, so a
 * reply that comes after the deadline finds no call and is dropped.
 *
 * Source: client.go of ttrpc.
 */
#include "ipc/client.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "ipc/conn.h"
#include "ipc/envelope.h"

struct ttrpc_client {
	struct event_base *base;
	int priority;
	struct conn *conn; /* NULL once the connection is lost */
	uint64_t next_stream;
	struct list calls;
};

struct client_call {
	struct list link;
	uint32_t stream;
	ttrpc_reply_fn *done;
	void *arg;
	struct event timer;
};

static int
err_closed(struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE, ENOTCONN, "ttrpc: closed");
}

/* ---- outcomes ---- */

static void
call_finish(
    struct client_call *call, const struct err *err, struct wire_view payload)
{
	list_del(&call->link);
	(void)event_del(&call->timer);
	call->done(err, payload.data, payload.len, call->arg);
	free(call);
}

static void
call_finish_err(struct client_call *call, const struct err *err)
{
	call_finish(call, err, wire_view_empty());
}

static void
call_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct err err;

	(void)fd;
	(void)what;
	(void)err_set(&err, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
	    "context deadline exceeded");
	call_finish_err(arg, &err);
}

static void
client_lose(struct ttrpc_client *client)
{
	struct list lost;
	struct err err;

	conn_free(take_ptr(client->conn));
	(void)err_closed(&err);
	/* On a list of their own: the client may be gone after the first. */
	list_init(&lost);
	list_for_each(l, tmp, &client->calls)
	{
		list_del(l);
		list_add_tail(&lost, l);
	}
	while (!list_empty(&lost))
		call_finish_err(
		    list_entry(lost.next, struct client_call, link), &err);
}

/* ---- frames ---- */

static struct client_call *
client_find(const struct ttrpc_client *client, uint32_t stream)
{
	list_for_each(l, tmp, &client->calls)
	{
		struct client_call *call =
		    list_entry(l, struct client_call, link);

		if (call->stream == stream)
			return call;
	}
	log_debug("ttrpc: dropped a message for inactive stream %u", stream);
	return NULL;
}

static enum err_code
code_of_wire(int32_t code)
{
	return code > ERR_OK && code <= ERR_UNAVAILABLE ? (enum err_code)code
							: ERR_UNKNOWN;
}

static int
response_judge(const struct ttrpc_header *header, struct wire_view body,
    struct wire_view *ret_payload, struct err *err)
{
	struct envelope_response response;

	if (header->type != TTRPC_RESPONSE)
		return err_set(err, ERR_INTERNAL, EPROTO,
		    "ttrpc: unexpected message of type %d: protocol error",
		    header->type);
	int r = envelope_response_decode(body, &response, err);
	if (r < 0) {
		err->code = ERR_INTERNAL;
		return err_wrap(err, "ttrpc: unmarshal response error");
	}
	if (response.code != 0)
		return err_set(err, code_of_wire(response.code), 0, "%.*s",
		    (int)response.message.len,
		    (const char *)response.message.data);
	*ret_payload = response.payload;
	return 0;
}

static void
client_on_frame(
    const struct ttrpc_header *header, struct bytes *body, void *arg)
{
	struct client_call *call = client_find(arg, header->stream);
	struct wire_view view = { body->data, body->len };
	struct wire_view payload = wire_view_empty();
	struct err err;

	if (!call)
		return;
	if (response_judge(header, view, &payload, &err) < 0)
		call_finish_err(call, &err);
	else
		call_finish(call, NULL, payload);
}

static void
client_on_skipped(
    const struct ttrpc_header *header, const struct err *why, void *arg)
{
	struct client_call *call = client_find(arg, header->stream);

	if (call)
		call_finish_err(call, why);
}

static void
client_on_closed(void *arg)
{
	client_lose(arg);
}

static const struct conn_ops client_ops = {
	.frame = client_on_frame,
	.skipped = client_on_skipped,
	.closed = client_on_closed,
};

/* ---- calls ---- */

bool
ttrpc_client_alive(const struct ttrpc_client *client)
{
	return client->conn && client->next_stream <= UINT32_MAX;
}

static int
check_sendable(const struct ttrpc_client *client, size_t len, struct err *err)
{
	if (!ttrpc_client_alive(client))
		return err_closed(err);
	if (len > TTRPC_PAYLOAD_MAX)
		return conn_err_oversize(err, len);
	if (conn_unsent(client->conn) > TTRPC_CLIENT_UNSENT_MAX)
		return err_set(err, ERR_RESOURCE_EXHAUSTED, EAGAIN,
		    "ttrpc: the server does not read: %zu bytes wait",
		    conn_unsent(client->conn));
	return 0;
}

static struct client_call *
call_new(struct ttrpc_client *client, int64_t timeout_ns, ttrpc_reply_fn *done,
    void *arg)
{
	cleanup_free struct client_call *call = calloc(1, sizeof(*call));
	struct timeval tv = clock_timeval(timeout_ns);

	if (!call)
		return NULL;
	call->done = done;
	call->arg = arg;
	if (evtimer_assign(&call->timer, client->base, call_on_timer, call) < 0)
		return NULL;
	(void)event_priority_set(&call->timer, client->priority);
	if (timeout_ns > 0 && event_add(&call->timer, &tv) < 0)
		return NULL;
	list_add_tail(&client->calls, &call->link);
	return take_ptr(call);
}

int
ttrpc_client_call(struct ttrpc_client *client, const char *service,
    const char *method, const char *ns, const uint8_t *payload, size_t len,
    int64_t timeout_ns, ttrpc_reply_fn *done, void *arg, struct err *err)
{
	struct envelope_head head;

	if (timeout_ns < 0)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "ttrpc: timeout below 0");
	int r = envelope_request_head(
	    service, method, ns, timeout_ns, len, &head, err);
	if (r < 0)
		return r;
	r = check_sendable(client, head.len + len, err);
	if (r < 0)
		return r;
	struct client_call *call = call_new(client, timeout_ns, done, arg);
	if (!call)
		return err_set_errno(err, ENOMEM, "ttrpc: new call");
	call->stream = (uint32_t)client->next_stream;
	client->next_stream += 2;
	conn_send(client->conn, TTRPC_REQUEST, call->stream, head.data,
	    head.len, payload, len);
	return 0;
}

/* ---- life ---- */

static int
address_parse(const char *address, struct sockaddr_un *ret_sa,
    socklen_t *ret_len, struct err *err)
{
	static const char scheme[] = "unix://";

	*ret_sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strncmp(address, scheme, strlen(scheme)) == 0)
		address += strlen(scheme);
	size_t len = strlen(address);
	if (len == 0)
		return err_set(
		    err, ERR_INVALID_ARGUMENT, EINVAL, "ttrpc: empty address");
	/* An abstract name is as long as it is; a path ends in a NUL. */
	bool abstract = address[0] == '@';
	size_t size = abstract ? len : len + 1;
	if (size > sizeof(ret_sa->sun_path))
		return err_set(err, ERR_INVALID_ARGUMENT, ENAMETOOLONG,
		    "ttrpc: address '%s' is longer than a socket's may be",
		    address);
	memcpy(ret_sa->sun_path, address, size);
	if (abstract)
		ret_sa->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	return 0;
}

/*
 * A unix socket connects at once or not at all: EAGAIN means that the server's
 * backlog is full, and there is nothing to wait for.
 */
static int
address_connect(const char *address, int *ret_fd, struct err *err)
{
	struct sockaddr_un sa;
	socklen_t len = 0;

	int r = address_parse(address, &sa, &len, err);
	if (r < 0)
		return r;
	cleanup_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "ttrpc: socket");
	if (connect(fd, (const struct sockaddr *)&sa, len) < 0) {
		int sys = errno;

		return err_set(err, ERR_UNAVAILABLE, sys,
		    "ttrpc: connect to '%s': %s", address,
		    strerrordesc_np(sys));
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

int
ttrpc_client_connect(struct event_base *base, int priority, const char *address,
    struct ttrpc_client **ret, struct err *err)
{
	cleanup_free struct ttrpc_client *client = calloc(1, sizeof(*client));
	int fd = -1;

	if (!client)
		return err_set_errno(err, ENOMEM, "ttrpc: new client");
	int r = address_connect(address, &fd, err);
	if (r < 0)
		return r;
	r = conn_new_consume(base, priority, fd, TTRPC_CLIENT_UNSENT_MAX,
	    &client_ops, client, &client->conn, err);
	if (r < 0)
		return r;
	client->base = base;
	client->priority = priority;
	client->next_stream = 1;
	list_init(&client->calls);
	*ret = take_ptr(client);
	return 0;
}

void
ttrpc_client_free(struct ttrpc_client *client)
{
	if (!client)
		return;
	client_lose(client);
	free(client);
}
