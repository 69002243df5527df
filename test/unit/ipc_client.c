/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client, byte for byte, against a server that is played by the test.
 */
#include "test/unit/ttrpc.h"

#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ipc/client.h"

#define FOREVER_NS INT64_C(3600000000000)

/* What one reply function was told. */
struct outcome {
	int n;
	bool failed;
	struct err err;
	char payload[32];
	size_t len;
};

static struct fixture {
	struct event_base *base;
	struct ttrpc_client *client;
	struct far far;
	int listener;
	struct sockaddr_un sa;
	socklen_t sa_len;
	char address[128]; /* "@name" */
	struct outcome out[4];
} t;

static void
on_reply(const struct err *err, const uint8_t *payload, size_t len, void *arg)
{
	struct outcome *out = arg;

	out->n++;
	out->failed = err;
	if (err)
		out->err = *err;
	assert_non_null(payload);
	out->len = len;
	memcpy(out->payload, payload,
	    len < sizeof(out->payload) ? len : sizeof(out->payload));
}

static void
listen_somewhere(void)
{
	t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(t.listener >= 0);
	t.sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	t.sa_len = sizeof(t.sa.sun_family);
	/* The kernel picks an abstract name of five characters. */
	assert_int_equal(
	    bind(t.listener, (struct sockaddr *)&t.sa, t.sa_len), 0);
	t.sa_len = sizeof(t.sa);
	assert_int_equal(
	    getsockname(t.listener, (struct sockaddr *)&t.sa, &t.sa_len), 0);
	assert_int_equal(listen(t.listener, 4), 0);
	(void)snprintf(
	    t.address, sizeof(t.address), "@%.5s", t.sa.sun_path + 1);
}

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.base = event_base_new();
	assert_non_null(t.base);
	assert_int_equal(event_base_priority_init(t.base, 3), 0);
	listen_somewhere();
	assert_int_equal(
	    ttrpc_client_connect(t.base, 2, t.address, &t.client, NULL), 0);
	t.far = (struct far){ .base = t.base,
		.fd = accept4(t.listener, NULL, NULL, SOCK_CLOEXEC) };
	assert_true(t.far.fd >= 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ttrpc_client_free(t.client);
	far_close(&t.far);
	close_fd(&t.listener);
	event_base_free(t.base);
	return 0;
}

/* ---- asking ---- */

static int
call_raw(
    int i, const void *payload, size_t len, int64_t timeout_ns, struct err *err)
{
	return ttrpc_client_call(t.client, "svc", "mm", NULL, payload, len,
	    timeout_ns, on_reply, &t.out[i], err);
}

/* Calls, and lets the far end read the request of `want` bytes. */
static void
call(int i, int64_t timeout_ns, size_t want)
{
	assert_int_equal(call_raw(i, "hi", 2, timeout_ns, NULL), 0);
	far_await(&t.far, want);
	assert_int_equal(t.far.in.len, want);
	buf_clear(&t.far.in);
}

#define REQUEST_SIZE 23 /* of call() without a timeout */

static void
answer(struct buf *b)
{
	far_write_buf(&t.far, b);
	turn(t.base);
}

static void
assert_failed(int i, enum err_code code, const char *text)
{
	assert_int_equal(t.out[i].n, 1);
	assert_true(t.out[i].failed);
	assert_int_equal(t.out[i].err.code, code);
	assert_string_equal(t.out[i].err.msg, text);
	assert_int_equal(t.out[i].len, 0);
}

static void
assert_replied(int i, const char *payload)
{
	assert_int_equal(t.out[i].n, 1);
	assert_false(t.out[i].failed);
	assert_int_equal(t.out[i].len, strlen(payload));
	assert_memory_equal(t.out[i].payload, payload, strlen(payload));
}

static void
requests_are_these_bytes(void **state)
{
	static const char first[] = "\0\0\0\x0d\0\0\0\1\1\0"
				    "\x0a\3svc\x12\2mm\x1a\2hi";
	static const char second[] = "\0\0\0\x2f\0\0\0\3\1\0"
				     "\x0a\3svc\x12\2mm\x20\xac\x02"
				     "\x2a\x21\x0a\x1a"
				     "containerd-namespace-ttrpc\x12\3k8s";
	struct buf want = { 0 };

	(void)state;
	assert_int_equal(call_raw(0, "hi", 2, 0, NULL), 0);
	buf_put(&want, first, sizeof(first) - 1);
	far_expect(&t.far, &want);
	assert_int_equal(ttrpc_client_call(t.client, "svc", "mm", "k8s", NULL,
			     0, 300, on_reply, &t.out[1], NULL),
	    0);
	buf_put(&want, second, sizeof(second) - 1);
	far_expect(&t.far, &want);
	assert_int_equal(t.out[0].n, 0);
}

