/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words and codes of refusals, for every state and request.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fsm/fsm.h"
#include "shim/container.h"
#include "shim/process.h"
#include "shim/refuse.h"

static char id_c[] = "c", id_e[] = "e";

static struct err
refuse_init(enum fsm_init_state state, enum fsm_init_event event)
{
	const struct process p = {
		.is_init = true, .state = (uint8_t)state, .id = id_c
	};
	struct err err;

	refuse_event(&p, event, &err);
	return err;
}

static struct err
refuse_exec(enum fsm_exec_state state, enum fsm_exec_event event)
{
	struct container c = { .id = id_c };
	const struct process p = {
		.container = &c, .state = (uint8_t)state, .id = id_e
	};
	struct err err;

	refuse_event(&p, event, &err);
	return err;
}

static void
assert_err(const struct err *err, enum err_code code, const char *text)
{
	assert_string_equal(err->msg, text);
	assert_int_equal(err->code, code);
}

/* Rows of the Go shim's table; the columns are its states. */
static const struct {
	enum fsm_init_event event;
	const char *created, *running, *paused, *stopped;
} init_rows[] = {
	{ FSM_INIT_EV_START, NULL, "cannot start a running process",
	    "cannot start a paused process", "cannot start a stopped process" },
	{ FSM_INIT_EV_DELETE, NULL, "cannot delete a running process",
	    "cannot delete a paused process", NULL },
	{ FSM_INIT_EV_PAUSE, "cannot pause task in created state", NULL,
	    "cannot pause a paused container",
	    "cannot pause a stopped container" },
	{ FSM_INIT_EV_RESUME, "cannot resume task in created state",
	    "cannot resume a running process", NULL,
	    "cannot resume a stopped container" },
	{ FSM_INIT_EV_UPDATE, NULL, NULL, NULL,
	    "cannot update a stopped container" },
	{ FSM_INIT_EV_CHECKPOINT, "cannot checkpoint a task in created state",
	    NULL, NULL, "cannot checkpoint a stopped container" },
	{ FSM_INIT_EV_EXEC, NULL, NULL, "cannot exec in a paused state",
	    "cannot exec in a stopped state" },
};

static const char *
want_of(size_t row, enum fsm_init_state state)
{
	switch (fsm_init_status(state)) {
	case FSM_STATUS_CREATED:
		return init_rows[row].created;
	case FSM_STATUS_RUNNING:
		return init_rows[row].running;
	case FSM_STATUS_PAUSED:
	case FSM_STATUS_PAUSING:
		return init_rows[row].paused;
	case FSM_STATUS_STOPPED:
		return init_rows[row].stopped;
	case FSM_STATUS_UNKNOWN:
		break;
	}
	return NULL;
}

static bool
is_missing(enum fsm_init_state state)
{
	return state == FSM_INIT_CREATING || state == FSM_INIT_CREATING_X ||
	       state == FSM_INIT_PREPARING || state == FSM_INIT_DELETED;
}

static void
test_init_illegal_states(void **state)
{
	(void)state;
	size_t n = 0;

	for (size_t row = 0; row < sizeof(init_rows) / sizeof(init_rows[0]);
	     row++) {
		for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
			enum fsm_init_state from = (enum fsm_init_state)s;
			enum fsm_init_event event = init_rows[row].event;
			const char *want = want_of(row, from);
			if (fsm_init_step(from, event).kind != FSM_REJECT ||
			    is_missing(from) || !want)
				continue;
			struct err err = refuse_init(from, event);
			assert_err(&err, ERR_UNKNOWN, want);
			n++;
		}
	}
	assert_true(n > 40);
}

/* Whatever is asked of it. */
static void
test_init_that_is_not_there(void **state)
{
	(void)state;
	for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
		if (!is_missing((enum fsm_init_state)s))
			continue;
		for (unsigned e = 0; e < FSM_INIT_EVENTS; e++) {
			struct err err = refuse_init(
			    (enum fsm_init_state)s, (enum fsm_init_event)e);
			/* That it is being created already is known. */
			if (s != FSM_INIT_DELETED &&
			    (e == FSM_INIT_EV_CREATE ||
				e == FSM_INIT_EV_CREATE_CKPT))
				assert_err(&err, ERR_ALREADY_EXISTS,
				    "id c: already exists");
			else
				assert_err(&err, ERR_NOT_FOUND,
				    "container not created: not found");
		}
	}
}

static void
test_init_kill(void **state)
{
	static const enum fsm_init_event kills[] = { FSM_INIT_EV_KILL,
		FSM_INIT_EV_KILL9, FSM_INIT_EV_KILL_ALL,
		FSM_INIT_EV_KILL9_ALL };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct err err = refuse_init(FSM_INIT_RESTORABLE, kills[i]);
		assert_err(&err, ERR_NOT_FOUND, "no such container: not found");
		err = refuse_init(FSM_INIT_RESTORABLE_BUSY, kills[i]);
		assert_err(&err, ERR_NOT_FOUND, "no such container: not found");
		err = refuse_init(FSM_INIT_STOPPED, kills[i]);
		assert_err(
		    &err, ERR_NOT_FOUND, "process already finished: not found");
		assert_int_equal(err.sys, ESRCH);
	}
}

