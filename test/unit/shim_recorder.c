/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder: what is written is read back, whatever happens to the
 * file in between, and what is no recording is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "fsm/fsm.h"
#include "shim/recorder.h"

/* The format, as recorder.c has it. */
#define RECORDER_BYTES (32 << 10)
#define HEADER         256
#define SLOT           128
#define RING           (HEADER + SLOT)
#define SIZE(n)        ((size_t)(RING + (n)*SLOT))
#define CHECKSUM       124 /* in a slot */

static char dir[64];
static char path[128];

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/chock-recorder-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/" RECORDER_FILE, dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static struct recorder *
open_with(size_t slots)
{
	struct recorder *r;
	struct err err;

	assert_int_equal(
	    recorder_open(path, SIZE(slots), "k8s.io", "c1", &r, &err), 0);
	return r;
}

static void
add(struct recorder *r, enum record_kind kind, uint8_t event, uint32_t status)
{
	const struct record record = {
		.kind = (uint8_t)kind,
		.event = event,
		.status = status,
	};

	recorder_add(r, &record);
}

/* n questions, numbered by their status from 1 on. */
static void
add_many(struct recorder *r, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++)
		add(r, RECORD_INIT, FSM_INIT_EV_QUERY, i);
}

static void
record_many(size_t slots, uint32_t n)
{
	struct recorder *r = open_with(slots);

	add_many(r, n);
	recorder_close(r);
}

static struct recording
load(void)
{
	struct recording recording;
	struct err err;

	assert_int_equal(recording_load(path, &recording, &err), 0);
	return recording;
}

static void
assert_run(const struct recording *recording, uint64_t first, size_t n)
{
	assert_int_equal(recording->n, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(recording->records[i].seq, first + i);
		assert_int_equal(recording->records[i].status, first + i);
	}
	assert_int_equal(recording->complete, n > 0 && first == 1);
}

static void
poke(long offset, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, data, len, offset), len);
	(void)close(fd);
}

/* Changes the byte, whatever it was. */
static void
spoil(long offset)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte = (uint8_t)~byte;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	(void)close(fd);
}

static void
test_round_trip(void **state)
{
	(void)state;
	struct recorder *r = open_with(8);
	const struct record step = {
		.at_ns = 123456789012345,
		.seq = 77,
		.kind = RECORD_EXEC,
		.event = FSM_EXEC_EV_EXITED,
		.from = 4,
		.next = 6,
		.step = FSM_WAIT,
		.process = 3,
		.actions = UINT64_C(0x8000000100000002),
		.pid = 4000000000u,
		.status = 137,
	};
	struct record name = { .kind = RECORD_NAME, .process = 3 };

	memset(name.name, 'x', RECORDER_NAME_MAX);
	recorder_add(r, &step);
	recorder_add(r, &name);
	recorder_add(NULL, &name);
	recorder_close(r);
	recorder_close(NULL);

	struct recording got = load();
	assert_string_equal(got.ns, "k8s.io");
	assert_string_equal(got.id, "c1");
	assert_int_equal(got.n, 2);
	assert_int_equal(got.torn, 0);
	assert_true(got.complete);
	assert_false(got.cut);
	assert_false(got.foreign);
	const struct record *first = &got.records[0];
	assert_int_equal(first->at_ns, step.at_ns);
	assert_int_equal(first->seq, 1);
	assert_int_equal(first->kind, step.kind);
	assert_int_equal(first->event, step.event);
	assert_int_equal(first->from, step.from);
	assert_int_equal(first->next, step.next);
	assert_int_equal(first->step, step.step);
	assert_int_equal(first->process, step.process);
	assert_true(first->actions == step.actions);
	assert_int_equal(first->pid, step.pid);
	assert_int_equal(first->status, step.status);
	assert_int_equal(got.records[1].seq, 2);
	assert_true(got.records[1].at_ns > 0);
	assert_string_equal(got.records[1].name, name.name);
	assert_null(recording_init_exit(&got));
	recording_done(&got);
	recording_done(&got);
}

static void
test_empty(void **state)
{
	(void)state;
	record_many(4, 0);
	struct recording got = load();

	assert_run(&got, 1, 0);
	recording_done(&got);
}