/* ---- outcomes ---- */

static void
replies_find_their_calls(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		call(i, 0, REQUEST_SIZE);
	buf_reply(&b, 3, "two", 3);
	buf_reply(&b, 5, NULL, 0);
	answer(&b);
	assert_int_equal(t.out[0].n, 0);
	assert_replied(1, "two");
	assert_replied(2, "");
	buf_reply(&b, 1, "one", 3);
	answer(&b);
	assert_replied(0, "one");
}

static void
both_empty_replies_are_taken(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 0, REQUEST_SIZE);
	call(1, 0, REQUEST_SIZE);
	buf_frame(&b, 1, 2, 0, "\x12\0", 2);
	buf_frame(&b, 3, 2, 0, "\x0a\0", 2);
	answer(&b);
	assert_replied(0, "");
	assert_replied(1, "");
}

static void
a_status_is_an_error(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 0, REQUEST_SIZE);
	call(1, 0, REQUEST_SIZE);
	buf_status(&b, 1, 3, "bad envelope: invalid argument");
	/* A code of which base/err.h knows nothing. */
	buf_status(&b, 3, 16, "who are you");
	answer(&b);
	assert_failed(
	    0, ERR_INVALID_ARGUMENT, "bad envelope: invalid argument");
	assert_failed(1, ERR_UNKNOWN, "who are you");
}

static void
a_reply_that_does_not_decode_is_an_error(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 0, REQUEST_SIZE);
	call(1, 0, REQUEST_SIZE);
	buf_frame(&b, 1, 2, 0, "\x0a\x70", 2);
	buf_frame(&b, 3, 3, 0, NULL, 0);
	answer(&b);
	assert_failed(0, ERR_INTERNAL,
	    "ttrpc: unmarshal response error: "
	    "proto: cannot parse invalid wire-format data");
	assert_failed(1, ERR_INTERNAL,
	    "ttrpc: unexpected message of type 3: protocol error");
	assert_true(ttrpc_client_alive(t.client));
}

static void
an_oversized_reply_fails_its_call_only(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 0, REQUEST_SIZE);
	call(1, 0, REQUEST_SIZE);
	buf_header(&b, FRAME_MAX + 1, 1, 2, 0);
	buf_fill(&b, 'x', FRAME_MAX + 1);
	buf_reply(&b, 3, "fine", 4);
	answer(&b);
	assert_failed(0, ERR_RESOURCE_EXHAUSTED,
	    "message length 4194305 exceed maximum message size of 4194304");
	assert_replied(1, "fine");
}

static void
answers_to_nobody_are_dropped(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 0, REQUEST_SIZE);
	buf_reply(&b, 2, "even", 4);
	buf_reply(&b, 77, "unknown", 7);
	buf_header(&b, FRAME_MAX + 1, 77, 2, 0);
	buf_fill(&b, 'x', FRAME_MAX + 1);
	buf_reply(&b, 1, "mine", 4);
	buf_reply(&b, 1, "twice", 5);
	answer(&b);
	assert_replied(0, "mine");
}

static void
a_reply_may_dribble(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 0, REQUEST_SIZE);
	buf_reply(&b, 1, "drip", 4);
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(t.out[0].n, 0);
		far_write(&t.far, b.data + i, 1);
		turn(t.base);
	}
	buf_clear(&b);
	assert_replied(0, "drip");
}

/* ---- deadlines ---- */

static void
a_deadline_passes_once(void **state)
{
	struct buf b = { 0 };

	(void)state;
	call(0, 1, REQUEST_SIZE + 2);
	call(1, FOREVER_NS, REQUEST_SIZE + 7);
	while (t.out[0].n == 0)
		assert_int_equal(event_base_loop(t.base, EVLOOP_ONCE), 0);
	assert_failed(0, ERR_DEADLINE_EXCEEDED, "context deadline exceeded");
	buf_reply(&b, 1, "late", 4);
	buf_reply(&b, 3, "in time", 7);
	answer(&b);
	assert_int_equal(t.out[0].n, 1);
	assert_replied(1, "in time");
}