static void
test_init_again(void **state)
{
	(void)state;
	struct err err = refuse_init(FSM_INIT_RUNNING, FSM_INIT_EV_CREATE);

	assert_err(&err, ERR_ALREADY_EXISTS, "id c: already exists");
	err = refuse_init(FSM_INIT_STOPPED, FSM_INIT_EV_CREATE_CKPT);
	assert_err(&err, ERR_ALREADY_EXISTS, "id c: already exists");
}

static void
test_exec(void **state)
{
	static const struct {
		enum fsm_exec_state from;
		enum fsm_exec_event event;
		enum err_code code;
		const char *text;
	} cases[] = {
		{ FSM_EXEC_ADDED, FSM_EXEC_EV_ADD, ERR_ALREADY_EXISTS,
		    "id e: already exists" },
		{ FSM_EXEC_STOPPED, FSM_EXEC_EV_ADD, ERR_ALREADY_EXISTS,
		    "id e: already exists" },
		{ FSM_EXEC_RUNNING, FSM_EXEC_EV_START, ERR_UNKNOWN,
		    "cannot start a running process" },
		{ FSM_EXEC_STOPPED, FSM_EXEC_EV_START, ERR_UNKNOWN,
		    "cannot start a stopped process" },
		{ FSM_EXEC_FAILED, FSM_EXEC_EV_START, ERR_UNKNOWN,
		    "cannot start a stopped process" },
		{ FSM_EXEC_ADDED, FSM_EXEC_EV_START_DEAD,
		    ERR_FAILED_PRECONDITION,
		    "container c init process is not running: "
		    "failed precondition" },
		{ FSM_EXEC_STOPPED, FSM_EXEC_EV_START_DEAD, ERR_UNKNOWN,
		    "cannot start a stopped process" },
		{ FSM_EXEC_RUNNING, FSM_EXEC_EV_DELETE, ERR_UNKNOWN,
		    "cannot delete a running process" },
		{ FSM_EXEC_ADDED, FSM_EXEC_EV_KILL, ERR_FAILED_PRECONDITION,
		    "process not created: failed precondition" },
		{ FSM_EXEC_ADDED, FSM_EXEC_EV_KILL9, ERR_FAILED_PRECONDITION,
		    "process not created: failed precondition" },
		{ FSM_EXEC_STOPPED, FSM_EXEC_EV_KILL9, ERR_NOT_FOUND,
		    "process already finished: not found" },
		{ FSM_EXEC_FAILED, FSM_EXEC_EV_KILL, ERR_NOT_FOUND,
		    "process already finished: not found" },
		{ FSM_EXEC_STOPPED, FSM_EXEC_EV_RESIZE, ERR_UNKNOWN,
		    "cannot resize a stopped container" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = refuse_exec(cases[i].from, cases[i].event);
		assert_err(&err, cases[i].code, cases[i].text);
	}
	for (unsigned e = 0; e < FSM_EXEC_EVENTS; e++) {
		struct err err =
		    refuse_exec(FSM_EXEC_DELETED, (enum fsm_exec_event)e);
		assert_err(
		    &err, ERR_NOT_FOUND, "process does not exist e: not found");
	}
}

/* No refusal may tell of a state "unknown" or leave the error empty. */
static void
test_every_refusal_has_words(void **state)
{
	(void)state;
	for (unsigned s = 0; s < FSM_INIT_STATES; s++) {
		for (unsigned e = 0; e < FSM_INIT_EVENTS; e++) {
			if (fsm_init_step(
				(enum fsm_init_state)s, (enum fsm_init_event)e)
				.kind != FSM_REJECT)
				continue;
			struct err err = refuse_init(
			    (enum fsm_init_state)s, (enum fsm_init_event)e);
			assert_true(err.code != ERR_OK);
			assert_null(strstr(err.msg, "unknown"));
			assert_true(strlen(err.msg) > 10);
		}
	}
}

static void
test_by_name(void **state)
{
	(void)state;
	const struct process init = { .is_init = true, .id = id_c };
	const struct process exec = { .id = id_e };
	struct err err;

	assert_int_equal(refuse_missing(&init, &err), -ENOENT);
	assert_err(&err, ERR_NOT_FOUND, "container not created: not found");
	assert_int_equal(refuse_missing(&exec, &err), -ENOENT);
	assert_err(&err, ERR_NOT_FOUND, "process does not exist e: not found");
	assert_int_equal(refuse_missing_container(&err), -ENOENT);
	assert_int_equal(refuse_missing_exec("x", &err), -ENOENT);
	assert_err(&err, ERR_NOT_FOUND, "process does not exist x: not found");
	assert_int_equal(refuse_finished(&err), -ESRCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_illegal_states),
		cmocka_unit_test(test_init_that_is_not_there),
		cmocka_unit_test(test_init_kill),
		cmocka_unit_test(test_init_again),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_every_refusal_has_words),
		cmocka_unit_test(test_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