static void
test_wrap(void **state)
{
	/* exactly full, one more, several times around */
	static const uint32_t counts[] = { 5, 6, 9, 10, 11, 1003 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		record_many(5, counts[i]);
		struct recording got = load();
		assert_run(&got, counts[i] - 4, 5);
		assert_int_equal(got.torn, 0);
		recording_done(&got);
	}
}

static void
test_one_slot(void **state)
{
	(void)state;
	record_many(1, 3);
	struct recording got = load();

	assert_run(&got, 3, 1);
	recording_done(&got);
}

static void
test_exit_outlives_the_ring(void **state)
{
	(void)state;
	struct recorder *r = open_with(4);

	add(r, RECORD_INIT, FSM_INIT_EV_EXITED, 42);
	/* the same number means something else in the exec machine */
	add(r, RECORD_EXEC, FSM_INIT_EV_EXITED, 1);
	add_many(r, 20);
	recorder_close(r);
	struct recording got = load();
	const struct record *exit = recording_init_exit(&got);
	assert_non_null(exit);
	assert_int_equal(exit->seq, 1);
	assert_int_equal(exit->status, 42);
	assert_int_equal(got.records[0].seq, 19);
	recording_done(&got);
}

static void
test_exit_within_the_ring(void **state)
{
	(void)state;
	struct recorder *r = open_with(4);

	add_many(r, 9);
	add(r, RECORD_INIT, FSM_INIT_EV_EXITED, 7);
	add(r, RECORD_INIT, FSM_INIT_EV_QUERY, 0);
	recorder_close(r);
	struct recording got = load();
	assert_int_equal(recording_init_exit(&got)->status, 7);
	recording_done(&got);
}

static void
test_torn_exit(void **state)
{
	(void)state;
	struct recorder *r = open_with(4);

	add(r, RECORD_INIT, FSM_INIT_EV_EXITED, 42);
	recorder_close(r);
	poke(HEADER + 32, "\xff", 1);
	struct recording got = load();
	assert_null(recording_init_exit(&got));
	assert_int_equal(got.torn, 1);
	assert_int_equal(got.n, 1);
	recording_done(&got);
}

static void
test_foreign(void **state)
{
	(void)state;
	struct recorder *r = open_with(4);
	uint8_t header[HEADER];

	add(r, RECORD_INIT, FSM_INIT_EV_EXITED, 42);
	recorder_close(r);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, header, HEADER, 0), HEADER);
	header[20] ^= 1;
	uint32_t sum = 2166136261u;
	for (size_t i = 0; i < HEADER - 4; i++)
		sum = (sum ^ header[i]) * 16777619u;
	memcpy(header + HEADER - 4, &sum, sizeof(sum));
	assert_int_equal(pwrite(fd, header, HEADER, 0), HEADER);
	(void)close(fd);
	struct recording got = load();
	assert_true(got.foreign);
	assert_int_equal(got.n, 1);
	assert_null(recording_init_exit(&got));
	recording_done(&got);
}

static void
test_torn_in_the_middle(void **state)
{
	(void)state;
	/* any byte: number, field, name, padding, checksum */
	static const long offsets[] = { 0, 8, 20, 36, 60, 117, 121, CHECKSUM };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		record_many(8, 6);
		spoil(RING + 3 * SLOT + offsets[i]);
		struct recording got = load();
		assert_run(&got, 5, 2);
		assert_int_equal(got.torn, 1);
		recording_done(&got);
	}
}

static void
test_torn_last_and_oldest(void **state)
{
	(void)state;
	record_many(4, 3);
	spoil(RING + 2 * SLOT + 9);
	struct recording got = load();
	assert_run(&got, 1, 2);
	assert_int_equal(got.torn, 1);
	recording_done(&got);

	/* the writer died over the oldest one */
	record_many(4, 6);
	spoil(RING + 2 * SLOT + 9);
	got = load();
	assert_run(&got, 4, 3);
	assert_int_equal(got.torn, 1);
	recording_done(&got);
}

static void
test_gap(void **state)
{
	(void)state;
	static const uint8_t nothing[SLOT];

	record_many(8, 8);
	poke(RING + 4 * SLOT, nothing, SLOT);
	struct recording got = load();
	assert_run(&got, 6, 3);
	assert_int_equal(got.torn, 0);
	recording_done(&got);
}

