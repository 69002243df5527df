/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machines look like from outside: names, numbers out of range, and
 * what containerd is told of a state. That the rows are right is proven in
 * test/fsm/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fsm/fsm.h"

typedef const char *name_fn(unsigned number);

static const char *
init_state_name(unsigned n)
{
	return fsm_init_state_name((enum fsm_init_state)n);
}

static const char *
init_event_name(unsigned n)
{
	return fsm_init_event_name((enum fsm_init_event)n);
}

static const char *
exec_state_name(unsigned n)
{
	return fsm_exec_state_name((enum fsm_exec_state)n);
}

static const char *
exec_event_name(unsigned n)
{
	return fsm_exec_event_name((enum fsm_exec_event)n);
}

static const char *
action_name(unsigned n)
{
	return fsm_action_name((enum fsm_action)n);
}

static const char *
kind_name(unsigned n)
{
	return fsm_kind_name((enum fsm_kind)n);
}

/* A name leads back to its number: it is there, and nobody else has it. */
static void
assert_names(name_fn *name, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_non_null(name(i));
		assert_string_not_equal(name(i), "?");
		assert_string_not_equal(name(i), "");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(name(i), name(j));
	}
	assert_string_equal(name(n), "?");
	assert_string_equal(name(255), "?");
}

static void
names_lead_back_to_their_numbers(void **state)
{
	(void)state;
	assert_names(init_state_name, FSM_INIT_STATES);
	assert_names(init_event_name, FSM_INIT_EVENTS);
	assert_names(exec_state_name, FSM_EXEC_STATES);
	assert_names(exec_event_name, FSM_EXEC_EVENTS);
	assert_names(action_name, FSM_ACTIONS);
	assert_names(kind_name, FSM_BUG + 1);
}

static void
names_are_those_of_the_tables(void **state)
{
	(void)state;
	assert_string_equal(fsm_init_state_name(FSM_INIT_BUSY_X), "BUSY_X");
	assert_string_equal(
	    fsm_init_event_name(FSM_INIT_EV_KILL9_ALL), "KILL9_ALL");
	assert_string_equal(fsm_exec_state_name(FSM_EXEC_FAILED), "FAILED");
	assert_string_equal(
	    fsm_exec_event_name(FSM_EXEC_EV_START_DEAD), "START_DEAD");
	assert_string_equal(fsm_action_name(FSM_ACT_PUB_EXIT), "PUB_EXIT");
	assert_string_equal(fsm_kind_name(FSM_REJECT), "REJECT");
}

static void
assert_bug(struct fsm_step step)
{
	assert_int_equal(step.kind, FSM_BUG);
	assert_int_equal(step.next, 0);
	assert_int_equal(step.actions, 0);
}

/* Numbers come from files too. */
static void
numbers_out_of_range_are_bugs(void **state)
{
	const unsigned outs[] = { 0, 1, 200, UINT32_MAX - 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(outs) / sizeof(*outs); i++) {
		unsigned out = outs[i];

		assert_bug(
		    fsm_init_step((enum fsm_init_state)(FSM_INIT_STATES + out),
			FSM_INIT_EV_QUERY));
		assert_bug(fsm_init_step(FSM_INIT_RUNNING,
		    (enum fsm_init_event)(FSM_INIT_EVENTS + out)));
		assert_bug(
		    fsm_exec_step((enum fsm_exec_state)(FSM_EXEC_STATES + out),
			FSM_EXEC_EV_QUERY));
		assert_bug(fsm_exec_step(FSM_EXEC_RUNNING,
		    (enum fsm_exec_event)(FSM_EXEC_EVENTS + out)));
	}
}

static void
steps_stay_in_range(void **state)
{
	(void)state;
	for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
		for (unsigned e = 0; e < FSM_INIT_EVENTS; e++) {
			struct fsm_step step = fsm_init_step(
			    (enum fsm_init_state)s, (enum fsm_init_event)e);

			assert_in_range(step.next, 0, FSM_INIT_STATES - 1);
			assert_int_equal(step.actions >> FSM_ACTIONS, 0);
		}
	}
	for (unsigned s = 0; s < FSM_EXEC_STATES; s++) {
		for (unsigned e = 0; e < FSM_EXEC_EVENTS; e++) {
			struct fsm_step step = fsm_exec_step(
			    (enum fsm_exec_state)s, (enum fsm_exec_event)e);

			assert_in_range(step.next, 0, FSM_EXEC_STATES - 1);
			assert_int_equal(step.actions >> FSM_ACTIONS, 0);
		}
	}
}

/* ---- what containerd sees ---- */

/* A container is what it was until an operation has succeeded; one whose exit
 * was seen runs no more. Freezing alone is told while it goes on. */
