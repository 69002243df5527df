/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaying: requests that wait, lost beginnings, and the rules of what is
 * told, checked on actions that the machines of today would not ask for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fsm/fsm.h"
#include "shim/replay.h"

#define RECORDS_MAX 64

static struct record records[RECORDS_MAX];
static struct recording recording;
static uint8_t states[8]; /* of processes by slot */
static struct fsm_rule rule;
static char *text;
static struct replay_result result;

static int
setup(void **state)
{
	(void)state;
	memset(states, 0, sizeof(states));
	rule = (struct fsm_rule){ 0 };
	recording = (struct recording){ .records = records, .complete = true };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

static struct record *
push(enum record_kind kind)
{
	struct record *r = &records[recording.n++];

	assert_true(recording.n <= RECORDS_MAX);
	*r = (struct record){ .kind = (uint8_t)kind,
		.seq = recording.n,
		.at_ns = (int64_t)recording.n * 1000 };
	return r;
}

/* A step as the machine takes it. */
static struct record *
step(uint32_t slot, unsigned event)
{
	struct fsm_step s =
	    slot == 0 ? fsm_init_step((enum fsm_init_state)states[0],
			    (enum fsm_init_event)event)
		      : fsm_exec_step((enum fsm_exec_state)states[slot],
			    (enum fsm_exec_event)event);
	struct record *r = push(slot == 0 ? RECORD_INIT : RECORD_EXEC);

	r->process = slot;
	r->event = (uint8_t)event;
	r->from = states[slot];
	r->next = s.next;
	r->step = (uint8_t)s.kind;
	r->actions = s.actions;
	states[slot] = s.next;
	return r;
}

#define INIT(event)       step(0, FSM_INIT_EV_##event)
#define EXEC(slot, event) step((slot), FSM_EXEC_EV_##event)
#define ACT(action)       FSM_ACTION_BIT(FSM_ACT_##action)

static void
rule_step(enum fsm_rule_event event)
{
	struct fsm_rule_step s = fsm_rule_step(rule, event);
	struct record *r = push(RECORD_RULE);

	r->event = (uint8_t)event;
	r->next = s.execs_gone;
	r->step = s.bug;
	r->actions = rule.execs | (rule.init_dead ? RECORD_RULE_DEAD : 0) |
		     (rule.init_waits ? RECORD_RULE_WAITS : 0);
	rule = s.next;
}

static void
run(void)
{
	size_t len;
	struct err err;

	free(text);
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	assert_int_equal(replay_run(&recording, out, &result, &err), 0);
	(void)fclose(out);
}

static void
assert_ok(void)
{
	run();
	if (result.problems != 0)
		fail_msg("%s", text);
}

static void
assert_problem(const char *problem)
{
	run();
	if (result.problems == 0 || !strstr(text, problem))
		fail_msg("no '%s' in\n%s", problem, text);
}

static void
run_init(void)
{
	(void)INIT(CREATE);
	(void)INIT(OP_OK);
	(void)INIT(START);
	(void)INIT(OP_OK);
}

static void
admit(uint32_t slot, const char *name)
{
	(void)INIT(EXEC);
	struct record *r = push(RECORD_NAME);
	r->process = slot;
	(void)strcpy(r->name, name);
	(void)EXEC(slot, ADD);
}

static void
run_exec(uint32_t slot, const char *name)
{
	admit(slot, name);
	(void)EXEC(slot, START);
	rule_step(FSM_RULE_EXEC_BEGIN);
	(void)EXEC(slot, OP_OK);
}

/* Init ends; the rule holds its exit back while execs are left. */
static void
end_init(void)
{
	(void)INIT(EXITED);
	rule_step(FSM_RULE_INIT_DEAD);
	rule_step(FSM_RULE_INIT_ASKS);
}

static void
delete_init(void)
{
	(void)INIT(DELETE);
	(void)INIT(OP_OK);
}

static void
test_empty(void **state)
{
	(void)state;
	assert_ok();
	assert_int_equal(result.steps, 0);
	assert_int_equal(result.processes, 0);
	assert_string_equal(text, "");
}

static void
test_timeline(void **state)
{
	(void)state;
	(void)INIT(CREATE);
	INIT(OP_OK)->pid = 7;
	struct record *exit = INIT(EXITED);
	exit->pid = 7;
	exit->status = 3;
	exit->at_ns = 500;
	assert_ok();
	assert_string_equal(text,
	    "    0.000000  init       NEW --CREATE--> CREATING [OP_CREATE]\n"
	    "    0.000001  init       CREATING --OP_OK--> CREATED "
	    "[PUB_CREATE OP_REPLY_OK] pid 7\n"
	    "   -0.000000  init       CREATED --EXITED--> STOPPING "
	    "[RECORD_EXIT KILL_REST ASK_EXECS] status 3\n");
}

static void
test_exec_before_init(void **state)
{
	(void)state;
	run_init();
	run_exec(1, "e");
	end_init();
	(void)EXEC(1, EXITED);
	rule_step(FSM_RULE_EXEC_END);
	(void)INIT(EXECS_GONE);
	delete_init();
	(void)EXEC(1, GONE);
	assert_ok();
	assert_int_equal(result.processes, 2);
	assert_int_equal(result.waiting, 0);
	assert_non_null(strstr(text, "exec#1 is e\n"));
}

/* The step that frees them offers them, and so does the step that led to it. */
static void
test_two_deletes_wait(void **state)
{
	(void)state;
	run_init();
	run_exec(1, "e");
	end_init();
	(void)INIT(DELETE);
	(void)INIT(DELETE);
	(void)EXEC(1, EXITED);
	rule_step(FSM_RULE_EXEC_END);
	(void)INIT(EXECS_GONE);
	(void)INIT(DELETE);
	(void)INIT(DELETE);
	run();
	assert_int_equal(result.problems, 0);
	assert_int_equal(result.waiting, 2);
	(void)INIT(OP_OK);
	(void)EXEC(1, GONE);
	(void)INIT(DELETE);
	assert_ok();
	assert_int_equal(result.waiting, 0);
}

static void
test_a_waiting_request_is_forgotten(void **state)
{
	(void)state;
	(void)INIT(CREATE);
	(void)INIT(OP_OK);
	(void)INIT(START);
	(void)INIT(PAUSE);
	(void)INIT(OP_OK);
	(void)INIT(QUERY);
	assert_problem("! PAUSE of init does not follow\n");
}

static void
test_no_admission(void **state)
{
	(void)state;
	run_init();
	/* an exec that could not be made */
	(void)INIT(EXEC);
	(void)INIT(EXEC);
	push(RECORD_NAME)->process = 1;
	(void)INIT(QUERY);
	assert_ok();
}

static void
test_nothing_caused_it(void **state)
{
	(void)state;
	run_init();
	states[1] = FSM_EXEC_NEW;
	(void)EXEC(1, ADD);
	assert_problem("! nothing has caused what follows\n");
	recording.n--;
	rule_step(FSM_RULE_EXEC_BEGIN);
	assert_problem("! nothing has caused what follows\n");
}

static void
test_lost_beginning(void **state)
{
	(void)state;
	recording.complete = false;
	/* what is first was caused by what is lost */
	rule.execs = 3;
	rule_step(FSM_RULE_EXEC_END);
	states[0] = FSM_INIT_RUNNING;
	states[5] = FSM_EXEC_STOPPED;
	(void)EXEC(5, DELETE);
	(void)INIT(QUERY);
	(void)EXEC(5, OP_OK);
	assert_ok();
	assert_int_equal(result.processes, 2);
	/* but not for ever */
	rule_step(FSM_RULE_EXEC_END);
	assert_problem("! nothing has caused what follows\n");
}

static void
test_beginning_that_should_be_there(void **state)
{
	(void)state;
	states[0] = FSM_INIT_RUNNING;
	(void)INIT(QUERY);
	assert_problem("! init has no beginning\n");
}

static void
test_bug_is_a_problem(void **state)
{
	(void)state;
	run_init();
	(void)INIT(OP_OK);
	assert_problem("! an event that cannot happen\n");
}

static void
test_numbers_out_of_range(void **state)
{
	(void)state;
	struct record *r = push(RECORD_INIT);

	memset(&r->event, 0xff, 1);
	r->from = r->next = r->step = 0xff;
	r->actions = UINT64_MAX;
	r = push(RECORD_RULE);
	r->event = r->next = r->step = 0xff;
	r->actions = UINT64_MAX;
	(void)push((enum record_kind)200);
	assert_problem("! no such record\n");
	assert_non_null(strstr(text, "? --?--> ? ? ["));
}

static void
test_exec_outlives_init(void **state)
{
	(void)state;
	run_init();
	admit(1, "e");
	end_init();
	(void)INIT(EXECS_GONE);
	delete_init();
	(void)INIT(DELETE);
	assert_problem("! e outlives init\n");
}

/* The machine says so too; here it is what the rules say that counts. */
static const struct {
	const char *what;
	unsigned event;
	uint64_t add, remove;
} breaches[] = {
	{ "init is announced twice", FSM_INIT_EV_QUERY, ACT(PUB_CREATE), 0 },
	{ "init starts twice", FSM_INIT_EV_QUERY, ACT(PUB_START), 0 },
	{ "init exits but has not ended", FSM_INIT_EV_QUERY, ACT(PUB_EXIT), 0 },
	{ "init is deleted before its exit", FSM_INIT_EV_QUERY, ACT(PUB_DELETE),
	    0 },
	{ "init is resumed but not paused", FSM_INIT_EV_QUERY, ACT(PUB_RESUMED),
	    0 },
	{ "init's exit before that of e", FSM_INIT_EV_QUERY, ACT(PUB_EXIT), 0 },
	{ "a request is answered 0 times, not 1", FSM_INIT_EV_QUERY, 0,
	    ACT(ANSWER) },
	{ "a request is answered 2 times, not 1", FSM_INIT_EV_QUERY,
	    ACT(ADD_WAITER), 0 },
	{ "a request is answered 1 times, not 0", FSM_INIT_EV_OOM, ACT(ANSWER),
	    0 },
	{ "no operation is there to be answered", FSM_INIT_EV_QUERY,
	    ACT(OP_REPLY_OK), 0 },
	{ "an operation is answered twice", FSM_INIT_EV_QUERY,
	    ACT(OP_REPLY_OK) | ACT(OP_REPLY_ERR), 0 },
	{ "init goes and its exit was not told", FSM_INIT_EV_QUERY, ACT(FORGET),
	    0 },
	{ "init goes and its delete was not told", FSM_INIT_EV_QUERY,
	    ACT(FORGET), 0 },
	{ "init goes and is still waited for", FSM_INIT_EV_WAIT, ACT(FORGET),
	    0 },
	{ "init goes in the middle of an operation", FSM_INIT_EV_PAUSE,
	    ACT(FORGET), 0 },
};

static void
test_breaches(void **state)
{
	char problem[128];

	for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		(void)setup(state);
		run_init();
		run_exec(1, "e");
		struct record *r = step(0, breaches[i].event);
		r->actions |= breaches[i].add;
		r->actions &= ~breaches[i].remove;
		(void)snprintf(
		    problem, sizeof(problem), "! %s\n", breaches[i].what);
		assert_problem(problem);
	}
}