static void
test_a_slot_in_anothers_place(void **state)
{
	(void)state;
	uint8_t slot[SLOT];

	record_many(4, 3);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, slot, SLOT, RING), SLOT);
	(void)close(fd);
	poke(RING + 3 * SLOT, slot, SLOT);
	struct recording got = load();
	assert_run(&got, 1, 3);
	assert_int_equal(got.torn, 1);
	recording_done(&got);
}

static void
test_cut(void **state)
{
	(void)state;
	record_many(8, 6);
	assert_int_equal(truncate(path, RING + 4 * SLOT + 100), 0);
	struct recording got = load();
	assert_true(got.cut);
	assert_run(&got, 1, 4);
	recording_done(&got);

	/* wrapped: slots are still found in their places */
	record_many(8, 20);
	assert_int_equal(truncate(path, RING + 4 * SLOT), 0);
	got = load();
	assert_true(got.cut);
	assert_run(&got, 17, 4);
	recording_done(&got);
}

static void
test_more_than_was_made(void **state)
{
	(void)state;
	record_many(4, 3);
	assert_int_equal(truncate(path, (off_t)SIZE(9)), 0);
	struct recording got = load();

	assert_false(got.cut);
	assert_run(&got, 1, 3);
	recording_done(&got);
}

static void
assert_refused(int error, const char *text)
{
	struct recording recording = { .n = 99 };
	struct err err;

	assert_int_equal(recording_load(path, &recording, &err), error);
	assert_non_null(strstr(err.msg, text));
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(recording.n, 99);
}

static void
test_damaged_header(void **state)
{
	static const struct {
		long offset;
		const char *text;
	} cases[] = {
		{ 0, "not a recording" },
		{ 7, "not a recording" },
		{ 8, "a recording of version " },
		{ 12, "a recording of version 1" },
		{ 16, "the recording's header is damaged" },
		{ 20, "the recording's header is damaged" },
		{ 24, "the recording's header is damaged" },
		{ 110, "the recording's header is damaged" },
		{ 200, "the recording's header is damaged" },
		{ 255, "the recording's header is damaged" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record_many(4, 3);
		poke(cases[i].offset, "\x7f", 1);
		assert_refused(-EBADMSG, cases[i].text);
	}
}

static void
test_too_short(void **state)
{
	static const off_t sizes[] = { 0, 1, HEADER - 1, HEADER, RING - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		record_many(4, 3);
		assert_int_equal(truncate(path, sizes[i]), 0);
		assert_refused(-EBADMSG, "too short for a recording");
	}
}

static void
test_huge_file(void **state)
{
	(void)state;
	record_many(4, 3);
	assert_int_equal(truncate(path, (16 << 20) + 1), 0);
	assert_refused(-EFBIG, "read ");
}

static void
test_no_file(void **state)
{
	(void)state;
	assert_refused(-ENOENT, "No such file");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "read ");
}

static void
test_names_are_made_safe(void **state)
{
	(void)state;
	struct recorder *r;
	struct record name = { .kind = RECORD_NAME, .process = 1 };
	struct err err;

	(void)strcpy(name.name, "a\033[2J\"\\\n\xc3\xa4.b_c-9");
	assert_int_equal(
	    recorder_open(path, SIZE(4), "n\ns", "i\"d", &r, &err), 0);
	recorder_add(r, &name);
	recorder_close(r);
	struct recording got = load();
	assert_string_equal(got.ns, "n?s");
	assert_string_equal(got.id, "i?d");
	assert_string_equal(got.records[0].name, "a??2J?????.b_c-9");
	recording_done(&got);
}

static void
test_long_names_are_cut(void **state)
{
	(void)state;
	struct recorder *r;
	char name[200];
	struct err err;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(recorder_open(path, SIZE(4), name, name, &r, &err), 0);
	recorder_close(r);
	struct recording got = load();
	assert_int_equal(strlen(got.ns), RECORDER_NAME_MAX);
	assert_int_equal(strlen(got.id), RECORDER_NAME_MAX);
	recording_done(&got);
}

static void
test_sizes(void **state)
{
	static const size_t bad[] = { 0, HEADER, SIZE(1) - 1, (16 << 20) + 1 };
	struct recorder *r = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    recorder_open(path, bad[i], "n", "i", &r, &err), -EINVAL);
		assert_null(r);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void
