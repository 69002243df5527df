/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server, byte for byte, over socket pairs: what it answers by itself, what
 * handlers answer, limits, and peers that are slow, greedy or gone.
 */
#include "test/unit/ttrpc_server.h"

#include <malloc.h>
#include <sys/un.h>

/* ---- answers of handlers ---- */

static void
a_reply_is_these_bytes(void **state)
{
	static const uint8_t request[] = { 0, 0, 0, 0x14, 0, 0, 0, 1, 1, 0,
		0x0a, 8, 't', 'e', 's', 't', '.', 'S', 'v', 'c', 0x12, 4, 'E',
		'c', 'h', 'o', 0x1a, 2, 'h', 'i' };
	static const uint8_t reply[] = { 0, 0, 0, 4, 0, 0, 0, 1, 2, 0, 0x12, 2,
		'h', 'i' };
	struct buf want = { 0 };

	(void)state;
	far_write(&t.far, request, sizeof(request));
	buf_put(&want, reply, sizeof(reply));
	far_expect(&t.far, &want);
	far_expect_nothing(&t.far);
}

static void
an_empty_reply_is_an_empty_frame(void **state)
{
	static const uint8_t reply[] = { 0, 0, 0, 0, 0, 0, 0, 1, 2, 0 };
	struct buf want = { 0 };

	(void)state;
	ask(1, "Echo", "");
	buf_put(&want, reply, sizeof(reply));
	far_expect(&t.far, &want);
	far_expect_nothing(&t.far);
}

static void
a_failure_carries_code_and_text(void **state)
{
	(void)state;
	ask(1, "Fail", "");
	expect_status(1, 5, "no such thing");
}

static void
answers_come_in_any_order(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	ask(3, "Hold", "");
	ask(5, "Echo", "now");
	expect_reply(5, "now");
	ttrpc_call_reply(t.held[1], (const uint8_t *)"b", 1);
	expect_reply(3, "b");
	ttrpc_call_reply(t.held[0], (const uint8_t *)"a", 1);
	expect_reply(1, "a");
	t.held_n = 0;
}

static void
many_requests_at_once(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		buf_request(&b, 2 * i + 1, "Echo", "x");
	far_write_buf(&t.far, &b);
	for (uint32_t i = 0; i < 1000; i++)
		expect_reply(2 * i + 1, "x");
	far_expect_nothing(&t.far);
}

static void
metadata_is_found_without_regard_to_case(void **state)
{
	static const char key[] = "Containerd-Namespace-TTRPC";
	struct buf b = { 0 }, body = { 0 };

	(void)state;
	buf_field(&body, 1, "test.Other", 10);
	buf_field(&body, 2, "Namespace", 9);
	buf_put(&body, "\x2a\x06\x0a\x01k\x12\x01v", 8);
	for (int i = 0; i < 2; i++) {
		struct buf pair = { 0 };

		buf_field(&pair, 1, key, strlen(key));
		buf_field(&pair, 2, i == 0 ? "k8s.io" : "second", 6);
		buf_field(&body, 5, pair.data, pair.len);
		buf_clear(&pair);
	}
	buf_frame(&b, 1, 1, 0, body.data, body.len);
	buf_clear(&body);
	far_write_buf(&t.far, &b);
	expect_reply(1, "");
	assert_string_equal(t.ns, "k8s.io/test.Other/Namespace");
}

static void
absent_metadata_is_null(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_request_full(&b, 1, 0, "test.Other", "Namespace", NULL, 0, 0);
	far_write_buf(&t.far, &b);
	expect_reply(1, "");
	assert_string_equal(t.ns, "(none)/test.Other/Namespace");
}

/* ---- answers of the server itself ---- */

static void
an_oversized_frame_is_drained_and_answered(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_header(&b, FRAME_MAX + 1, 1, 1, 0);
	buf_fill(&b, 'x', FRAME_MAX);
	far_write_buf(&t.far, &b);
	far_expect_nothing(&t.far);
	far_write(&t.far, "x", 1);
	expect_status(1, 8,
	    "message length 4194305 exceed maximum message size of 4194304");
	/* The stream id was not used up by it. */
	ask(1, "Echo", "alive");
	expect_reply(1, "alive");
}