static void
a_negative_timeout_is_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(call_raw(0, NULL, 0, -1, &err), -EINVAL);
	turn(t.base);
	assert_int_equal(t.out[0].n, 0);
}

/* ---- loss ---- */

static void
a_lost_connection_fails_all_calls(void **state)
{
	struct err err;

	(void)state;
	call(0, 0, REQUEST_SIZE);
	call(1, FOREVER_NS, REQUEST_SIZE + 7);
	far_close(&t.far);
	assert_true(ttrpc_client_alive(t.client));
	turn(t.base);
	assert_failed(0, ERR_UNAVAILABLE, "ttrpc: closed");
	assert_failed(1, ERR_UNAVAILABLE, "ttrpc: closed");
	assert_false(ttrpc_client_alive(t.client));
	assert_true(call_raw(2, NULL, 0, 0, &err) < 0);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_string_equal(err.msg, "ttrpc: closed");
	assert_int_equal(t.out[2].n, 0);
}

static void
a_write_that_fails_is_told_later(void **state)
{
	(void)state;
	far_close(&t.far);
	assert_int_equal(call_raw(0, NULL, 0, 0, NULL), 0);
	assert_int_equal(call_raw(1, NULL, 0, 0, NULL), 0);
	assert_int_equal(t.out[0].n, 0);
	turn(t.base);
	assert_failed(0, ERR_UNAVAILABLE, "ttrpc: closed");
	assert_failed(1, ERR_UNAVAILABLE, "ttrpc: closed");
}

static void
freeing_answers_what_is_open(void **state)
{
	(void)state;
	call(0, FOREVER_NS, REQUEST_SIZE + 7);
	ttrpc_client_free(take_ptr(t.client));
	assert_failed(0, ERR_UNAVAILABLE, "ttrpc: closed");
	far_expect_eof(&t.far);
	ttrpc_client_free(NULL);
}

static void
on_reply_free(
    const struct err *err, const uint8_t *payload, size_t len, void *arg)
{
	on_reply(err, payload, len, arg);
	ttrpc_client_free(take_ptr(t.client));
}

static void
a_reply_function_may_free_the_client(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(ttrpc_client_call(t.client, "svc", "mm", NULL, NULL, 0,
			     0, on_reply_free, &t.out[0], NULL),
	    0);
	assert_int_equal(call_raw(1, NULL, 0, 0, NULL), 0);
	buf_reply(&b, 1, "end", 3);
	buf_reply(&b, 3, "unseen", 6);
	answer(&b);
	assert_replied(0, "end");
	assert_failed(1, ERR_UNAVAILABLE, "ttrpc: closed");
}

static void
so_may_one_that_learns_of_a_loss(void **state)
{
	(void)state;
	assert_int_equal(ttrpc_client_call(t.client, "svc", "mm", NULL, NULL, 0,
			     0, on_reply_free, &t.out[0], NULL),
	    0);
	assert_int_equal(call_raw(1, NULL, 0, 0, NULL), 0);
	far_close(&t.far);
	turn(t.base);
	assert_failed(0, ERR_UNAVAILABLE, "ttrpc: closed");
	assert_failed(1, ERR_UNAVAILABLE, "ttrpc: closed");
}

static void
on_reply_call_again(
    const struct err *err, const uint8_t *payload, size_t len, void *arg)
{
	on_reply(err, payload, len, arg);
	assert_int_equal(call_raw(1, "hi", 2, 0, NULL), 0);
}

static void
a_reply_function_may_call_again(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(ttrpc_client_call(t.client, "svc", "mm", NULL, NULL, 0,
			     0, on_reply_call_again, &t.out[0], NULL),
	    0);
	buf_reply(&b, 1, "one", 3);
	answer(&b);
	buf_reply(&b, 3, "two", 3);
	answer(&b);
	assert_replied(0, "one");
	assert_replied(1, "two");
}

/* ---- limits ---- */