static void
init_states_are_seen_as_containerd_knows_them(void **state)
{
	static const enum fsm_status seen[FSM_INIT_STATES] = {
		[FSM_INIT_NEW] = FSM_STATUS_CREATED,
		[FSM_INIT_CREATING] = FSM_STATUS_CREATED,
		[FSM_INIT_CREATING_X] = FSM_STATUS_STOPPED,
		[FSM_INIT_PREPARING] = FSM_STATUS_CREATED,
		[FSM_INIT_CREATED] = FSM_STATUS_CREATED,
		[FSM_INIT_CREATED_BUSY] = FSM_STATUS_CREATED,
		[FSM_INIT_CONDEMNED] = FSM_STATUS_STOPPED,
		[FSM_INIT_RESTORABLE] = FSM_STATUS_CREATED,
		[FSM_INIT_RESTORABLE_BUSY] = FSM_STATUS_CREATED,
		[FSM_INIT_STARTING] = FSM_STATUS_CREATED,
		[FSM_INIT_STARTING_X] = FSM_STATUS_STOPPED,
		[FSM_INIT_RESTORING] = FSM_STATUS_CREATED,
		[FSM_INIT_RUNNING] = FSM_STATUS_RUNNING,
		[FSM_INIT_RUNNING_BUSY] = FSM_STATUS_RUNNING,
		[FSM_INIT_PAUSING] = FSM_STATUS_PAUSING,
		[FSM_INIT_PAUSED] = FSM_STATUS_PAUSED,
		[FSM_INIT_PAUSED_BUSY] = FSM_STATUS_PAUSED,
		[FSM_INIT_RESUMING] = FSM_STATUS_RUNNING,
		[FSM_INIT_BUSY_X] = FSM_STATUS_STOPPED,
		[FSM_INIT_STOPPING] = FSM_STATUS_STOPPED,
		[FSM_INIT_STOPPED] = FSM_STATUS_STOPPED,
		[FSM_INIT_DELETING] = FSM_STATUS_STOPPED,
		[FSM_INIT_DELETED] = FSM_STATUS_STOPPED,
	};

	(void)state;
	for (unsigned s = 0; s < FSM_INIT_STATES; s++)
		assert_int_equal(
		    fsm_init_status((enum fsm_init_state)s), seen[s]);
	assert_int_equal(fsm_init_status(FSM_INIT_STATES), FSM_STATUS_UNKNOWN);
	assert_int_equal(
	    fsm_init_status((enum fsm_init_state)255), FSM_STATUS_UNKNOWN);
}

static void
exec_states_are_seen_as_containerd_knows_them(void **state)
{
	static const enum fsm_status seen[FSM_EXEC_STATES] = {
		[FSM_EXEC_NEW] = FSM_STATUS_CREATED,
		[FSM_EXEC_ADDED] = FSM_STATUS_CREATED,
		[FSM_EXEC_STARTING] = FSM_STATUS_CREATED,
		[FSM_EXEC_STARTING_X] = FSM_STATUS_STOPPED,
		[FSM_EXEC_RUNNING] = FSM_STATUS_RUNNING,
		[FSM_EXEC_FAILED] = FSM_STATUS_STOPPED,
		[FSM_EXEC_STOPPED] = FSM_STATUS_STOPPED,
		[FSM_EXEC_DELETING] = FSM_STATUS_STOPPED,
		[FSM_EXEC_DELETED] = FSM_STATUS_STOPPED,
	};

	(void)state;
	for (unsigned s = 0; s < FSM_EXEC_STATES; s++)
		assert_int_equal(
		    fsm_exec_status((enum fsm_exec_state)s), seen[s]);
	assert_int_equal(fsm_exec_status(FSM_EXEC_STATES), FSM_STATUS_UNKNOWN);
	assert_int_equal(
	    fsm_exec_status((enum fsm_exec_state)255), FSM_STATUS_UNKNOWN);
}

/* ---- what the order of actions promises ---- */

static void
events_are_told_in_their_order(void **state)
{
	static const enum fsm_action order[] = { FSM_ACT_RECORD_EXIT,
		FSM_ACT_PUB_CREATE, FSM_ACT_PUB_START, FSM_ACT_PUB_DELETE,
		FSM_ACT_OP_REPLY_OK, FSM_ACT_PUB_OOM, FSM_ACT_WAKE,
		FSM_ACT_PUB_EXIT, FSM_ACT_EXEC_END, FSM_ACT_REMEMBER,
		FSM_ACT_FORGET };

	(void)state;
	for (size_t i = 1; i < sizeof(order) / sizeof(*order); i++)
		assert_true(order[i - 1] < order[i]);
	assert_int_equal(FSM_ACT_FORGET, FSM_ACTIONS - 1);
}

static void
a_request_is_answered_after_what_it_caused_is_told(void **state)
{
	static const enum fsm_action told[] = { FSM_ACT_PUB_CREATE,
		FSM_ACT_PUB_EXEC_ADDED, FSM_ACT_PUB_START, FSM_ACT_PUB_PAUSED,
		FSM_ACT_PUB_RESUMED, FSM_ACT_PUB_DELETE };

	(void)state;
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
		assert_true(told[i] < FSM_ACT_OP_REPLY_OK);
		assert_true(told[i] < FSM_ACT_ANSWER);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_back_to_their_numbers),
		cmocka_unit_test(names_are_those_of_the_tables),
		cmocka_unit_test(numbers_out_of_range_are_bugs),
		cmocka_unit_test(steps_stay_in_range),
		cmocka_unit_test(init_states_are_seen_as_containerd_knows_them),
		cmocka_unit_test(exec_states_are_seen_as_containerd_knows_them),
		cmocka_unit_test(events_are_told_in_their_order),
		cmocka_unit_test(
		    a_request_is_answered_after_what_it_caused_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