static void
the_size_is_checked_before_the_stream_id(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_header(&b, FRAME_MAX + 2, 2, 3, 0);
	buf_fill(&b, 'x', FRAME_MAX + 2);
	far_write_buf(&t.far, &b);
	expect_status(2, 8,
	    "message length 4194306 exceed maximum message size of 4194304");
}

static void
an_even_stream_id_is_refused_whatever_the_type(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int type = 0; type < 6; type++)
		buf_frame(&b, (uint32_t)type * 2, type, 0, "\xff", 1);
	far_write_buf(&t.far, &b);
	for (uint32_t type = 0; type < 6; type++)
		expect_status(type * 2, 3,
		    "StreamID must be odd for client initiated streams");
	far_expect_nothing(&t.far);
}

static void
stream_ids_must_grow(void **state)
{
	static const char text[] =
	    "StreamID cannot be re-used and must increment";

	(void)state;
	ask(5, "Echo", "a");
	expect_reply(5, "a");
	ask(5, "Echo", "a");
	expect_status(5, 3, text);
	ask(3, "Echo", "a");
	expect_status(3, 3, text);
	ask(UINT32_MAX, "Echo", "a");
	expect_reply(UINT32_MAX, "a");
	assert_int_equal(t.calls, 2);
}

static void
data_for_an_unknown_stream_is_refused(void **state)
{
	struct buf b = { 0 };

	(void)state;
	ask(1, "Echo", "a");
	expect_reply(1, "a");
	buf_frame(&b, 1, 3, 0, "x", 1);
	buf_frame(&b, 7, 3, 5, NULL, 0);
	far_write_buf(&t.far, &b);
	expect_status(1, 3, "StreamID is no longer active");
	expect_status(7, 3, "StreamID is no longer active");
	far_expect_nothing(&t.far);
}

static void
other_types_are_ignored(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_frame(&b, 1, 0, 0, "x", 1);
	buf_frame(&b, 1, 2, 0, "x", 1);
	buf_frame(&b, 1, 4, 0, NULL, 0);
	buf_frame(&b, 1, 255, 255, "xyz", 3);
	far_write_buf(&t.far, &b);
	far_expect_nothing(&t.far);
	ask(1, "Echo", "alive");
	expect_reply(1, "alive");
}

static void
a_request_that_does_not_decode_is_refused(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_frame(&b, 1, 1, 0, "\x0a\x7f", 2);
	buf_frame(&b, 3, 1, 0, "\x0a\x01\xff", 3);
	far_write_buf(&t.far, &b);
	expect_status(1, 3,
	    "unmarshal request error: "
	    "proto: cannot parse invalid wire-format data");
	expect_status(3, 3,
	    "unmarshal request error: string field contains invalid UTF-8");
	/* Its stream id counts as used all the same. */
	ask(3, "Echo", "");
	expect_status(3, 3, "StreamID cannot be re-used and must increment");
}

static void
unknown_services_and_methods_are_unimplemented(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_request_full(&b, 1, 0, "test.Nope", "Echo", NULL, 0, 0);
	buf_request_full(&b, 3, 0, SVC, "Nope", NULL, 0, 0);
	buf_request_full(&b, 5, 0, SVC, "Namespace", NULL, 0, 0);
	buf_request_full(&b, 7, 0, "test.Sv", "Echo", NULL, 0, 0);
	buf_frame(&b, 9, 1, 0, NULL, 0);
	far_write_buf(&t.far, &b);
	expect_status(1, 12, "service test.Nope");
	expect_status(3, 12, "method Nope");
	expect_status(5, 12, "method Namespace");
	expect_status(7, 12, "service test.Sv");
	expect_status(9, 12, "service ");
}

static void
a_long_unknown_name_is_cut_to_valid_text(void **state)
{
	struct buf b = { 0 }, name = { 0 }, text = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_put(&name, "\xc3\xa4", 2);
	buf_put(&name, "", 1);
	buf_request_full(&b, 1, 0, (const char *)name.data, "Echo", NULL, 0, 0);
	far_write_buf(&t.far, &b);
	/* "service " and 506 whole characters make 1020 bytes, then "...". */
	buf_put(&text, "service ", 8);
	buf_put(&text, name.data, 1012);
	buf_put(&text, "...", 4);
	expect_status(1, 12, (const char *)text.data);
	buf_clear(&name);
	buf_clear(&text);
}

