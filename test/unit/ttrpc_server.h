/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_TTRPC_SERVER_H
#define TEST_UNIT_TTRPC_SERVER_H

/*
 * A server with a few handlers and one connection to it, for the tests of the
 * server and of its calls.
 */
#include "test/unit/ttrpc.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "ipc/server.h"

#define SVC      "test.Svc"
#define HELD_MAX 64

static struct fixture {
	struct event_base *base;
	struct ttrpc_server *server;
	struct far far;
	struct ttrpc_call *held[HELD_MAX];
	size_t held_n;
	int calls; /* how often a handler ran */
	int calls_before_hold;
	int cancelled; /* how often a cancel function ran */
	enum err_code why;
	char ns[64];
} t;

/* ---- handlers ---- */

static inline void
on_echo(struct ttrpc_call *call, void *arg)
{
	size_t len;
	const uint8_t *payload = ttrpc_call_payload(call, &len);

	(void)arg;
	t.calls++;
	ttrpc_call_reply(call, payload, len);
}

static inline void
on_fail(struct ttrpc_call *call, void *arg)
{
	struct err err;

	(void)arg;
	(void)err_set(&err, ERR_NOT_FOUND, 0, "no such thing");
	ttrpc_call_fail(call, &err);
}

static inline void
on_hold(struct ttrpc_call *call, void *arg)
{
	(void)arg;
	t.calls_before_hold = t.calls++;
	assert_true(t.held_n < HELD_MAX);
	t.held[t.held_n++] = call;
}

/* Replies with as many bytes as the payload is long, times 2048. */
static inline void
on_blow_up(struct ttrpc_call *call, void *arg)
{
	size_t len;
	struct buf reply = { 0 };

	(void)arg;
	(void)ttrpc_call_payload(call, &len);
	buf_fill(&reply, 'b', len * 2048);
	ttrpc_call_reply(call, reply.data, reply.len);
	buf_clear(&reply);
}

static inline void
on_namespace(struct ttrpc_call *call, void *arg)
{
	const char *ns =
	    ttrpc_call_metadata(call, "containerd-namespace-ttrpc");

	(void)arg;
	(void)snprintf(t.ns, sizeof(t.ns), "%s/%s/%s", ns ? ns : "(none)",
	    ttrpc_call_service(call), ttrpc_call_method(call));
	ttrpc_call_reply(call, NULL, 0);
}

static inline void
on_free_server(struct ttrpc_call *call, void *arg)
{
	(void)arg;
	ttrpc_server_free(take_ptr(t.server));
	ttrpc_call_reply(call, (const uint8_t *)"late", 4);
}

static const struct ttrpc_method methods[] = {
	{ SVC, "Echo", on_echo },
	{ SVC, "Fail", on_fail },
	{ SVC, "Hold", on_hold },
	{ SVC, "BlowUp", on_blow_up },
	{ SVC, "FreeServer", on_free_server },
	{ "test.Other", "Namespace", on_namespace },
};

/* ---- set-up ---- */

static inline void
open_server(const struct ttrpc_server_limits *limits)
{
	int fds[2];

	assert_int_equal(ttrpc_server_new(t.base, 1, methods,
			     sizeof(methods) / sizeof(methods[0]), &t, limits,
			     &t.server, NULL),
	    0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(ttrpc_server_add_consume(t.server, fds[0], NULL), 0);
	t.far = (struct far){ .base = t.base, .fd = fds[1] };
}

static inline int
setup(void **state)
{
	struct ttrpc_server_limits limits = TTRPC_SERVER_LIMITS_DEFAULT;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.base = event_base_new();
	assert_non_null(t.base);
	assert_int_equal(event_base_priority_init(t.base, 3), 0);
	open_server(&limits);
	return 0;
}

/* For tests that want limits of their own. */
static inline void
reopen_server(size_t output_max, size_t calls_max, size_t input_max)
{
	struct ttrpc_server_limits limits = { .output_max = output_max,
		.calls_max = calls_max,
		.input_max = input_max };

	far_close(&t.far);
	ttrpc_server_free(t.server);
	open_server(&limits);
}

static inline void
answer_held(void)
{
	for (size_t i = 0; i < t.held_n; i++)
		ttrpc_call_reply(t.held[i], NULL, 0);
	t.held_n = 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	answer_held();
	ttrpc_server_free(t.server);
	far_close(&t.far);
	event_base_free(t.base);
	return 0;
}

/* ---- requests ---- */

static inline void
buf_request_full(struct buf *b, uint32_t stream, int flags, const char *service,
    const char *method, const void *payload, size_t len, int64_t timeout_ns)
{
	struct buf body = { 0 };

	buf_field(&body, 1, service, strlen(service));
	buf_field(&body, 2, method, strlen(method));
	if (len > 0)
		buf_field(&body, 3, payload, len);
	if (timeout_ns) {
		buf_varint(&body, 4 * 8);
		buf_varint(&body, (uint64_t)timeout_ns);
	}
	buf_frame(b, stream, 1, flags, body.data, body.len);
	buf_clear(&body);
}

static inline void
buf_request(
    struct buf *b, uint32_t stream, const char *method, const char *payload)
{
	buf_request_full(
	    b, stream, 0, SVC, method, payload, strlen(payload), 0);
}

static inline void
ask(uint32_t stream, const char *method, const char *payload)
{
	struct buf b = { 0 };

	buf_request(&b, stream, method, payload);
	far_write_buf(&t.far, &b);
}

static inline void
ask_with_timeout(uint32_t stream, const char *method, int64_t timeout_ns)
{
	struct buf b = { 0 };

	buf_request_full(&b, stream, 0, SVC, method, NULL, 0, timeout_ns);
	far_write_buf(&t.far, &b);
}

static inline void
expect_status(uint32_t stream, int code, const char *text)
{
	struct buf want = { 0 };

	buf_status(&want, stream, code, text);
	far_expect(&t.far, &want);
}

static inline void
expect_reply(uint32_t stream, const char *payload)
{
	struct buf want = { 0 };

	buf_reply(&want, stream, payload, strlen(payload));
	far_expect(&t.far, &want);
}

static inline void
await_calls(int n)
{
	for (int i = 0; i < 1000 && t.calls < n; i++)
		turn(t.base);
	assert_int_equal(t.calls, n);
}

static inline void
await_connections(size_t n)
{
	for (int i = 0; i < 1000 && ttrpc_server_connections(t.server) != n;
	     i++)
		turn(t.base);
	assert_int_equal(ttrpc_server_connections(t.server), n);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
