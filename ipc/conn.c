/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ttrpc connection.
 *
 * Reading: one recvmsg(2) for each turn of the loop, so that no peer starves
 * another one. It fills the rest of the frame under way and then a small buffer
 * on the stack, which is taken apart before the turn ends: an idle connection
 * owns no buffer. The body of a frame grows with the bytes that arrive, so a
 * length that is only announced costs nothing.
 *
 * Writing: straight from the caller's memory while the socket takes it; the
 * rest is copied into chunks. conn_events() alone decides what is waited for.
 *
 * Errors are kept in `broken` and told from the loop, never from inside
 * conn_send(), so a caller's objects do not vanish under its feet.
 *
 * Source: PROTOCOL.md and channel.go of ttrpc (limit, draining).
 */
#include "ipc/conn.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"

#define SCRATCH_SIZE   4096
#define BODY_MIN       1024
#define CHUNKS_AT_ONCE 16

/* Bytes of whole or partial frames that wait to be written. */
struct chunk {
	struct list link;
	size_t at, len;
	uint8_t data[];
};

/* The frame being read. `got` counts payload bytes, thrown away or not. */
struct incoming {
	uint8_t raw[TTRPC_HEADER_SIZE];
	uint8_t raw_len;
	bool skip;
	struct ttrpc_header header;
	uint8_t *body;
	size_t cap, got;
};

struct conn {
	struct event event;
	struct event_base *base;
	int priority;
	short events; /* what `event` is added for; 0 when it is not */
	int fd;
	int broken; /* errno value; 0 while the connection is good */
	bool running, dead;
	const struct conn_ops *ops;
	void *arg;
	struct incoming in;
	struct list queue;
	size_t unsent, unsent_max;
};

int
conn_err_oversize(struct err *err, size_t len)
{
	return err_set(err, ERR_RESOURCE_EXHAUSTED, EMSGSIZE,
	    "message length %zu exceed maximum message size of %d", len,
	    TTRPC_PAYLOAD_MAX);
}

static void
conn_break(struct conn *conn, int sys)
{
	if (conn->broken)
		return;
	log_debug("ttrpc: connection on fd %d is lost: %s", conn->fd,
	    strerrordesc_np(sys));
	conn->broken = sys;
	if (!conn->running)
		event_active(&conn->event, EV_WRITE, 0);
}

/*
 * The only place that derives what to wait for. A connection that is not read
 * must still notice that its peer has gone.
 */
static short
conn_events(const struct conn *conn)
{
	int events = EV_PERSIST |
		     (conn->unsent < conn->unsent_max ? EV_READ : EV_CLOSED);

	if (!list_empty(&conn->queue))
		events |= EV_WRITE;
	return (short)events;
}

static void conn_on_event(evutil_socket_t fd, short what, void *arg);

static int
conn_listen(struct conn *conn, short events)
{
	if (event_assign(&conn->event, conn->base, conn->fd, events,
		conn_on_event, conn) < 0 ||
	    event_priority_set(&conn->event, conn->priority) < 0)
		return -EINVAL;
	if (event_add(&conn->event, NULL) < 0)
		return -ENOMEM;
	conn->events = events;
	return 0;
}

static void
conn_update(struct conn *conn)
{
	short events = conn_events(conn);

	if (conn->broken || events == conn->events)
		return;
	(void)event_del(&conn->event);
	int r = conn_listen(conn, events);
	if (r < 0)
		conn_break(conn, -r);
}

/* ---- reading ---- */

static void
incoming_skip(struct incoming *in)
{
	free(in->body);
	in->body = NULL;
	in->cap = 0;
	in->skip = true;
}

/* Makes room for at least one more byte of the body, at most for all of it. */
static void
incoming_grow(struct incoming *in)
{
	size_t cap = in->cap ? in->cap * 2 : BODY_MIN;

	if (cap > in->header.length)
		cap = in->header.length;
	uint8_t *body = realloc(in->body, cap);
	if (!body) {
		incoming_skip(in);
		return;
	}
	in->body = body;
	in->cap = cap;
}

static bool
incoming_in_body(const struct incoming *in)
{
	return in->raw_len == TTRPC_HEADER_SIZE;
}

static bool
incoming_complete(const struct incoming *in)
{
	return incoming_in_body(in) && in->got == in->header.length;
}