static void
a_reply_that_is_too_large_fails_and_the_connection_lives(void **state)
{
	struct buf b = { 0 }, payload = { 0 };

	(void)state;
	buf_fill(&payload, 'p', 2048);
	buf_request_full(&b, 1, 0, SVC, "BlowUp", payload.data, payload.len, 0);
	far_write_buf(&t.far, &b);
	expect_status(1, 8,
	    "message length 4194309 exceed maximum message size of 4194304");
	ask(3, "Echo", "alive");
	expect_reply(3, "alive");
	buf_clear(&payload);
}

/* ---- streaming frames ---- */

static void
streaming_flags_on_a_unary_method_are_ignored(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_request_full(&b, 1, 0x01, SVC, "Echo", "a", 1, 0);
	buf_request_full(&b, 3, 0x02, SVC, "Echo", "b", 1, 0);
	buf_request_full(&b, 5, 0xff, SVC, "Echo", "c", 1, 0);
	far_write_buf(&t.far, &b);
	expect_reply(1, "a");
	expect_reply(3, "b");
	expect_reply(5, "c");
}

static void
data_on_an_open_unary_call_is_dropped(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_request_full(&b, 1, 0x02, SVC, "Hold", NULL, 0, 0);
	buf_frame(&b, 1, 3, 0, "\x0a\x01x", 3);
	buf_frame(&b, 1, 3, 5, NULL, 0);
	far_write_buf(&t.far, &b);
	far_expect_nothing(&t.far);
	answer_held();
	expect_reply(1, "");
	buf_frame(&b, 1, 3, 5, NULL, 0);
	far_write_buf(&t.far, &b);
	expect_status(1, 3, "StreamID is no longer active");
}

/* ---- peers that are slow, greedy or gone ---- */

static void
a_peer_may_dribble(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_request(&b, 1, "Echo", "drip");
	buf_frame(&b, 2, 1, 0, NULL, 0);
	buf_request(&b, 3, "Echo", "drop");
	for (size_t i = 0; i < b.len; i++) {
		far_write(&t.far, b.data + i, 1);
		turns(t.base, 2);
	}
	buf_clear(&b);
	expect_reply(1, "drip");
	expect_status(
	    2, 3, "StreamID must be odd for client initiated streams");
	expect_reply(3, "drop");
}

static void
the_largest_frames_go_both_ways(void **state)
{
	struct buf b = { 0 }, payload = { 0 }, want = { 0 };

	(void)state;
	/* The request's envelope takes 21 bytes: 10 + 6 + 5. */
	for (size_t i = 0; i < FRAME_MAX - 21; i++) {
		if (payload.len == i)
			buf_fill(&payload, 0, 65536);
		payload.data[i] = (uint8_t)(i * 2654435761u >> 13);
	}
	payload.len = FRAME_MAX - 21;
	buf_request_full(&b, 1, 0, SVC, "Echo", payload.data, payload.len, 0);
	assert_int_equal(b.len, 10 + FRAME_MAX);
	far_write_buf(&t.far, &b);
	buf_reply(&want, 1, payload.data, payload.len);
	buf_clear(&payload);
	await_calls(1);
	assert_false(ttrpc_server_flushed(t.server));
	far_expect(&t.far, &want);
	assert_true(ttrpc_server_flushed(t.server));
}

static size_t
bytes_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void
an_announced_length_costs_nothing(void **state)
{
	struct buf b = { 0 };
	size_t before;

	(void)state;
	buf_header(&b, FRAME_MAX, 1, 1, 0);
	buf_put(&b, "x", 1);
	before = bytes_in_use();
	far_write(&t.far, b.data, b.len);
	turns(t.base, 10);
	assert_true(bytes_in_use() < before + 8192);
	buf_clear(&b);
}