static void
test_after_the_exit(void **state)
{
	static const struct {
		const char *what;
		uint64_t add;
	} cases[] = {
		{ "! init exits twice\n", ACT(PUB_EXIT) },
		{ "! OOM after the exit it caused\n", ACT(PUB_OOM) },
		{ "! init starts after its exit\n", ACT(PUB_START) },
		{ "! init is paused but not running\n", ACT(PUB_PAUSED) },
		{ "! init is resumed after its exit\n", ACT(PUB_RESUMED) },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)setup(state);
		run_init();
		end_init();
		(void)INIT(EXECS_GONE);
		INIT(QUERY)->actions |= cases[i].add;
		assert_problem(cases[i].what);
	}
}

static void
test_exec_exits_late(void **state)
{
	(void)state;
	run_init();
	admit(1, "e");
	end_init();
	(void)INIT(EXECS_GONE);
	EXEC(1, QUERY)->actions |= ACT(PUB_EXIT);
	assert_problem("! e exits after init\n");
}

static void
test_after_the_delete(void **state)
{
	(void)state;
	run_init();
	end_init();
	(void)INIT(EXECS_GONE);
	delete_init();
	INIT(DELETE)->actions |= ACT(PUB_DELETE);
	assert_problem("! PUB_DELETE after the delete\n");
}

