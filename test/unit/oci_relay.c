/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay over real pipes, files and terminals.
 */
#include "oci/relay.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "test/unit/streams.h"

#define TEN_MB (10 << 20)

struct bed {
	struct event_base *base;
	struct oci_relay *relay;
	int fds_before;
	bool done;
	int status;
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->fds_before = streams_count_fds();
	bed->base = streams_base_new();
	*state = bed;
	return 0;
}

/* Each test closes what it opened; the relay must have closed the rest. */
static int
teardown(void **state)
{
	struct bed *bed = *state;

	oci_relay_free(bed->relay);
	event_base_free(bed->base);
	assert_int_equal(streams_count_fds(), bed->fds_before);
	free(bed);
	return 0;
}

static void
on_done(int status, void *arg)
{
	struct bed *bed = arg;

	assert_false(bed->done);
	bed->done = true;
	bed->status = status;
	oci_relay_free(bed->relay);
	bed->relay = NULL;
}

static void
start(struct bed *bed, int src, int dst, const char *lossy)
{
	const struct oci_relay_sink sink = { .lossy = lossy };

	assert_int_equal(oci_relay_new_consume(bed->base, 2, src, dst, &sink,
			     on_done, bed, &bed->relay),
	    0);
}

static void
run_until_done(struct bed *bed)
{
	while (!bed->done)
		assert_int_equal(event_base_loop(bed->base, EVLOOP_ONCE), 0);
}

static void
make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
}

static int
temp_file(int flags)
{
	char path[] = "/tmp/relay-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	int again = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	assert_true(again >= 0);
	unlink(path);
	close(fd);
	return again;
}

static void
pipes_pass_every_byte(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2];
	size_t in = 0, out = 0, round = 0;

	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	while (in < TEN_MB) {
		size_t most = 1 + (round++ * 7919) % 70000;
		streams_feed(
		    from[1], &in, most < TEN_MB - in ? most : TEN_MB - in);
		streams_turns(bed->base, 1);
		streams_drain(to[0], &out, 1 + (round * 104729) % 100000);
	}
	close(from[1]);
	while (streams_drain(to[0], &out, 100000))
		streams_turns(bed->base, 1);
	/* They were seen full. */
	assert_true(fcntl(to[0], F_GETPIPE_SZ) > 65536);
	assert_int_equal(out, TEN_MB);
	assert_true(bed->done);
	assert_int_equal(bed->status, 0);
	close(to[0]);
}

static void
full_sink_with_ended_source_waits(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2];
	size_t in = 0, out = 0, fill = 0;

	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	do {
		fill = in;
		streams_feed(from[1], &in, 65536);
		streams_turns(bed->base, 4);
	} while (in > fill);
	close(from[1]);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	while (streams_drain(to[0], &out, 5000))
		streams_turns(bed->base, 1);
	assert_int_equal(out, in);
	assert_int_equal(bed->status, 0);
	close(to[0]);
}

static void
idle_source_waits(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2];
	size_t in = 0, out = 0;

	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	streams_feed(from[1], &in, 10);
	streams_assert_idle(bed->base);
	streams_drain(to[0], &out, 100);
	assert_int_equal(out, 10);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	close(from[1]);
	close(to[0]);
}

static void
sink_without_reader_ends(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2];
	size_t in = 0;

	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	close(to[0]);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	streams_feed(from[1], &in, 10);
	run_until_done(bed);
	assert_int_equal(bed->status, -EPIPE);
	assert_int_equal(write(from[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(from[1]);
}

/* The reader goes while the relay waits for room. */
static void
full_sink_without_reader_ends(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2];
	size_t in = 0;

	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	for (int i = 0; i < 64; i++) {
		streams_feed(from[1], &in, 65536);
		streams_turns(bed->base, 2);
	}
	close(to[0]);
	run_until_done(bed);
	assert_int_equal(bed->status, -EPIPE);
	close(from[1]);
}

static void
file_source_is_copied(void **state)
{
	struct bed *bed = *state;
	int file = temp_file(O_RDWR), to[2];
	size_t in = 0, out = 0;

	while (in < 1 << 20)
		streams_feed(file, &in, (1 << 20) - in);
	lseek(file, 0, SEEK_SET);
	make_pipe(to);
	start(bed, file, to[1], NULL);
	streams_assert_idle(bed->base);
	while (streams_drain(to[0], &out, 3000))
		streams_turns(bed->base, 1);
	assert_int_equal(out, 1 << 20);
	assert_int_equal(bed->status, 0);
	close(to[0]);
}

static void
file_sink_is_appended_to(void **state)
{
	struct bed *bed = *state;
	int file = temp_file(O_RDWR | O_APPEND), from[2];
	int view = dup(file);
	size_t in = 0, out = 0;

	streams_feed(file, &in, 1000);
	lseek(file, 0, SEEK_SET);
	make_pipe(from);
	start(bed, from[0], file, "file");
	while (in < 1 << 20) {
		streams_feed(from[1], &in, (1 << 20) - in);
		streams_turns(bed->base, 1);
	}
	close(from[1]);
	run_until_done(bed);
	lseek(view, 0, SEEK_SET);
	while (streams_drain(view, &out, 100000))
		continue;
	assert_int_equal(out, 1 << 20);
	close(view);
}

static int
count_lines(int fd)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));
	int lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

