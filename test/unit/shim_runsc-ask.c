/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that end before they are asked; that the sandbox is asked, and how,
 * is for the shim's tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <event2/event.h>

#include "shim/runsc-ask.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

#define QUESTIONS 4

static struct shim shim;
static struct runsc_sandbox sandbox = { .shim = &shim };
static struct list asks;
static struct runsc_ask *ask[QUESTIONS];
static unsigned told[QUESTIONS], in_order[QUESTIONS], n_told;

static int
setup(void **state)
{
	(void)state;
	shim.base = event_base_new();
	list_init(&asks);
	n_told = 0;
	for (unsigned i = 0; i < QUESTIONS; i++)
		told[i] = 0;
	return !shim.base ||
	       event_base_priority_init(shim.base, PRIORITIES) < 0;
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(shim.base);
	return !list_empty(&asks);
}

static unsigned
number_of(const unsigned *counter)
{
	return (unsigned)(counter - told);
}

static void
on_cancelled(
    const struct runsc_answer *answer, const struct err *err, void *arg)
{
	unsigned *counter = arg;

	assert_null(answer);
	assert_int_equal(err->code, ERR_CANCELED);
	assert_int_equal(
	    runsc_ask_way(ask[number_of(counter)]), RUNSC_ASK_NOBODY);
	in_order[n_told++] = number_of(counter);
	++*counter;
}

/* It makes the next one superfluous. */
static void
on_cancelled_drop_next(
    const struct runsc_answer *answer, const struct err *err, void *arg)
{
	on_cancelled(answer, err, arg);
	runsc_ask_drop(ask[number_of(arg) + 1]);
}

static void
start(unsigned i, runsc_ask_fn *fn)
{
	struct runsc_ask_spec spec = { .method = "containerManager.Event",
		.arg = "\"c\"" };
	struct err err;

	assert_int_equal(runsc_ask_start(&sandbox, &asks, &spec, fn, &told[i],
			     &ask[i], &err),
	    0);
}

static void
test_cancel_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUESTIONS; i++)
		start(i, on_cancelled);
	runsc_ask_cancel_all(&asks);
	assert_int_equal(n_told, QUESTIONS);
	for (unsigned i = 0; i < QUESTIONS; i++)
		assert_int_equal(in_order[i], i);
	runsc_ask_cancel_all(&asks);
	assert_int_equal(n_told, QUESTIONS);
}

static void
test_cancel_all_drops_another(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUESTIONS; i++)
		start(i, i == 0 ? on_cancelled_drop_next : on_cancelled);
	runsc_ask_cancel_all(&asks);
	assert_int_equal(told[0], 1);
	assert_int_equal(told[1], 0);
	assert_int_equal(told[2], 1);
	assert_int_equal(told[3], 1);
}

static void
test_drop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUESTIONS; i++)
		start(i, on_cancelled);
	runsc_ask_drop(NULL);
	runsc_ask_drop(ask[1]);
	runsc_ask_cancel_all(&asks);
	assert_int_equal(n_told, QUESTIONS - 1);
	assert_int_equal(told[1], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_cancel_all, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_cancel_all_drops_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
