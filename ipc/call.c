/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: a request that is being handled.
 *
 * It belongs to its handler until it is answered, and outlives its connection
 * and even the server. It is in exactly one set all the time: that of its
 * connection, that of the server's orphans, or none once the server is gone
 * (set is NULL). Everything that could go stale is reached through the set.
 *
 * Cancelling is always done by the call's own timer, for a deadline and for a
 * lost connection alike, so a cancel function runs straight from the loop and
 * may do whatever it likes to this or any other call.
 *
 * Source: server.go of ttrpc (deadline counts from receipt), metadata.go.
 */
#include "ipc/call.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct ttrpc_call {
	struct list link;
	struct call_set *set;
	struct event_base *base;
	int priority;
	uint32_t stream;
	const struct ttrpc_method *method;
	struct bytes body;
	struct wire_view payload;
	int64_t deadline_ns; /* monotonic; 0 is none */
	ttrpc_cancel_fn *cancel;
	void *cancel_arg;
	bool cancelled;
	struct event timer; /* assigned while cancel is set */
	size_t metadata_len;
	char metadata[]; /* key NUL value NUL, again and again */
};

/* ---- sets ---- */

void
call_set_init(struct call_set *set, struct conn *conn)
{
	*set = (struct call_set){ .conn = conn };
	list_init(&set->calls);
}

static void
call_enter(struct ttrpc_call *call, struct call_set *set)
{
	list_add_tail(&set->calls, &call->link);
	set->n++;
	set->bytes += call->body.len;
	call->set = set;
}

static void
call_leave(struct ttrpc_call *call)
{
	if (!call->set)
		return;
	list_del(&call->link);
	call->set->n--;
	call->set->bytes -= call->body.len;
	call->set = NULL;
}

bool
call_set_has(const struct call_set *set, uint32_t stream)
{
	list_for_each(l, tmp,
	    &set->calls) if (list_entry(l, struct ttrpc_call, link)->stream ==
			     stream) return true;
	return false;
}

void
call_set_orphan(struct call_set *set, struct call_set *orphans)
{
	list_for_each(l, tmp, &set->calls)
	{
		struct ttrpc_call *call =
		    list_entry(l, struct ttrpc_call, link);

		call_leave(call);
		call_enter(call, orphans);
		if (call->cancel)
			event_active(&call->timer, EV_TIMEOUT, 0);
	}
}

static void
call_forget_cancel(struct ttrpc_call *call)
{
	if (call->cancel)
		(void)event_del(&call->timer);
	call->cancel = NULL;
}

void
call_set_abandon(struct call_set *set)
{
	list_for_each(l, tmp, &set->calls)
	{
		struct ttrpc_call *call =
		    list_entry(l, struct ttrpc_call, link);

		call_forget_cancel(call);
		call_leave(call);
	}
}

/* ---- metadata ---- */

static size_t
metadata_size(struct wire_view metadata)
{
	struct wire_reader r = wire_reader_of(metadata);
	struct wire_view key, value;
	size_t size = 0;

	while (envelope_metadata_next(&r, &key, &value))
		size += key.len + value.len + 2;
	return size;
}

static char *
put_string(char *at, struct wire_view v)
{
	memcpy(at, v.data, v.len);
	at[v.len] = '\0';
	return at + v.len + 1;
}

static void
metadata_copy(struct wire_view metadata, char *at)
{
	struct wire_reader r = wire_reader_of(metadata);
	struct wire_view key, value;

	while (envelope_metadata_next(&r, &key, &value))
		at = put_string(put_string(at, key), value);
}