static void
lossy_sink_drops_and_goes_on(void **state)
{
	struct bed *bed = *state;
	int from[2], logs[2];
	int full = open("/dev/full", O_WRONLY | O_APPEND | O_NONBLOCK);
	size_t in = 0;

	make_pipe(logs);
	log_init(logs[1], LOG_LEVEL_INFO, NULL);
	make_pipe(from);
	start(bed, from[0], full, "/dev/full");
	while (in < 1 << 20) {
		streams_feed(from[1], &in, (1 << 20) - in);
		streams_turns(bed->base, 1);
	}
	streams_assert_idle(bed->base);
	assert_int_equal(oci_relay_dropped(bed->relay), 1 << 20);
	assert_int_equal(count_lines(logs[0]), 1);
	close(from[1]);
	run_until_done(bed);
	assert_int_equal(bed->status, 0);
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	close(logs[0]);
	close(logs[1]);
}

static void
log_to_pipe(int logs[2])
{
	make_pipe(logs);
	log_init(logs[1], LOG_LEVEL_INFO, NULL);
}

static void
log_to_stderr(int logs[2])
{
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	close(logs[0]);
	close(logs[1]);
}

/* Until it is read again. Each byte either comes out or is counted. */
static void
lossy_pipe_that_nobody_reads_drops(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2], logs[2];
	size_t in = 0, out = 0, before;
	char rest[64];

	log_to_pipe(logs);
	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], "pipe");
	do {
		before = in;
		streams_feed(from[1], &in, 4096);
		streams_turns(bed->base, 2);
	} while (in > before);
	/* The only thing that can move it is the end of patience. */
	while (oci_relay_dropped(bed->relay) == 0)
		event_base_loop(bed->base, EVLOOP_ONCE);
	for (size_t end = in + (1 << 20); in < end;) {
		streams_feed(from[1], &in, end - in);
		streams_turns(bed->base, 1);
	}
	streams_assert_idle(bed->base);
	size_t through = in - oci_relay_dropped(bed->relay);
	while (out < through)
		streams_drain(to[0], &out, through - out);
	assert_int_equal(read(to[0], rest, sizeof(rest)), -1);
	/* The rest of a lost line, and what ends the one that was cut. */
	assert_int_equal(write(from[1], "rest\nagain", 10), 10);
	streams_turns(bed->base, 4);
	assert_int_equal(read(to[0], rest, sizeof(rest)), 6);
	assert_memory_equal(rest, "\nagain", 6);
	assert_int_equal(oci_relay_dropped(bed->relay), in + 5 - out);
	close(from[1]);
	run_until_done(bed);
	assert_int_equal(bed->status, 0);
	/* The outage and the sum. */
	assert_int_equal(count_lines(logs[0]), 2);
	log_to_stderr(logs);
	close(to[0]);
}

static void
lossy_pipe_without_reader_drops(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2], logs[2];
	size_t in = 0, out = 0;

	log_to_pipe(logs);
	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], "pipe");
	streams_feed(from[1], &in, 5000);
	streams_turns(bed->base, 4);
	assert_true(streams_drain(to[0], &out, 1000));
	close(to[0]);
	while (in < 1 << 20) {
		streams_feed(from[1], &in, (1 << 20) - in);
		streams_turns(bed->base, 1);
	}
	streams_assert_idle(bed->base);
	assert_int_equal(oci_relay_dropped(bed->relay), in - out);
	close(from[1]);
	run_until_done(bed);
	assert_int_equal(bed->status, 0);
	assert_int_equal(count_lines(logs[0]), 2);
	log_to_stderr(logs);
}