static void
incoming_reset(struct incoming *in)
{
	free(in->body);
	*in = (struct incoming){ 0 };
}

static size_t
incoming_take_header(struct incoming *in, const uint8_t *data, size_t len)
{
	size_t n = sizeof(in->raw) - in->raw_len;

	if (n > len)
		n = len;
	memcpy(in->raw + in->raw_len, data, n);
	in->raw_len = (uint8_t)(in->raw_len + n);
	if (incoming_in_body(in)) {
		ttrpc_header_decode(in->raw, &in->header);
		in->skip = in->header.length > TTRPC_PAYLOAD_MAX;
	}
	return n;
}

static size_t
incoming_take_body(struct incoming *in, const uint8_t *data, size_t len)
{
	size_t n = in->header.length - in->got;

	if (!in->skip && in->got == in->cap && n > 0)
		incoming_grow(in);
	if (!in->skip)
		n = in->cap - in->got;
	if (n > len)
		n = len;
	if (!in->skip && n > 0)
		memcpy(in->body + in->got, data, n);
	in->got += n;
	return n;
}

static void
conn_skipped(struct conn *conn, const struct ttrpc_header *header)
{
	struct err why;

	if (header->length > TTRPC_PAYLOAD_MAX)
		(void)conn_err_oversize(&why, header->length);
	else
		(void)err_set(&why, ERR_RESOURCE_EXHAUSTED, ENOMEM,
		    "no memory for a message of length %u", header->length);
	conn->ops->skipped(header, &why, conn->arg);
}

static void
conn_deliver(struct conn *conn)
{
	struct incoming *in = &conn->in;
	struct ttrpc_header header = in->header;
	bool skip = in->skip;
	cleanup_bytes struct bytes body = {
		.data = take_ptr(in->body),
		.len = skip ? 0 : in->got,
	};

	incoming_reset(in);
	if (skip)
		conn_skipped(conn, &header);
	else
		conn->ops->frame(&header, &body, conn->arg);
}

/* Takes bytes apart into frames, until they end or the connection does. */
static void
conn_feed(struct conn *conn, const uint8_t *data, size_t len)
{
	struct incoming *in = &conn->in;

	while (len > 0 && !conn->dead) {
		size_t n = incoming_in_body(in)
			       ? incoming_take_body(in, data, len)
			       : incoming_take_header(in, data, len);

		data += n;
		len -= n;
		if (incoming_complete(in))
			conn_deliver(conn);
	}
}

/* The rest of the body's buffer, to be read into directly. */
static struct iovec
incoming_room(struct incoming *in)
{
	struct iovec none = { 0 };

	if (!incoming_in_body(in) || in->skip)
		return none;
	if (in->got == in->cap)
		incoming_grow(in);
	if (in->skip)
		return none;
	return (struct iovec){ in->body + in->got, in->cap - in->got };
}

static void
conn_receive(struct conn *conn)
{
	uint8_t scratch[SCRATCH_SIZE];
	struct iovec iov[2] = {
		incoming_room(&conn->in),
		{ scratch, sizeof(scratch) },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = recvmsg(conn->fd, &msg, MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_break(conn, n < 0 ? errno : ESHUTDOWN);
		return;
	}
	size_t direct = (size_t)n < iov[0].iov_len ? (size_t)n : iov[0].iov_len;
	conn->in.got += direct;
	if (incoming_complete(&conn->in))
		conn_deliver(conn);
	conn_feed(conn, scratch, (size_t)n - direct);
}

/* ---- writing ---- */

/* Bytes written, 0 when the socket is full or has just failed. */
static size_t
conn_write(struct conn *conn, struct iovec *iov, size_t n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent >= 0)
		return (size_t)sent;
	if (errno != EAGAIN && errno != EINTR)
		conn_break(conn, errno);
	return 0;
}

static void
queue_advance(struct conn *conn, size_t sent)
{
	conn->unsent -= sent;
	while (sent > 0) {
		struct chunk *c =
		    list_entry(conn->queue.next, struct chunk, link);
		size_t n = c->len - c->at < sent ? c->len - c->at : sent;

		c->at += n;
		sent -= n;
		if (c->at < c->len)
			return;
		list_del(&c->link);
		free(c);
	}
}