const char *
ttrpc_call_metadata(const struct ttrpc_call *call, const char *key)
{
	const char *end = call->metadata + call->metadata_len;

	for (const char *at = call->metadata; at < end;) {
		const char *value = at + strlen(at) + 1;

		if (strcasecmp(at, key) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* ---- life ---- */

/* When timeout_ns from now is; a timeout that is not positive is over. */
static int64_t
deadline_after(int64_t timeout_ns)
{
	int64_t now = clock_monotonic_ns();

	if (timeout_ns == 0)
		return 0;
	if (timeout_ns < 0)
		return now;
	return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

int
call_new_consume(struct event_base *base, int priority, struct call_set *set,
    uint32_t stream, const struct ttrpc_method *method,
    const struct envelope_request *request, struct bytes *body,
    struct ttrpc_call **ret, struct err *err)
{
	size_t metadata_len = metadata_size(request->metadata);
	struct ttrpc_call *call = malloc(sizeof(*call) + metadata_len);

	if (!call)
		return err_set_errno(err, ENOMEM, "ttrpc: new call");
	*call = (struct ttrpc_call){
		.base = base,
		.priority = priority,
		.stream = stream,
		.method = method,
		.body = *body,
		.payload = request->payload,
		.deadline_ns = deadline_after(request->timeout_ns),
		.metadata_len = metadata_len,
	};
	*body = (struct bytes){ 0 };
	metadata_copy(request->metadata, call->metadata);
	call_enter(call, set);
	*ret = call;
	return 0;
}

static void
call_free(struct ttrpc_call *call)
{
	call_forget_cancel(call);
	call_leave(call);
	bytes_free(&call->body);
	free(call);
}

const uint8_t *
ttrpc_call_payload(const struct ttrpc_call *call, size_t *ret_len)
{
	*ret_len = call->payload.len;
	return call->payload.data;
}

const char *
ttrpc_call_method(const struct ttrpc_call *call)
{
	return call->method->method;
}

const char *
ttrpc_call_service(const struct ttrpc_call *call)
{
	return call->method->service;
}

/* ---- cancelling ---- */

static bool
call_is_lost(const struct ttrpc_call *call)
{
	return !call->set || !call->set->conn;
}

static void
call_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ttrpc_call *call = arg;
	ttrpc_cancel_fn *cancel = take_ptr(call->cancel);

	(void)fd;
	(void)what;
	call->cancelled = true;
	cancel(call, call_is_lost(call) ? ERR_CANCELED : ERR_DEADLINE_EXCEEDED,
	    call->cancel_arg);
}

static void
call_start_timer(struct ttrpc_call *call)
{
	if (call_is_lost(call)) {
		event_active(&call->timer, EV_TIMEOUT, 0);
		return;
	}
	if (call->deadline_ns == 0)
		return;
	int64_t left = call->deadline_ns - clock_monotonic_ns();
	struct timeval tv = clock_timeval(left > 0 ? left : 0);
	/* No memory for the timer: rather early than never. */
	if (event_add(&call->timer, &tv) < 0)
		event_active(&call->timer, EV_TIMEOUT, 0);
}

void
ttrpc_call_on_cancel(
    struct ttrpc_call *call, ttrpc_cancel_fn *cancel, void *arg)
{
	call_forget_cancel(call);
	/* Without a set the loop may be gone as well. */
	if (!cancel || call->cancelled || !call->set)
		return;
	if (evtimer_assign(&call->timer, call->base, call_on_timer, call) < 0)
		return;
	(void)event_priority_set(&call->timer, call->priority);
	call->cancel = cancel;
	call->cancel_arg = arg;
	call_start_timer(call);
}

/* ---- answering ---- */

void
call_send_status(struct conn *conn, uint32_t stream, const struct err *status)
{
	struct envelope_head head;

	envelope_status_head(status, &head);
	conn_send(conn, TTRPC_RESPONSE, stream, head.data, head.len, NULL, 0);
}

void
ttrpc_call_fail(struct ttrpc_call *call, const struct err *err)
{
	if (!call_is_lost(call))
		call_send_status(call->set->conn, call->stream, err);
	call_free(call);
}

void
ttrpc_call_reply(struct ttrpc_call *call, const uint8_t *payload, size_t len)
{
	struct envelope_head head;
	struct err err;

	envelope_reply_head(len, &head);
	if (head.len + len > TTRPC_PAYLOAD_MAX) {
		(void)conn_err_oversize(&err, head.len + len);
		ttrpc_call_fail(call, &err);
		return;
	}
	if (!call_is_lost(call))
		conn_send(call->set->conn, TTRPC_RESPONSE, call->stream,
		    head.data, head.len, payload, len);
	call_free(call);
}