static void
test_dot(void **state)
{
	struct err err;
	size_t len;

	(void)state;
	(void)strcpy(recording.ns, "n");
	(void)strcpy(recording.id, "c");
	run_init();
	(void)INIT(QUERY);
	(void)INIT(QUERY);
	admit(1, "e");
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	assert_int_equal(replay_dot(&recording, out, &err), 0);
	(void)fclose(out);
	assert_non_null(strstr(text, "label=\"n/c\";\n"));
	assert_non_null(strstr(text, "label=\"init\";\n"));
	assert_non_null(strstr(text, "label=\"e\";\n"));
	assert_non_null(strstr(text, "[label=\"EXEC\\nQUERY x2\\n\"];\n"));
	assert_null(strstr(text, "PAUSED"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_timeline),
		TEST(test_exec_before_init),
		TEST(test_two_deletes_wait),
		TEST(test_a_waiting_request_is_forgotten),
		TEST(test_no_admission),
		TEST(test_nothing_caused_it),
		TEST(test_lost_beginning),
		TEST(test_beginning_that_should_be_there),
		TEST(test_bug_is_a_problem),
		TEST(test_numbers_out_of_range),
		TEST(test_exec_outlives_init),
		TEST(test_breaches),
		TEST(test_after_the_exit),
		TEST(test_exec_exits_late),
		TEST(test_after_the_delete),
		TEST(test_dot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