static void
conn_flush(struct conn *conn)
{
	struct iovec iov[CHUNKS_AT_ONCE];
	size_t n = 0;

	list_for_each(l, tmp, &conn->queue)
	{
		struct chunk *c = list_entry(l, struct chunk, link);

		if (n == CHUNKS_AT_ONCE)
			break;
		iov[n++] = (struct iovec){ c->data + c->at, c->len - c->at };
	}
	if (n > 0)
		queue_advance(conn, conn_write(conn, iov, n));
}

/* Queues what is left of the parts after their first `sent` bytes. */
static void
conn_queue(struct conn *conn, const struct iovec *parts, size_t n, size_t sent)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += parts[i].iov_len;
	if (sent == total)
		return;
	struct chunk *c = malloc(sizeof(*c) + total - sent);
	if (!c) {
		/* A frame cut off or left out: the stream makes no sense. */
		conn_break(conn, ENOMEM);
		return;
	}
	c->at = c->len = 0;
	for (size_t i = 0; i < n; i++) {
		size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
		size_t len = parts[i].iov_len - skip;

		sent -= skip;
		if (len > 0)
			memcpy(c->data + c->len,
			    (const uint8_t *)parts[i].iov_base + skip, len);
		c->len += len;
	}
	list_add_tail(&conn->queue, &c->link);
	conn->unsent += c->len;
}

/* sendmsg(2) only reads, but struct iovec has no const. */
static struct iovec
part_of(const uint8_t *data, size_t len)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} u = { .in = data };

	return (struct iovec){ u.out, len };
}

void
conn_send(struct conn *conn, enum ttrpc_frame_type type, uint32_t stream,
    const uint8_t *head, size_t head_len, const uint8_t *data, size_t data_len)
{
	struct ttrpc_header header = {
		.length = (uint32_t)(head_len + data_len),
		.stream = stream,
		.type = (uint8_t)type,
	};
	uint8_t raw[TTRPC_HEADER_SIZE];
	struct iovec parts[] = {
		{ raw, sizeof(raw) },
		part_of(head, head_len),
		part_of(data, data_len),
	};
	size_t sent = 0;

	if (conn->broken)
		return;
	ttrpc_header_encode(&header, raw);
	if (list_empty(&conn->queue))
		sent = conn_write(conn, parts, 3);
	if (conn->broken)
		return;
	conn_queue(conn, parts, 3, sent);
	conn_update(conn);
}

size_t
conn_unsent(const struct conn *conn)
{
	return conn->broken ? 0 : conn->unsent;
}

/* ---- life ---- */

static void
conn_destroy(struct conn *conn)
{
	list_for_each(l, tmp, &conn->queue)
	    free(list_entry(l, struct chunk, link));
	incoming_reset(&conn->in);
	free(conn);
}

static void
conn_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd;
	conn->running = true;
	if (!conn->broken && (what & EV_WRITE))
		conn_flush(conn);
	if (!conn->broken && (what & EV_READ))
		conn_receive(conn);
	if (!conn->broken && (what & EV_CLOSED))
		conn_break(conn, ECONNRESET);
	conn_update(conn);
	conn->running = false;
	if (conn->dead) {
		conn_destroy(conn);
	} else if (conn->broken) {
		(void)event_del(&conn->event);
		conn->ops->closed(conn->arg);
	}
}

int
conn_new_consume(struct event_base *base, int priority, int fd,
    size_t unsent_max, const struct conn_ops *ops, void *arg, struct conn **ret,
    struct err *err)
{
	cleanup_close int owned = fd;
	cleanup_free struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return err_set_errno(err, ENOMEM, "ttrpc: new connection");
	*conn = (struct conn){
		.base = base,
		.priority = priority,
		.fd = fd,
		.ops = ops,
		.arg = arg,
		.unsent_max = unsent_max,
	};
	list_init(&conn->queue);
	int r = fd_set_nonblock(fd, true);
	if (r == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		r = -errno;
	if (r == 0)
		r = conn_listen(conn, conn_events(conn));
	if (r < 0)
		return err_set_errno(err, -r, "ttrpc: new connection");
	(void)take_fd(&owned);
	*ret = take_ptr(conn);
	return 0;
}

void
conn_free(struct conn *conn)
{
	if (!conn || conn->dead)
		return;
	conn->dead = true;
	conn->broken = ESHUTDOWN;
	(void)event_del(&conn->event);
	close_fd(&conn->fd);
	if (!conn->running)
		conn_destroy(conn);
}
