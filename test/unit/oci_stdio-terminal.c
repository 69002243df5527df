/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams of a process with a terminal.
 */
#include "oci/stdio.h"

#include <signal.h>
#include <sys/ioctl.h>

#include "test/unit/stdio-bed.h"

/* Returns the slave. */
static int
open_terminal(struct bed *bed, const char *in, const char *out)
{
	struct oci_stdio_spec spec = {
		.in = in, .out = out, .err = "ignored", .terminal = true
	};
	struct err err;
	int slave, master = streams_open_pty(&slave);

	bed_open(bed, &spec);
	bed_start(bed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bed->child[i], -1);
	assert_int_equal(
	    oci_stdio_set_console_consume(bed->io, master, &err), 0);
	return slave;
}

static void
terminal_works_both_ways(void **state)
{
	struct bed *bed = *state;
	size_t in[2] = { 0 }, out[2] = { 0 };
	struct winsize size;
	int slave = open_terminal(bed, bed->in, bed->out);
	int to = bed_client(bed->in, O_WRONLY);
	int from = bed_client(bed->out, O_RDONLY);

	assert_int_equal(oci_stdio_resize(bed->io, 132, 43, NULL), 0);
	assert_int_equal(ioctl(slave, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_col, 132);
	assert_int_equal(size.ws_row, 43);
	while (out[0] < 1 << 20 || out[1] < 1 << 20) {
		streams_feed(to, &in[0], (1 << 20) - in[0]);
		streams_feed(slave, &in[1], (1 << 20) - in[1]);
		streams_turns(bed->base, 1);
		streams_drain(slave, &out[0], 65536);
		streams_drain(from, &out[1], 65536);
	}
	streams_feed(slave, &in[1], 100);
	close(slave);
	oci_stdio_process_exited(bed->io);
	assert_false(oci_stdio_drained(bed->io));
	bed_drain_to_eof(bed, from, &out[1]);
	assert_int_equal(out[1], (1 << 20) + 100);
	assert_int_equal(bed->drained, 1);
	close(to);
	close(from);
}

static void
terminal_hangs_up_at_stdin_eof(void **state)
{
	struct bed *bed = *state;
	size_t in[2] = { 0 }, out[2] = { 0 };
	int slave = open_terminal(bed, bed->in, bed->out);
	int to = bed_client(bed->in, O_WRONLY);
	int from = bed_client(bed->out, O_RDONLY);

	streams_feed(slave, &in[1], 100);
	streams_feed(to, &in[0], 100);
	oci_stdio_close_stdin(bed->io);
	streams_turns(bed->base, 4);
	while (out[0] < 100)
		streams_drain(slave, &out[0], 65536);
	streams_feed(slave, &in[1], 100);
	close(to);
	bed_drain_to_eof(bed, from, &out[1]);
	assert_int_equal(out[1], in[1]);
	assert_int_equal(bed->drained, 1);
	assert_int_equal(write(slave, "x", 1), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(oci_stdio_resize(bed->io, 1, 1, NULL), 0);
	close(slave);
	close(from);
}

/* A stuck client does not keep the terminal from being hung up. */
static void
terminal_hangs_up_while_output_is_stuck(void **state)
{
	struct bed *bed = *state;
	size_t in = 0, out = 0;
	int slave = open_terminal(bed, bed->in, bed->out);
	int from = bed_client(bed->out, O_RDONLY);

	/* More than a FIFO takes. */
	bed_feed_all(bed, slave, &in, 67000);
	oci_stdio_close_stdin(bed->io);
	streams_assert_idle(bed->base);
	assert_int_equal(write(slave, "x", 1), -1);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(out, in);
	close(slave);
	close(from);
}

static void
terminal_hangup_is_final_after_exit(void **state)
{
	struct bed *bed = *state;
	int slave = open_terminal(bed, "", bed->out);

	close(slave);
	streams_assert_idle(bed->base);
	assert_false(oci_stdio_drained(bed->io));
	oci_stdio_process_exited(bed->io);
	oci_stdio_process_exited(bed->io);
	streams_turns(bed->base, 3);
	assert_int_equal(bed->drained, 1);
}

static void
terminal_may_come_after_exit(void **state)
{
	struct bed *bed = *state;
	struct oci_stdio_spec spec = {
		.in = "", .out = bed->out, .err = "", .terminal = true
	};
	size_t in = 0, out = 0;
	int slave, master = streams_open_pty(&slave);

	bed_open(bed, &spec);
	bed_start(bed);
	streams_feed(slave, &in, 100);
	close(slave);
	oci_stdio_process_exited(bed->io);
	assert_int_equal(
	    oci_stdio_set_console_consume(bed->io, master, NULL), 0);
	int from = bed_client(bed->out, O_RDONLY);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(out, 100);
	assert_int_equal(bed->drained, 1);
	close(from);
}

static void
terminal_without_client_is_read(void **state)
{
	struct bed *bed = *state;
	size_t in = 0;
	int slave = open_terminal(bed, "", "");

	bed_feed_all(bed, slave, &in, 1 << 20);
	close(slave);
	oci_stdio_process_exited(bed->io);
	streams_turns(bed->base, 3);
	assert_int_equal(bed->drained, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BED_TEST(terminal_works_both_ways),
		BED_TEST(terminal_hangs_up_at_stdin_eof),
		BED_TEST(terminal_hangs_up_while_output_is_stuck),
		BED_TEST(terminal_hangup_is_final_after_exit),
		BED_TEST(terminal_may_come_after_exit),
		BED_TEST(terminal_without_client_is_read),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(120); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