test_the_file(void **state)
{
	(void)state;
	struct stat st;
	struct recorder *r;
	struct err err;

	assert_int_equal(
	    recorder_open(path, RECORDER_BYTES, "n", "i", &r, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, RECORDER_BYTES);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true((unsigned long)st.st_blocks * 512 >= RECORDER_BYTES);
	recorder_close(r);
}

/* A container of the same name is made before the old one is quite gone. */
static void
test_a_successor(void **state)
{
	(void)state;
	struct recorder *old = open_with(4), *new = open_with(4);

	add_many(new, 1);
	add_many(old, 3);
	recorder_close(old);
	struct recording got = load();
	assert_run(&got, 1, 1);
	recording_done(&got);
	recorder_close(new);
}

static void
test_a_link_is_not_followed(void **state)
{
	(void)state;
	struct stat st;
	char target[128];

	(void)snprintf(target, sizeof(target), "%s/precious", dir);
	assert_int_equal(file_write_atomic(AT_FDCWD, target, "x", 1, 0644), 0);
	assert_int_equal(symlink(target, path), 0);
	record_many(4, 1);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 1);
	struct recording got = load();
	assert_run(&got, 1, 1);
	recording_done(&got);
	(void)unlink(target);
}

static void
test_no_directory(void **state)
{
	(void)state;
	struct recorder *r;
	struct err err;

	assert_int_equal(
	    recorder_open("/tmp/chock/not/there", SIZE(4), "n", "i", &r, &err),
	    -ENOENT);
	assert_string_equal(
	    err.msg, "make /tmp/chock/not/there: No such file or directory");
}

/* In a mount namespace of its own; the exit status says how it went. */
static int
open_on_full_disk(void)
{
	struct recorder *r;
	struct err err;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "", MS_REC | MS_PRIVATE, "") < 0 ||
	    mount("none", dir, "tmpfs", 0, "size=16k") < 0)
		return 77;
	if (recorder_open(path, RECORDER_BYTES, "n", "i", &r, &err) != -ENOSPC)
		return 1;
	if (!strstr(err.msg, "No space left on device"))
		return 2;
	return access(path, F_OK) < 0 ? 0 : 3;
}

static void
test_full_disk(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(open_on_full_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
wait_for_record(void)
{
	for (;;) {
		struct recording got;
		struct err err;

		if (recording_load(path, &got, &err) == 0) {
			size_t n = got.n;
			recording_done(&got);
			if (n > 0)
				return;
		}
		(void)sched_yield();
	}
}

/* What was written is there although its writer was killed. */
static void
test_writer_is_killed(void **state)
{
	(void)state;
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct recorder *r = open_with(4);
		add_many(r, 3);
		(void)!write(ready[1], "x", 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	struct recording got = load();
	assert_run(&got, 1, 3);
	recording_done(&got);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* Whatever a reader catches is a run without gaps, each record whole. */
static void
test_reading_while_writing(void **state)
{
	(void)state;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct recorder *r = open_with(64);
		for (uint32_t i = 1;; i++)
			add(r, RECORD_INIT, FSM_INIT_EV_QUERY, i);
	}
	wait_for_record();
	for (int i = 0; i < 300; i++) {
		struct recording got = load();
		for (size_t n = 0; n < got.n; n++) {
			const struct record *record = &got.records[n];
			assert_int_equal(record->seq, got.records[0].seq + n);
			assert_int_equal(record->status, (uint32_t)record->seq);
		}
		recording_done(&got);
	}
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_empty),
		TEST(test_wrap),
		TEST(test_one_slot),
		TEST(test_exit_outlives_the_ring),
		TEST(test_exit_within_the_ring),
		TEST(test_torn_exit),
		TEST(test_foreign),
		TEST(test_torn_in_the_middle),
		TEST(test_torn_last_and_oldest),
		TEST(test_gap),
		TEST(test_a_slot_in_anothers_place),
		TEST(test_cut),
		TEST(test_more_than_was_made),
		TEST(test_damaged_header),
		TEST(test_too_short),
		TEST(test_huge_file),
		TEST(test_no_file),
		TEST(test_names_are_made_safe),
		TEST(test_long_names_are_cut),
		TEST(test_sizes),
		TEST(test_the_file),
		TEST(test_a_successor),
		TEST(test_a_link_is_not_followed),
		TEST(test_no_directory),
		TEST(test_full_disk),
		TEST(test_writer_is_killed),
		TEST(test_reading_while_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
