/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_TTRPC_H
#define TEST_UNIT_TTRPC_H

/*
 * The far end of a connection, for tests: writes bytes and compares what comes
 * back. Frames are put together here once more, independently of ipc/.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#define FRAME_MAX 4194304

/* A byte string that grows at its end. */
struct buf {
	uint8_t *data;
	size_t len;
};

static inline void
buf_put(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	b->data = realloc(b->data, b->len + len);
	assert_non_null(b->data);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void
buf_fill(struct buf *b, char c, size_t len)
{
	b->data = realloc(b->data, b->len + len);
	assert_non_null(b->data);
	memset(b->data + b->len, c, len);
	b->len += len;
}

static inline void
buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

static inline void
buf_varint(struct buf *b, uint64_t value)
{
	uint8_t byte;

	for (; value >= 0x80; value >>= 7) {
		byte = (uint8_t)(value | 0x80);
		buf_put(b, &byte, 1);
	}
	byte = (uint8_t)value;
	buf_put(b, &byte, 1);
}

/* A length-delimited protobuf field with a number below 16. */
static inline void
buf_field(struct buf *b, int number, const void *data, size_t len)
{
	buf_varint(b, (uint64_t)number * 8 + 2);
	buf_varint(b, len);
	buf_put(b, data, len);
}

static inline void
buf_header(struct buf *b, uint32_t len, uint32_t stream, int type, int flags)
{
	const uint8_t raw[] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len, (uint8_t)(stream >> 24),
		(uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
		(uint8_t)stream, (uint8_t)type, (uint8_t)flags };

	buf_put(b, raw, sizeof(raw));
}

static inline void
buf_frame(struct buf *b, uint32_t stream, int type, int flags, const void *body,
    size_t len)
{
	buf_header(b, (uint32_t)len, stream, type, flags);
	buf_put(b, body, len);
}

/* A Response frame with a status. */
static inline void
buf_status(struct buf *b, uint32_t stream, int code, const char *text)
{
	struct buf status = { 0 }, body = { 0 };

	buf_varint(&status, 1 * 8);
	buf_varint(&status, (uint64_t)code);
	buf_field(&status, 2, text, strlen(text));
	buf_field(&body, 1, status.data, status.len);
	buf_frame(b, stream, 2, 0, body.data, body.len);
	buf_clear(&status);
	buf_clear(&body);
}

/* A Response frame with a payload. */
static inline void
buf_reply(struct buf *b, uint32_t stream, const void *payload, size_t len)
{
	struct buf body = { 0 };

	if (len > 0)
		buf_field(&body, 2, payload, len);
	buf_frame(b, stream, 2, 0, body.data, body.len);
	buf_clear(&body);
}

/* ---- the far end ---- */

struct far {
	struct event_base *base;
	int fd;
	struct buf in; /* read and not compared yet */
	bool eof;
};

/* Runs the loop until nothing more is ready. */
static inline void
turn(struct event_base *base)
{
	assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static inline void
turns(struct event_base *base, int n)
{
	for (int i = 0; i < n; i++)
		turn(base);
}

/* Reads what is there; true when there was something or the end. */
static inline bool
far_read(struct far *far)
{
	static uint8_t chunk[65536];
	ssize_t n = recv(far->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n > 0)
		buf_put(&far->in, chunk, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		far->eof = true;
	return n > 0;
}

/* Writes all of it, turning the loop while the socket is full. */
static inline void
far_write(struct far *far, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (int idle = 0; len > 0 && idle < 1000;) {
		ssize_t n = send(far->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		idle = n > 0 ? 0 : idle + 1;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		if (len > 0)
			turn(far->base);
	}
	assert_int_equal(len, 0);
}

static inline void
far_write_buf(struct far *far, struct buf *b)
{
	far_write(far, b->data, b->len);
	buf_clear(b);
}

/* Turns the loop until n bytes have come; fails when they do not. */
static inline void
far_await(struct far *far, size_t n)
{
	for (int idle = 0; far->in.len < n && idle < 1000; idle++) {
		turn(far->base);
		if (far_read(far))
			idle = 0;
		if (far->eof)
			break;
	}
	if (far->in.len < n)
		fail_msg("%zu bytes came, not %zu%s", far->in.len, n,
		    far->eof ? ", then the end" : "");
}

/* The next bytes are these. Empties want. */
static inline void
far_expect(struct far *far, struct buf *want)
{
	far_await(far, want->len);
	assert_memory_equal(far->in.data, want->data, want->len);
	far->in.len -= want->len;
	memmove(far->in.data, far->in.data + want->len, far->in.len);
	buf_clear(want);
}

static inline void
far_expect_nothing(struct far *far)
{
	for (int i = 0; i < 10; i++) {
		turn(far->base);
		(void)far_read(far);
	}
	assert_int_equal(far->in.len, 0);
	assert_false(far->eof);
}

static inline void
far_expect_eof(struct far *far)
{
	for (int i = 0; i < 1000 && !far->eof; i++) {
		turn(far->base);
		(void)far_read(far);
	}
	assert_true(far->eof);
	assert_int_equal(far->in.len, 0);
}

static inline void
far_close(struct far *far)
{
	if (far->fd >= 0)
		(void)close(far->fd);
	far->fd = -1;
	buf_clear(&far->in);
}

#endif