static void
a_request_that_is_too_large_is_refused(void **state)
{
	struct buf big = { 0 };
	struct err err;

	(void)state;
	buf_fill(&big, 'x', FRAME_MAX - 14 + 1);
	/* The envelope takes 14 bytes: 5 + 4 + 5. */
	assert_true(call_raw(0, big.data, big.len, 0, &err) < 0);
	assert_int_equal(err.code, ERR_RESOURCE_EXHAUSTED);
	assert_string_equal(err.msg,
	    "message length 4194305 exceed maximum message size of 4194304");
	assert_int_equal(call_raw(0, big.data, big.len - 1, 0, NULL), 0);
	buf_clear(&big);
	far_await(&t.far, 10 + FRAME_MAX);
	assert_memory_equal(t.far.in.data, "\0\x40\0\0\0\0\0\1\1\0", 10);
}

static void
a_server_that_does_not_read_costs_a_bounded_amount(void **state)
{
	struct buf big = { 0 };
	struct err err;
	size_t queued = 0;

	(void)state;
	buf_fill(&big, 'x', 1 << 20);
	while (call_raw(0, big.data, big.len, 0, &err) == 0)
		queued += big.len;
	assert_int_equal(err.code, ERR_RESOURCE_EXHAUSTED);
	assert_true(queued < TTRPC_CLIENT_UNSENT_MAX + 3 * big.len);
	assert_int_equal(t.out[0].n, 0);
	buf_clear(&big);
}

/* ---- addresses ---- */

static void
connects_by_path(void **state)
{
	char dir[] = "/tmp/ttrpc-client-XXXXXX";
	char address[64];
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct ttrpc_client *client;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(
	    ttrpc_client_connect(t.base, 2, sa.sun_path, &client, NULL), 0);
	ttrpc_client_free(client);
	(void)snprintf(address, sizeof(address), "unix://%s/s", dir);
	assert_int_equal(
	    ttrpc_client_connect(t.base, 2, address, &client, NULL), 0);
	ttrpc_client_free(client);
	(void)close(fd);
	(void)unlink(sa.sun_path);
	(void)rmdir(dir);
}

static void
assert_unreachable(const char *address, int sys, enum err_code code)
{
	struct ttrpc_client *client = NULL;
	struct err err;

	assert_int_equal(
	    ttrpc_client_connect(t.base, 2, address, &client, &err), -sys);
	assert_int_equal(err.code, code);
	assert_null(client);
}

static void
addresses_that_lead_nowhere(void **state)
{
	char path[109];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_unreachable("/nonexistent/s", ENOENT, ERR_UNAVAILABLE);
	assert_unreachable("unix:///nonexistent/s", ENOENT, ERR_UNAVAILABLE);
	assert_unreachable("", EINVAL, ERR_INVALID_ARGUMENT);
	assert_unreachable("unix://", EINVAL, ERR_INVALID_ARGUMENT);
	/* 108 bytes do not fit as a path, which has a NUL. */
	assert_unreachable(path, ENAMETOOLONG, ERR_INVALID_ARGUMENT);
	path[0] = '@';
	assert_unreachable(path, ECONNREFUSED, ERR_UNAVAILABLE);
	close_fd(&t.listener);
	assert_unreachable(t.address, ECONNREFUSED, ERR_UNAVAILABLE);
}

static void
a_full_backlog_is_told_at_once(void **state)
{
	struct ttrpc_client *clients[16];
	size_t n = 0;
	struct err err;
	int r;

	(void)state;
	while ((r = ttrpc_client_connect(
		    t.base, 2, t.address, &clients[n], &err)) == 0) {
		n++;
		assert_true(n < 16);
	}
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	while (n > 0)
		ttrpc_client_free(clients[--n]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(requests_are_these_bytes),
		test(replies_find_their_calls),
		test(both_empty_replies_are_taken),
		test(a_status_is_an_error),
		test(a_reply_that_does_not_decode_is_an_error),
		test(an_oversized_reply_fails_its_call_only),
		test(answers_to_nobody_are_dropped),
		test(a_reply_may_dribble),
		test(a_deadline_passes_once),
		test(a_negative_timeout_is_refused),
		test(a_lost_connection_fails_all_calls),
		test(a_write_that_fails_is_told_later),
		test(freeing_answers_what_is_open),
		test(a_reply_function_may_free_the_client),
		test(so_may_one_that_learns_of_a_loss),
		test(a_reply_function_may_call_again),
		test(a_request_that_is_too_large_is_refused),
		test(a_server_that_does_not_read_costs_a_bounded_amount),
		test(connects_by_path),
		test(addresses_that_lead_nowhere),
		test(a_full_backlog_is_told_at_once),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
