/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event bodies, byte for byte. The expected bytes were made with Google's
 * implementation from the same .proto files.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "ipc/events.h"
#include "ipc/message.h"
#include "ipc/timestamp.h"

#define SOME_TIME INT64_C(1700000000000000005)

#define assert_body(r, body, want)                                             \
	do {                                                                   \
		assert_int_equal(r, 0);                                        \
		assert_int_equal((body).len, sizeof(want) - 1);                \
		assert_memory_equal((body).data, want, sizeof(want) - 1);      \
		bytes_free(&(body));                                           \
	} while (0)

static void
test_create(void **state)
{
	char ro[] = "ro", lower[] = "lowerdir=/l";
	char *options[] = { ro, lower };
	struct event_mount rootfs[] = {
		{ .type = "overlay",
		    .source = "overlay",
		    .options = options,
		    .n_options = 2 },
		{ .type = "bind", .source = "/s", .target = "/t" },
	};
	struct event_create event = { .container_id = "c1",
		.bundle = "/b",
		.rootfs = rootfs,
		.n_rootfs = 2,
		.stdin_path = "",
		.stdout_path = "/o",
		.terminal = true,
		.checkpoint = "/k",
		.pid = 300 };
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_create(&event, &body, &err);
	assert_body(r, body,
	    "\012\002c1\022\002/b"
	    "\032#\012\007overlay\022\007overlay\042\002ro\042\013lowerdir=/l"
	    "\032\016\012\004bind\022\002/s\032\002/t"
	    "\042\006\022\002/o \001*\002/k0\254\002");
}

/* The reader dereferences io, so it is there even when all of it is empty. */
static void
test_create_minimal(void **state)
{
	struct event_create event = { .container_id = "c1" };
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_create(&event, &body, &err);
	assert_body(r, body, "\012\002c1\042\000");
}

static void
test_create_too_many(void **state)
{
	struct event_mount mount = { .n_options = 65536 };
	struct event_create event = { .rootfs = &mount, .n_rootfs = 1 };
	struct bytes body;
	struct err err;

	(void)state;
	assert_int_equal(event_task_create(&event, &body, &err), -E2BIG);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "too many entries for an event: 65536");
	event.n_rootfs = 65536;
	assert_int_equal(event_task_create(&event, &body, &err), -E2BIG);
}

static void
test_start(void **state)
{
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_start(
	    &(struct event_start){ .container_id = "c1", .pid = 300 }, &body,
	    &err);
	assert_body(r, body, "\012\002c1\020\254\002");
}

static void
test_exit(void **state)
{
	struct event_exit event = { .container_id = "c1",
		.pid = 300,
		.exit_status = 137,
		.exited_at = SOME_TIME };
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_exit(&event, &body, &err);
	assert_body(r, body,
	    "\012\002c1\022\002c1\030\254\002 \211\001"
	    "*\010\010\200\342\317\252\006\020\005");
	event.exec_id = "e1";
	r = event_task_exit(&event, &body, &err);
	assert_body(r, body,
	    "\012\002c1\022\002e1\030\254\002 \211\001"
	    "*\010\010\200\342\317\252\006\020\005");
}

/* A time of 1970 is an empty Timestamp, not an absent one. */
static void
test_exit_epoch(void **state)
{
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_exit(
	    &(struct event_exit){ .container_id = "c1" }, &body, &err);
	assert_body(r, body, "\012\002c1\022\002c1*\000");
}

static void
test_delete(void **state)
{
	struct event_delete event = { .container_id = "c1",
		.pid = 300,
		.exit_status = 137,
		.exited_at = TIMESTAMP_NEVER,
		.exec_id = "e1" };
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_delete(&event, &body, &err);
	assert_body(r, body,
	    "\012\002c1\020\254\002\030\211\001\042\013\010\200\222\270\303\230"
	    "\376\377\377\377\001*\002e1");
	event.exec_id = NULL;
	r = event_task_delete(&event, &body, &err);
	assert_body(r, body,
	    "\012\002c1\020\254\002\030\211\001\042\013\010\200\222\270\303\230"
	    "\376\377\377\377\001");
}

static void
test_exec(void **state)
{
	struct event_exec_started started = { "c1", "e1", 300 };
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_exec_added("c1", "e1", &body, &err);
	assert_body(r, body, "\012\002c1\022\002e1");
	r = event_task_exec_started(&started, &body, &err);
	assert_body(r, body, "\012\002c1\022\002e1\030\254\002");
}

static void
test_of_a_container(void **state)
{
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = event_task_oom("c1", &body, &err);
	assert_body(r, body, "\012\002c1");
	r = event_task_paused("c2", &body, &err);
	assert_body(r, body, "\012\002c2");
	r = event_task_resumed("c3", &body, &err);
	assert_body(r, body, "\012\002c3");
}

static void
test_table(void **state)
{
	static const struct {
		enum event_kind kind;
		const char *topic, *type_url;
		enum publish_class class;
	} want[] = {
		{ EVENT_TASK_CREATE, "/tasks/create",
		    "containerd.events.TaskCreate", PUBLISH_KEEP },
		{ EVENT_TASK_START, "/tasks/start",
		    "containerd.events.TaskStart", PUBLISH_KEEP },
		{ EVENT_TASK_DELETE, "/tasks/delete",
		    "containerd.events.TaskDelete", PUBLISH_KEEP },
		{ EVENT_TASK_EXIT, "/tasks/exit", "containerd.events.TaskExit",
		    PUBLISH_KEEP },
		{ EVENT_TASK_OOM, "/tasks/oom", "containerd.events.TaskOOM",
		    PUBLISH_OOM },
		{ EVENT_TASK_EXEC_ADDED, "/tasks/exec-added",
		    "containerd.events.TaskExecAdded", PUBLISH_KEEP },
		{ EVENT_TASK_EXEC_STARTED, "/tasks/exec-started",
		    "containerd.events.TaskExecStarted", PUBLISH_KEEP },
		{ EVENT_TASK_PAUSED, "/tasks/paused",
		    "containerd.events.TaskPaused", PUBLISH_PAUSED },
		{ EVENT_TASK_RESUMED, "/tasks/resumed",
		    "containerd.events.TaskResumed", PUBLISH_RESUMED },
	};

	(void)state;
	assert_int_equal(sizeof(want) / sizeof(want[0]), EVENT_KINDS);
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		const struct event_info *info = event_info(want[i].kind);

		assert_string_equal(info->topic, want[i].topic);
		assert_string_equal(info->type_url, want[i].type_url);
		assert_int_equal(info->class, want[i].class);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_create_minimal),
		cmocka_unit_test(test_create_too_many),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_exit_epoch),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_of_a_container),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