static void
terminal_hangup_is_not_final(void **state)
{
	struct bed *bed = *state;
	int master, slave, to[2];
	char name[64];
	size_t in = 0, out = 0;

	master = streams_open_pty(&slave);
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	make_pipe(to);
	start(bed, master, to[1], NULL);
	streams_feed(slave, &in, 100);
	close(slave);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	slave = open(name, O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	streams_feed(slave, &in, 100);
	while (out < 200) {
		streams_turns(bed->base, 1);
		assert_true(streams_drain(to[0], &out, 1000));
	}
	streams_assert_idle(bed->base);
	streams_feed(slave, &in, 100);
	close(slave);
	oci_relay_cut(bed->relay);
	assert_false(bed->done);
	run_until_done(bed);
	assert_int_equal(bed->status, 0);
	while (streams_drain(to[0], &out, 1000))
		continue;
	assert_int_equal(out, 300);
	close(to[0]);
}

static void
terminal_that_is_full_and_hung_up_waits(void **state)
{
	struct bed *bed = *state;
	int master, slave, from[2];
	size_t in = 0, before;

	master = streams_open_pty(&slave);
	make_pipe(from);
	start(bed, from[0], master, NULL);
	do {
		before = in;
		streams_feed(from[1], &in, 65536);
		streams_turns(bed->base, 8);
	} while (in > before);
	streams_assert_idle(bed->base);
	close(slave);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	close(from[1]);
}

static void
terminal_input_is_exact(void **state)
{
	struct bed *bed = *state;
	int master, slave, from[2];
	size_t in = 0, out = 0;

	master = streams_open_pty(&slave);
	make_pipe(from);
	start(bed, from[0], master, NULL);
	while (out < 1 << 20) {
		streams_feed(from[1], &in, (1 << 20) - in);
		streams_turns(bed->base, 1);
		streams_drain(slave, &out, 5000);
	}
	close(from[1]);
	run_until_done(bed);
	close(slave);
}

static bool
has_room(int fd)
{
	struct pollfd sink = { .fd = fd, .events = POLLOUT };

	return poll(&sink, 1, 0) > 0;
}

/* What is in the buffer and what is in the terminal both survive. */
static void
cut_keeps_what_is_held(void **state)
{
	struct bed *bed = *state;
	int master, slave, to[2];
	size_t in = 0, out = 0;

	master = streams_open_pty(&slave);
	make_pipe(to);
	start(bed, master, to[1], NULL);
	while (has_room(to[1])) {
		streams_feed(slave, &in, 3000);
		streams_turns(bed->base, 1);
	}
	streams_feed(slave, &in, 3000);
	streams_turns(bed->base, 4);
	streams_feed(slave, &in, 3000);
	oci_relay_cut(bed->relay);
	oci_relay_cut(bed->relay);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	assert_int_equal(write(slave, "x", 1), -1);
	assert_int_equal(errno, EIO);
	while (streams_drain(to[0], &out, 1000))
		streams_turns(bed->base, 1);
	assert_int_equal(out, in);
	assert_true(bed->done);
	close(slave);
	close(to[0]);
}

static void
cut_of_a_pipe_takes_what_is_there(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2];
	size_t in = 0, out = 0;

	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	streams_feed(from[1], &in, 5000);
	oci_relay_cut(bed->relay);
	assert_int_equal(write(from[1], "x", 1), -1);
	run_until_done(bed);
	while (streams_drain(to[0], &out, 1000))
		continue;
	assert_int_equal(out, in);
	close(from[1]);
	close(to[0]);
}

/* Of a buffer that was written in part the other part is left. */
static void
cut_keeps_a_part(void **state)
{
	struct bed *bed = *state;
	int slave, from[2];
	int master = streams_open_pty(&slave);
	int held = dup(master); /* a hangup would discard what was written */
	size_t in = 0, out = 0;

	make_pipe(from);
	streams_feed(from[1], &in, 60000);
	start(bed, from[0], master, NULL);
	streams_turns(bed->base, 8);
	oci_relay_cut(bed->relay);
	streams_assert_idle(bed->base);
	assert_false(bed->done);
	while (out < in) {
		streams_drain(slave, &out, 5000);
		streams_turns(bed->base, 1);
	}
	run_until_done(bed);
	assert_int_equal(bed->status, 0);
	close(from[1]);
	close(slave);
	close(held);
}

static void
failure_consumes_descriptors(void **state)
{
	struct bed *bed = *state;
	int to[2];

	make_pipe(to);
	assert_int_equal(oci_relay_new_consume(bed->base, 2, -1, to[1], NULL,
			     on_done, bed, &bed->relay),
	    -EBADF);
	assert_null(bed->relay);
	assert_int_equal(fcntl(to[1], F_GETFD), -1);
	close(to[0]);
}

static void
free_closes_in_any_state(void **state)
{
	struct bed *bed = *state;
	int from[2], to[2], master, slave;
	size_t in = 0;

	make_pipe(from);
	master = streams_open_pty(&slave);
	start(bed, from[0], master, NULL);
	for (int i = 0; i < 8; i++) {
		streams_feed(from[1], &in, 65536);
		streams_turns(bed->base, 1);
	}
	oci_relay_free(bed->relay);
	close(slave);
	close(from[1]);
	make_pipe(from);
	make_pipe(to);
	start(bed, from[0], to[1], NULL);
	oci_relay_cut(bed->relay);
	oci_relay_free(bed->relay);
	bed->relay = NULL;
	streams_turns(bed->base, 2);
	assert_false(bed->done);
	oci_relay_free(NULL);
	close(from[1]);
	close(to[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(pipes_pass_every_byte),
		TEST(full_sink_with_ended_source_waits),
		TEST(idle_source_waits),
		TEST(sink_without_reader_ends),
		TEST(full_sink_without_reader_ends),
		TEST(file_source_is_copied),
		TEST(file_sink_is_appended_to),
		TEST(lossy_sink_drops_and_goes_on),
		TEST(lossy_pipe_that_nobody_reads_drops),
		TEST(lossy_pipe_without_reader_drops),
		TEST(terminal_hangup_is_not_final),
		TEST(terminal_that_is_full_and_hung_up_waits),
		TEST(terminal_input_is_exact),
		TEST(cut_keeps_what_is_held),
		TEST(cut_of_a_pipe_takes_what_is_there),
		TEST(cut_keeps_a_part),
		TEST(failure_consumes_descriptors),
		TEST(free_closes_in_any_state),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)alarm(120); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