static void
an_idle_connection_keeps_no_buffers(void **state)
{
	struct buf b = { 0 }, payload = { 0 }, want = { 0 };
	size_t before;

	(void)state;
	ask(1, "Echo", "warm up");
	expect_reply(1, "warm up");
	buf_clear(&t.far.in);
	before = bytes_in_use();
	buf_fill(&payload, 'p', 1 << 20);
	buf_request_full(&b, 3, 0, SVC, "Echo", payload.data, payload.len, 0);
	far_write_buf(&t.far, &b);
	buf_reply(&want, 3, payload.data, payload.len);
	buf_clear(&payload);
	far_expect(&t.far, &want);
	buf_clear(&t.far.in);
	assert_true(bytes_in_use() <= before + 256);
}

static void
a_peer_that_does_not_read_is_not_read_from(void **state)
{
	struct buf b = { 0 };
	uint32_t sent = 0;
	char payload[2001];
	int done;

	(void)state;
	reopen_server(65536, 1000, 1 << 20);
	memset(payload, 'p', sizeof(payload) - 1);
	payload[sizeof(payload) - 1] = '\0';
	buf_request(&b, 1, "Echo", payload);
	for (int idle = 0; idle < 100; idle++) {
		if (send(t.far.fd, b.data, b.len, MSG_DONTWAIT) ==
		    (ssize_t)b.len) {
			sent++;
			buf_clear(&b);
			buf_request(&b, 2 * sent + 1, "Echo", payload);
			idle = 0;
		}
		turn(t.base);
	}
	done = t.calls;
	turns(t.base, 100);
	assert_int_equal(t.calls, done);
	assert_true((uint32_t)done < sent);
	buf_clear(&b);
	for (uint32_t i = 0; i < sent; i++)
		expect_reply(2 * i + 1, payload);
	assert_int_equal(t.calls, sent);
}

static void
too_many_calls_are_refused(void **state)
{
	(void)state;
	reopen_server(65536, 2, 65536);
	ask(1, "Hold", "");
	ask(3, "Hold", "");
	ask(5, "Echo", "");
	expect_status(5, 8, "too many outstanding calls on this connection: 2");
	answer_held();
	expect_reply(1, "");
	expect_reply(3, "");
	ask(7, "Echo", "again");
	expect_reply(7, "again");
}

static void
too_large_calls_are_refused(void **state)
{
	(void)state;
	reopen_server(65536, 100, 50);
	ask(1, "Hold", "123456789012345678901234");
	ask(3, "Echo", "1234");
	expect_status(3, 8,
	    "outstanding calls on this connection are too large: 42 bytes");
	answer_held();
	expect_reply(1, "");
	ask(5, "Echo", "1234");
	expect_reply(5, "1234");
}

static void
no_peer_starves_another(void **state)
{
	struct buf b = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(ttrpc_server_add_consume(t.server, fds[0], NULL), 0);
	struct far other = { .base = t.base, .fd = fds[1] };
	for (uint32_t i = 0; i < 1000; i++)
		buf_request(&b, 2 * i + 1, "Echo", "busy");
	assert_true(
	    send(t.far.fd, b.data, b.len, MSG_DONTWAIT) == (ssize_t)b.len);
	buf_clear(&b);
	buf_request(&b, 1, "Hold", "");
	assert_true(
	    send(other.fd, b.data, b.len, MSG_DONTWAIT) == (ssize_t)b.len);
	buf_clear(&b);
	await_calls(1001);
	assert_true(t.calls_before_hold < 500);
	far_close(&other);
}

static void
the_end_in_the_middle_of_a_frame_closes(void **state)
{
	(void)state;
	far_write(&t.far, "\0\0\0\x09\0\0\0\1\1\0half", 14);
	turns(t.base, 3);
	far_close(&t.far);
	await_connections(0);
}

static void
a_half_closed_connection_is_closed(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	await_calls(1);
	assert_int_equal(shutdown(t.far.fd, SHUT_WR), 0);
	far_expect_eof(&t.far);
	await_connections(0);
}

static void
a_peer_that_is_not_read_from_may_still_leave(void **state)
{
	struct buf b = { 0 };

	(void)state;
	reopen_server(1, 100, 1 << 20);
	buf_request(
	    &b, 1, "BlowUp", "some hundred kilobytes of reply for this");
	far_write_buf(&t.far, &b);
	for (uint32_t i = 3; ttrpc_server_flushed(t.server); i += 2)
		ask(i, "BlowUp", "some hundred kilobytes of reply for this");
	far_close(&t.far);
	await_connections(0);
}

