/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All walks of the sandbox's machine, and what must hold on each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsm/sandbox.h"

/* Its process lives in these. */
static bool
has_process(enum fsm_sandbox_state state)
{
	return state == FSM_SANDBOX_READY || state == FSM_SANDBOX_STOPPING;
}

/* An event that can come in a state. */
static bool
can_come(enum fsm_sandbox_state state, enum fsm_sandbox_event event)
{
	return event != FSM_SANDBOX_EV_EXITED || has_process(state);
}

/* What must hold of a step: nobody is left waiting, nothing runs unseen. */
static void
check(enum fsm_sandbox_state state, enum fsm_sandbox_event event,
    struct fsm_sandbox_step step)
{
	bool kept =
	    step.action == FSM_SANDBOX_KEEP || step.action == FSM_SANDBOX_KILL;

	assert_int_not_equal(step.action, FSM_SANDBOX_BUG);
	/* A process comes by SPAWN and goes by its exit, and no other way. */
	assert_int_equal(!has_process(state) && has_process(step.next),
	    step.action == FSM_SANDBOX_SPAWN);
	if (has_process(state) && !has_process(step.next))
		assert_int_equal(event, FSM_SANDBOX_EV_EXITED);
	/* What is kept is woken when the end comes. */
	if (kept)
		assert_int_not_equal(step.next, FSM_SANDBOX_STOPPED);
	if (step.next == FSM_SANDBOX_STOPPED && state != FSM_SANDBOX_STOPPED)
		assert_int_equal(step.action, FSM_SANDBOX_WAKE);
	/* There is no way back from the end. */
	if (state == FSM_SANDBOX_STOPPED)
		assert_int_equal(step.next, FSM_SANDBOX_STOPPED);
	if (event == FSM_SANDBOX_EV_START && state != FSM_SANDBOX_CREATED)
		assert_int_equal(step.action, FSM_SANDBOX_REFUSE);
}

static void
walk(enum fsm_sandbox_state state, int left, bool seen[FSM_SANDBOX_STATES])
{
	seen[state] = true;
	for (int e = 0; left > 0 && e < FSM_SANDBOX_EVENTS; e++) {
		enum fsm_sandbox_event event = (enum fsm_sandbox_event)e;
		struct fsm_sandbox_step step = fsm_sandbox_step(state, event);

		if (!can_come(state, event)) {
			assert_int_equal(step.action, FSM_SANDBOX_BUG);
			assert_int_equal(step.next, state);
			continue;
		}
		check(state, event, step);
		walk(step.next, left - 1, seen);
	}
}

static void
test_all_walks(void **state)
{
	bool seen[FSM_SANDBOX_STATES] = { false };

	(void)state;
	walk(FSM_SANDBOX_CREATED, 7, seen);
	for (int s = 0; s < FSM_SANDBOX_STATES; s++)
		assert_true(seen[s]);
}

static void
test_stop_ends_it(void **state)
{
	struct fsm_sandbox_step step;

	(void)state;
	step = fsm_sandbox_step(FSM_SANDBOX_READY, FSM_SANDBOX_EV_STOP);
	assert_int_equal(step.action, FSM_SANDBOX_KILL);
	step = fsm_sandbox_step(step.next, FSM_SANDBOX_EV_EXITED);
	assert_int_equal(step.next, FSM_SANDBOX_STOPPED);
	step = fsm_sandbox_step(FSM_SANDBOX_CREATED, FSM_SANDBOX_EV_STOP);
	assert_int_equal(step.next, FSM_SANDBOX_STOPPED);
}

static void
test_out_of_range(void **state)
{
	(void)state;
	assert_int_equal(
	    fsm_sandbox_step(FSM_SANDBOX_STATES, FSM_SANDBOX_EV_STOP).action,
	    FSM_SANDBOX_BUG);
	assert_int_equal(
	    fsm_sandbox_step(FSM_SANDBOX_READY, FSM_SANDBOX_EVENTS).action,
	    FSM_SANDBOX_BUG);
	assert_string_equal(
	    fsm_sandbox_state_name(FSM_SANDBOX_STATES), "unknown");
	assert_string_equal(
	    fsm_sandbox_state_name(FSM_SANDBOX_READY), "running");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_walks),
		cmocka_unit_test(test_stop_ends_it),
		cmocka_unit_test(test_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
