/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that outlive their deadline, their connection or their server.
 */
#include "test/unit/ttrpc_server.h"

#define FOREVER_NS INT64_C(3600000000000)

/* ---- cancelling ---- */

static void
on_cancel(struct ttrpc_call *call, enum err_code why, void *arg)
{
	assert_ptr_equal(arg, &t);
	assert_ptr_equal(call, t.held[0]);
	t.cancelled++;
	t.why = why;
}

static void
on_cancel_fail(struct ttrpc_call *call, enum err_code why, void *arg)
{
	struct err err;

	on_cancel(call, why, arg);
	(void)err_set(&err, why, 0, "given up");
	ttrpc_call_fail(call, &err);
	t.held_n = 0;
}

static void
on_cancel_free_server(struct ttrpc_call *call, enum err_code why, void *arg)
{
	on_cancel(call, why, arg);
	ttrpc_server_free(take_ptr(t.server));
}

static void
await_cancel(enum err_code why)
{
	while (t.cancelled == 0)
		assert_int_equal(event_base_loop(t.base, EVLOOP_ONCE), 0);
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 1);
	assert_int_equal(t.why, why);
}

static void
a_deadline_cancels_and_the_answer_still_arrives(void **state)
{
	(void)state;
	ask_with_timeout(1, "Hold", 1000000);
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel_fail, &t);
	assert_int_equal(t.cancelled, 0);
	await_cancel(ERR_DEADLINE_EXCEEDED);
	expect_status(1, 4, "given up");
}

static void
a_late_answer_after_a_deadline_arrives_too(void **state)
{
	(void)state;
	ask_with_timeout(1, "Hold", 1);
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	await_cancel(ERR_DEADLINE_EXCEEDED);
	/* Once is enough, even if asked for again or if the peer leaves. */
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 1);
	answer_held();
	expect_reply(1, "");
}

static void
a_negative_timeout_has_passed(void **state)
{
	(void)state;
	ask_with_timeout(1, "Hold", -FOREVER_NS);
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	await_cancel(ERR_DEADLINE_EXCEEDED);
}

static void
an_endless_timeout_is_none(void **state)
{
	(void)state;
	ask_with_timeout(1, "Hold", INT64_MAX);
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 0);
	answer_held();
	expect_reply(1, "");
}

static void
a_lost_connection_cancels(void **state)
{
	(void)state;
	ask_with_timeout(1, "Hold", FOREVER_NS);
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel_fail, &t);
	far_close(&t.far);
	await_cancel(ERR_CANCELED);
	await_connections(0);
}

static void
cancelling_may_be_asked_for_when_the_connection_is_gone(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	await_calls(1);
	far_close(&t.far);
	await_connections(0);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	assert_int_equal(t.cancelled, 0);
	await_cancel(ERR_CANCELED);
}

static void
a_registration_can_be_taken_back(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	ttrpc_call_on_cancel(t.held[0], NULL, NULL);
	far_close(&t.far);
	await_connections(0);
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 0);
}

/* Answers every call, so that the cancelling of the others has no object. */
static void
on_cancel_answer_all(struct ttrpc_call *call, enum err_code why, void *arg)
{
	on_cancel(call, why, arg);
	answer_held();
}

static void
a_cancel_function_may_answer_other_lost_calls(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	ask(3, "Hold", "");
	ask(5, "Hold", "");
	await_calls(3);
	for (size_t i = 0; i < 3; i++)
		ttrpc_call_on_cancel(t.held[i], on_cancel_answer_all, &t);
	far_close(&t.far);
	await_cancel(ERR_CANCELED);
}

/* ---- the server vanishes ---- */

static void
held_calls_outlive_the_server(void **state)
{
	(void)state;
	ask(1, "Hold", "payload");
	ask_with_timeout(3, "Hold", 1);
	await_calls(2);
	far_close(&t.far);
	await_connections(0);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	ttrpc_server_free(take_ptr(t.server));
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 0);
	ttrpc_call_on_cancel(t.held[1], on_cancel, &t);
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 0);
	size_t len;
	assert_memory_equal(ttrpc_call_payload(t.held[0], &len), "payload", 7);
	assert_string_equal(ttrpc_call_method(t.held[0]), "Hold");
}

static void
open_calls_outlive_the_server(void **state)
{
	(void)state;
	ask_with_timeout(1, "Hold", 1);
	await_calls(1);
	ttrpc_call_on_cancel(t.held[0], on_cancel, &t);
	ttrpc_server_free(take_ptr(t.server));
	turns(t.base, 5);
	assert_int_equal(t.cancelled, 0);
	far_expect_eof(&t.far);
}

static void
a_handler_may_free_the_server(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_request(&b, 1, "FreeServer", "");
	buf_request(&b, 3, "Echo", "never seen");
	far_write_buf(&t.far, &b);
	far_expect_eof(&t.far);
	assert_null(t.server);
	assert_int_equal(t.calls, 0);
}

static void
a_cancel_function_may_free_the_server(void **state)
{
	(void)state;
	ask(1, "Hold", "");
	ask(3, "Hold", "");
	await_calls(2);
	ttrpc_call_on_cancel(t.held[0], on_cancel_free_server, &t);
	far_close(&t.far);
	await_cancel(ERR_CANCELED);
	assert_null(t.server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_deadline_cancels_and_the_answer_still_arrives),
		test(a_late_answer_after_a_deadline_arrives_too),
		test(a_negative_timeout_has_passed),
		test(an_endless_timeout_is_none),
		test(a_lost_connection_cancels),
		test(cancelling_may_be_asked_for_when_the_connection_is_gone),
		test(a_registration_can_be_taken_back),
		test(a_cancel_function_may_answer_other_lost_calls),
		test(held_calls_outlive_the_server),
		test(open_calls_outlive_the_server),
		test(a_handler_may_free_the_server),
		test(a_cancel_function_may_free_the_server),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