static void
a_reply_to_a_peer_that_has_gone_is_no_trouble(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	ask(3, "Hold", "");
	await_calls(2);
	far_close(&t.far);
	/* The server does not know yet: this write fails. */
	ttrpc_call_reply(t.held[0], (const uint8_t *)"x", 1);
	assert_int_equal(ttrpc_server_connections(t.server), 1);
	await_connections(0);
	/* Now it does. */
	ttrpc_call_reply(t.held[1], (const uint8_t *)"x", 1);
	t.held_n = 0;
	assert_true(ttrpc_server_flushed(t.server));
}

static void
random_bytes_do_no_harm(void **state)
{
	uint32_t x = 1;
	uint8_t noise[4096];

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(noise); i++) {
			x = x * 1664525 + 1013904223;
			noise[i] = (uint8_t)(x >> 24);
		}
		/* Lengths that end somewhere in the noise. */
		noise[0] = noise[1] = 0;
		far_write(&t.far, noise, sizeof(noise));
		turns(t.base, 3);
		while (far_read(&t.far))
			;
	}
	assert_false(t.far.eof);
}

/* ---- listening ---- */

static void
listens_until_told_to_stop(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa.sun_family);

	(void)state;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* The kernel picks a name. */
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	len = sizeof(sa);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(ttrpc_server_listen_consume(t.server, fd, NULL), 0);
	far_close(&t.far);
	t.far.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(t.far.fd, (struct sockaddr *)&sa, len), 0);
	ask(1, "Echo", "in");
	expect_reply(1, "in");
	ttrpc_server_stop_listening(t.server);
	int late = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(late, (struct sockaddr *)&sa, len), -1);
	assert_int_equal(errno, ECONNREFUSED);
	(void)close(late);
	ask(3, "Echo", "still in");
	expect_reply(3, "still in");
}

static void
bad_descriptors_are_refused(void **state)
{
	struct err err;

	(void)state;
	assert_true(ttrpc_server_add_consume(t.server, -1, &err) < 0);
	assert_true(ttrpc_server_listen_consume(t.server, -1, &err) < 0);
	assert_int_equal(ttrpc_server_connections(t.server), 1);
	ttrpc_server_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_reply_is_these_bytes),
		test(an_empty_reply_is_an_empty_frame),
		test(a_failure_carries_code_and_text),
		test(answers_come_in_any_order),
		test(many_requests_at_once),
		test(metadata_is_found_without_regard_to_case),
		test(absent_metadata_is_null),
		test(an_oversized_frame_is_drained_and_answered),
		test(the_size_is_checked_before_the_stream_id),
		test(an_even_stream_id_is_refused_whatever_the_type),
		test(stream_ids_must_grow),
		test(data_for_an_unknown_stream_is_refused),
		test(other_types_are_ignored),
		test(a_request_that_does_not_decode_is_refused),
		test(unknown_services_and_methods_are_unimplemented),
		test(a_long_unknown_name_is_cut_to_valid_text),
		test(a_reply_that_is_too_large_fails_and_the_connection_lives),
		test(streaming_flags_on_a_unary_method_are_ignored),
		test(data_on_an_open_unary_call_is_dropped),
		test(a_peer_may_dribble),
		test(the_largest_frames_go_both_ways),
		test(an_announced_length_costs_nothing),
		test(an_idle_connection_keeps_no_buffers),
		test(a_peer_that_does_not_read_is_not_read_from),
		test(too_many_calls_are_refused),
		test(too_large_calls_are_refused),
		test(no_peer_starves_another),
		test(the_end_in_the_middle_of_a_frame_closes),
		test(a_half_closed_connection_is_closed),
		test(a_peer_that_is_not_read_from_may_still_leave),
		test(a_reply_to_a_peer_that_has_gone_is_no_trouble),
		test(random_bytes_do_no_harm),
		test(listens_until_told_to_stop),
		test(bad_descriptors_are_refused),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
