/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container rule, exhaustively: every rule with few execs, every event.
 * What is expected is written as the promise that the rule keeps, not as its
 * code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fsm/fsm.h"

#define EXECS_MAX 3

static void
assert_same(struct fsm_rule a, struct fsm_rule b)
{
	assert_int_equal(a.execs, b.execs);
	assert_int_equal(a.init_dead, b.init_dead);
	assert_int_equal(a.init_waits, b.init_waits);
}

/* Calls f for each rule that can be written down. */
static void
for_each_rule(void (*f)(struct fsm_rule rule))
{
	for (uint32_t execs = 0; execs <= EXECS_MAX; execs++) {
		for (unsigned flags = 0; flags < 4; flags++) {
			const struct fsm_rule rule = { execs, flags & 1,
				flags >> 1 };
			f(rule);
		}
	}
}

static void
begin_one(struct fsm_rule rule)
{
	struct fsm_rule_step step = fsm_rule_step(rule, FSM_RULE_EXEC_BEGIN);

	assert_int_equal(fsm_rule_admits_start(rule), !rule.init_dead);
	assert_int_equal(step.bug, rule.init_dead);
	if (step.bug) {
		assert_same(step.next, rule);
		return;
	}
	rule.execs++;
	assert_same(step.next, rule);
	assert_false(step.execs_gone);
}

static void
execs_begin_while_init_lives(void **state)
{
	(void)state;
	for_each_rule(begin_one);
}

static void
end_one(struct fsm_rule rule)
{
	struct fsm_rule_step step = fsm_rule_step(rule, FSM_RULE_EXEC_END);

	assert_int_equal(step.bug, rule.execs == 0);
	if (step.bug) {
		assert_same(step.next, rule);
		assert_false(step.execs_gone);
		return;
	}
	assert_int_equal(step.execs_gone, rule.init_waits && rule.execs == 1);
	assert_int_equal(step.next.execs, rule.execs - 1);
	assert_int_equal(step.next.init_dead, rule.init_dead);
	assert_int_equal(
	    step.next.init_waits, rule.init_waits && !step.execs_gone);
}

static void
the_last_exec_lets_init_go(void **state)
{
	(void)state;
	for_each_rule(end_one);
}

static void
die_one(struct fsm_rule rule)
{
	struct fsm_rule_step step = fsm_rule_step(rule, FSM_RULE_INIT_DEAD);

	assert_int_equal(step.bug, rule.init_dead);
	if (step.bug)
		assert_same(step.next, rule);
	else
		assert_true(step.next.init_dead);
	assert_int_equal(step.next.execs, rule.execs);
}

static void
init_dies_once(void **state)
{
	(void)state;
	for_each_rule(die_one);
}

static void
ask_one(struct fsm_rule rule)
{
	struct fsm_rule_step step = fsm_rule_step(rule, FSM_RULE_INIT_ASKS);

	assert_int_equal(step.bug, !rule.init_dead || rule.init_waits);
	if (step.bug) {
		assert_same(step.next, rule);
		assert_false(step.execs_gone);
		return;
	}
	assert_int_equal(step.execs_gone, rule.execs == 0);
	assert_int_equal(step.next.init_waits, rule.execs != 0);
	assert_int_equal(step.next.execs, rule.execs);
	assert_true(step.next.init_dead);
}

static void
init_asks_once_and_dead(void **state)
{
	(void)state;
	for_each_rule(ask_one);
}

static void
the_count_does_not_overflow(void **state)
{
	const struct fsm_rule rule = { .execs = UINT32_MAX };
	struct fsm_rule_step step = fsm_rule_step(rule, FSM_RULE_EXEC_BEGIN);

	(void)state;
	assert_true(step.bug);
	assert_same(step.next, rule);
}

static void
unknown_events_are_bugs(void **state)
{
	const struct fsm_rule rule = { .execs = 1, .init_dead = true };
	const int events[] = { FSM_RULE_EVENTS, FSM_RULE_EVENTS + 1, 255 };

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		struct fsm_rule_step step =
		    fsm_rule_step(rule, (enum fsm_rule_event)events[i]);

		assert_true(step.bug);
		assert_same(step.next, rule);
		assert_string_equal(
		    fsm_rule_event_name((enum fsm_rule_event)events[i]), "?");
	}
}

static void
events_have_names(void **state)
{
	(void)state;
	assert_string_equal(
	    fsm_rule_event_name(FSM_RULE_EXEC_BEGIN), "EXEC_BEGIN");
	assert_string_equal(fsm_rule_event_name(FSM_RULE_EXEC_END), "EXEC_END");
	assert_string_equal(
	    fsm_rule_event_name(FSM_RULE_INIT_DEAD), "INIT_DEAD");
	assert_string_equal(
	    fsm_rule_event_name(FSM_RULE_INIT_ASKS), "INIT_ASKS");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(execs_begin_while_init_lives),
		cmocka_unit_test(the_last_exec_lets_init_go),
		cmocka_unit_test(init_dies_once),
		cmocka_unit_test(init_asks_once_and_dead),
		cmocka_unit_test(the_count_does_not_overflow),
		cmocka_unit_test(unknown_events_are_bugs),
		cmocka_unit_test(events_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
