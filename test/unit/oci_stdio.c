/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard streams over real FIFOs, pipes and files.
 */
#include "base/clock.h"
#include "oci/stdio.h"

#include <signal.h>

#include "base/log.h"
#include "test/unit/stdio-bed.h"

#define TEN_MB (10 << 20)

static void
ten_megabytes_each_way(void **state)
{
	struct bed *bed = *state;
	size_t in[3] = { 0 }, out[3] = { 0 };

	bed_open_fifos(bed);
	int to = bed_client(bed->in, O_WRONLY);
	int from = bed_client(bed->out, O_RDONLY);
	int errors = bed_client(bed->err, O_RDONLY);
	bed_start(bed);
	while (out[0] < TEN_MB || out[1] < TEN_MB || out[2] < TEN_MB) {
		streams_feed(to, &in[0], TEN_MB - in[0]);
		streams_feed(bed->child[1], &in[1], TEN_MB - in[1]);
		streams_feed(bed->child[2], &in[2], TEN_MB - in[2]);
		streams_turns(bed->base, 1);
		streams_drain(bed->child[0], &out[0], 65536);
		streams_drain(from, &out[1], 65536);
		streams_drain(errors, &out[2], 65536);
	}
	assert_false(oci_stdio_drained(bed->io));
	oci_stdio_close_stdin(bed->io);
	close(to);
	bed_drain_to_eof(bed, bed->child[0], &out[0]);
	close_fd(&bed->child[1]);
	bed_drain_to_eof(bed, from, &out[1]);
	assert_int_equal(bed->drained, 0);
	close_fd(&bed->child[2]);
	bed_drain_to_eof(bed, errors, &out[2]);
	assert_int_equal(bed->drained, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(out[i], TEN_MB);
	close(from);
	close(errors);
}

static void
late_reader_finds_everything(void **state)
{
	struct bed *bed = *state;
	size_t in = 0, out = 0;

	bed_open_fifos(bed);
	bed_start(bed);
	bed_stuff(bed, bed->child[1], &in);
	assert_true(in >= 65536);
	streams_assert_idle(bed->base);
	int from = bed_client(bed->out, O_RDONLY);
	close_fd(&bed->child[1]);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(out, in);
	close(from);
}

/* Even one that comes when the process is gone. */
static void
reader_after_eof_finds_everything(void **state)
{
	struct bed *bed = *state;
	size_t in = 0, out = 0;

	bed_open_fifos(bed);
	bed_start(bed);
	streams_feed(bed->child[1], &in, 1000);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	streams_turns(bed->base, 4);
	/* So that it is not closed under a client that is still to open it. */
	assert_false(oci_stdio_drained(bed->io));
	int from = bed_client(bed->out, O_RDONLY);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(out, 1000);
	assert_true(oci_stdio_drained(bed->io));
	close(from);
}

/* It does not come within a second: nobody waits for it any longer. */
static void
reader_that_never_comes_is_given_up(void **state)
{
	struct bed *bed = *state;
	int64_t begin = clock_monotonic_ns();
	size_t in = 0, out = 0;

	bed_open_fifos(bed);
	bed_start(bed);
	streams_feed(bed->child[1], &in, 1000);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	while (!oci_stdio_drained(bed->io))
		(void)event_base_loop(bed->base, EVLOOP_ONCE);
	assert_true(clock_monotonic_ns() - begin > 900 * NSEC_PER_MSEC);
	/* What it left can be read until the end. */
	int from = bed_client(bed->out, O_RDONLY);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(out, 1000);
	close(from);
}

static void
reader_may_vanish_and_return(void **state)
{
	struct bed *bed = *state;
	size_t in = 0, out = 0;

	bed_open_fifos(bed);
	int from = bed_client(bed->out, O_RDONLY);
	bed_start(bed);
	bed_feed_all(bed, bed->child[1], &in, 5000);
	while (out < 5000) {
		streams_turns(bed->base, 1);
		streams_drain(from, &out, 65536);
	}
	close(from);
	bed_stuff(bed, bed->child[1], &in);
	streams_assert_idle(bed->base);
	from = bed_client(bed->out, O_RDONLY);
	while (in < 1 << 20) {
		streams_feed(bed->child[1], &in, 4096);
		streams_turns(bed->base, 1);
		streams_drain(from, &out, 65536);
	}
	close_fd(&bed->child[1]);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(out, in);
	close(from);
}

static void
stopped_reader_costs_nothing(void **state)
{
	struct bed *bed = *state;
	size_t in = 0;

	bed_open_fifos(bed);
	int from = bed_client(bed->out, O_RDONLY);
	bed_start(bed);
	bed_stuff(bed, bed->child[1], &in);
	streams_assert_idle(bed->base);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	streams_assert_idle(bed->base);
	assert_false(oci_stdio_drained(bed->io));
	close(from);
}

static void
background_child_keeps_stdout_open(void **state)
{
	struct bed *bed = *state;
	size_t out = 0;

	bed_open_fifos(bed);
	bed_start(bed);
	int background = dup(bed->child[1]);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	oci_stdio_process_exited(bed->io);
	streams_assert_idle(bed->base);
	assert_false(oci_stdio_drained(bed->io));
	int from = bed_client(bed->out, O_RDONLY);
	assert_true(streams_drain(from, &out, 65536));
	close(background);
	bed_drain_to_eof(bed, from, &out);
	assert_int_equal(bed->drained, 1);
	close(from);
}

/* Nobody runs the loop here: what was written is there when the exit is told.
 */
static void
last_words_come_before_the_exit(void **state)
{
	struct bed *bed = *state;
	char buf[16] = "";

	bed_open_fifos(bed);
	int out = bed_client(bed->out, O_RDONLY);
	int error = bed_client(bed->err, O_RDONLY);
	bed_start(bed);
	assert_int_equal(write(bed->child[1], "to-out", 6), 6);
	assert_int_equal(write(bed->child[2], "to-err", 6), 6);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	oci_stdio_process_exited(bed->io);
	assert_int_equal(read(out, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "to-out", 6);
	assert_int_equal(read(error, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "to-err", 6);
	assert_int_equal(bed->drained, 0);
	close(out);
	close(error);
}

static void
free_on_drained(void *arg)
{
	struct bed *bed = arg;

	oci_stdio_free(bed->io);
	bed->io = NULL;
	bed->drained++;
}

static void
may_be_freed_when_drained(void **state)
{
	struct bed *bed = *state;

	bed_open_fifos(bed);
	oci_stdio_on_drained(bed->io, free_on_drained, bed);
	bed_start(bed);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	streams_turns(bed->base, 4);
	assert_int_equal(bed->drained, 1);
}

static void
stdin_ends_when_both_have_closed(void **state)
{
	struct bed *bed = *state;
	size_t in = 0, out = 0;

	bed_open_fifos(bed);
	bed_start(bed);
	int to = bed_client(bed->in, O_WRONLY);
	streams_feed(to, &in, 100);
	close(to);
	streams_assert_idle(bed->base);
	while (out < 100)
		assert_true(streams_drain(bed->child[0], &out, 65536));
	to = bed_client(bed->in, O_WRONLY);
	oci_stdio_close_stdin(bed->io);
	oci_stdio_close_stdin(bed->io);
	streams_feed(to, &in, 100);
	streams_assert_idle(bed->base);
	while (out < 200)
		assert_true(streams_drain(bed->child[0], &out, 65536));
	close(to);
	bed_drain_to_eof(bed, bed->child[0], &out);
	oci_stdio_close_stdin(bed->io);
	assert_int_equal(out, 200);
}

static void
stdin_may_be_closed_before_start(void **state)
{
	struct bed *bed = *state;
	size_t out = 0;

	bed_open_fifos(bed);
	oci_stdio_close_stdin(bed->io);
	bed_start(bed);
	bed_drain_to_eof(bed, bed->child[0], &out);
	assert_int_equal(out, 0);
}

static void
container_may_close_its_stdin(void **state)
{
	struct bed *bed = *state;
	size_t in = 0;

	bed_open_fifos(bed);
	bed_start(bed);
	int to = bed_client(bed->in, O_WRONLY);
	close_fd(&bed->child[0]);
	streams_feed(to, &in, 100);
	streams_assert_idle(bed->base);
	assert_int_equal(write(to, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	oci_stdio_close_stdin(bed->io);
	close(to);
}

static void
child_ends_are_as_they_should_be(void **state)
{
	struct bed *bed = *state;
	struct oci_stdio_spec spec = { .in = bed->in,
		.out = "",
		.err = bed->err,
		.uid = 1234,
		.gid = 4321 };
	struct stat st;
	int fds[3];

	bed_open(bed, &spec);
	oci_stdio_child_fds(bed->io, fds);
	assert_int_equal(fds[1], -1);
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(fstat(fds[i], &st), 0);
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_gid, 4321);
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
		assert_int_equal(fcntl(fds[i], F_GETFL) & O_ACCMODE,
		    i == 0 ? O_RDONLY : O_WRONLY);
	}
}

static void
nothing_given_is_dev_null(void **state)
{
	struct bed *bed = *state;
	struct oci_stdio_spec spec = { .in = "", .out = "", .err = "" };

	bed_open(bed, &spec);
	bed_start(bed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bed->child[i], -1);
	assert_true(oci_stdio_drained(bed->io));
	oci_stdio_close_stdin(bed->io);
	assert_int_equal(oci_stdio_resize(bed->io, 1, 1, NULL), 0);
}

static void
stdin_alone_works(void **state)
{
	struct bed *bed = *state;
	struct oci_stdio_spec spec = { .in = bed->in, .out = "", .err = "" };
	size_t in = 0, out = 0;

	bed_open(bed, &spec);
	bed_start(bed);
	assert_true(oci_stdio_drained(bed->io));
	int to = bed_client(bed->in, O_WRONLY);
	oci_stdio_close_stdin(bed->io);
	streams_feed(to, &in, 100);
	close(to);
	bed_drain_to_eof(bed, bed->child[0], &out);
	assert_int_equal(out, 100);
}

static void
assert_file(const char *path, const char *text)
{
	char got[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	assert_string_equal(got, text);
	close(fd);
}

static void
say(struct bed *bed, int stream, const char *text)
{
	assert_int_equal(
	    write(bed->child[stream], text, strlen(text)), strlen(text));
	streams_turns(bed->base, 3);
}

static void
existing_file_is_shared(void **state)
{
	struct bed *bed = *state;
	struct oci_stdio_spec spec = {
		.in = "", .out = bed->file, .err = bed->file
	};
	int fd = open(bed->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "old ", 4), 4);
	close(fd);
	bed_open(bed, &spec);
	bed_start(bed);
	say(bed, 1, "one ");
	say(bed, 2, "two ");
	say(bed, 1, "three");
	assert_file(bed->file, "old one two three");
	close_fd(&bed->child[1]);
	streams_turns(bed->base, 3);
	say(bed, 2, " four");
	close_fd(&bed->child[2]);
	streams_turns(bed->base, 3);
	assert_int_equal(bed->drained, 1);
	assert_file(bed->file, "old one two three four");
}

static void
file_scheme_makes_what_it_needs(void **state)
{
	struct bed *bed = *state;
	char uri[96], path[96];
	struct stat st;
	mode_t mask = umask(022);

	snprintf(uri, sizeof(uri), "file://%s/a/b/c%%20d?x=y", bed->dir);
	snprintf(path, sizeof(path), "%s/a/b/c d", bed->dir);
	struct oci_stdio_spec spec = { .in = "", .out = uri, .err = bed->err };
	bed_open(bed, &spec);
	umask(mask);
	bed_start(bed);
	say(bed, 1, "out ");
	say(bed, 2, "err ");
	assert_file(path, "out err ");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(truncate(path, 0), 0);
	say(bed, 2, "rotated");
	assert_file(path, "rotated");
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void
full_disk_does_not_stop_the_container(void **state)
{
	struct bed *bed = *state;
	struct oci_stdio_spec spec = {
		.in = "", .out = "file:///dev/full", .err = ""
	};
	size_t in = 0;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_init(null, LOG_LEVEL_ERROR, NULL);
	bed_open(bed, &spec);
	bed_start(bed);
	bed_feed_all(bed, bed->child[1], &in, 1 << 20);
	streams_assert_idle(bed->base);
	close_fd(&bed->child[1]);
	close_fd(&bed->child[2]);
	streams_turns(bed->base, 40);
	assert_int_equal(bed->drained, 1);
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	close(null);
}

static void
assert_refused(struct bed *bed, const struct oci_stdio_spec *spec,
    enum err_code code, const char *text)
{
	struct err err;

	assert_true(oci_stdio_open(bed->base, 2, spec, &bed->io, &err) < 0);
	assert_null(bed->io);
	assert_string_equal(err.msg, text);
	assert_int_equal(err.code, code);
	assert_int_equal(streams_count_fds(), bed->fds_before + bed->drained);
}

static void
errors_have_known_texts(void **state)
{
	struct bed *bed = *state;
	static const struct {
		const char *in, *out, *err;
		bool terminal;
		enum err_code code;
		const char *text;
	} cases[] = {
		{ "", "ttrpc+unix:///a?streaming_id=x", "", false, ERR_UNKNOWN,
		    "unknown STDIO scheme ttrpc+unix" },
		{ "", "binary:///bin/x", "", false, ERR_UNIMPLEMENTED,
		    "STDIO scheme binary is not supported" },
		{ "", "binary-v2:///bin/x", "", true, ERR_UNIMPLEMENTED,
		    "STDIO scheme binary-v2 is not supported" },
		{ "", "/a%zz", "", false, ERR_INVALID_ARGUMENT,
		    "unable to parse stdout uri: parse \"/a%zz\": "
		    "invalid URL escape \"%zz\"" },
		{ "", "/none", "", false, ERR_UNKNOWN,
		    "containerd-shim: opening file \"/none\" failed: "
		    "No such file or directory" },
		{ "", "", "/none", false, ERR_UNKNOWN,
		    "containerd-shim: opening file \"/none\" failed: "
		    "No such file or directory" },
		{ "/none", "/dev/null", "/dev/null", false, ERR_UNKNOWN,
		    "containerd-shim: opening /none failed: "
		    "No such file or directory" },
		{ "", "fifo:///none", "", false, ERR_UNKNOWN,
		    "containerd-shim: opening file \"fifo:///none\" failed: "
		    "No such file or directory" },
		{ "", "file:///dev/null", "", true, ERR_UNKNOWN,
		    "containerd-shim: opening file \"file:///dev/null\" "
		    "failed: No such file or directory" },
	};

	/* The base's own descriptors. */
	bed->drained = streams_count_fds() - bed->fds_before;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct oci_stdio_spec spec = { .in = cases[i].in,
			.out = cases[i].out,
			.err = cases[i].err,
			.terminal = cases[i].terminal };
		assert_refused(bed, &spec, cases[i].code, cases[i].text);
	}
}

static void
free_closes_what_was_never_started(void **state)
{
	struct bed *bed = *state;

	bed_open_fifos(bed);
	assert_false(oci_stdio_drained(bed->io));
	oci_stdio_free(bed->io);
	bed->io = NULL;
	oci_stdio_free(NULL);
	assert_int_equal(bed->drained, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BED_TEST(ten_megabytes_each_way),
		BED_TEST(late_reader_finds_everything),
		BED_TEST(reader_after_eof_finds_everything),
		BED_TEST(reader_that_never_comes_is_given_up),
		BED_TEST(reader_may_vanish_and_return),
		BED_TEST(stopped_reader_costs_nothing),
		BED_TEST(last_words_come_before_the_exit),
		BED_TEST(background_child_keeps_stdout_open),
		BED_TEST(may_be_freed_when_drained),
		BED_TEST(stdin_ends_when_both_have_closed),
		BED_TEST(stdin_may_be_closed_before_start),
		BED_TEST(container_may_close_its_stdin),
		BED_TEST(child_ends_are_as_they_should_be),
		BED_TEST(nothing_given_is_dev_null),
		BED_TEST(stdin_alone_works),
		BED_TEST(existing_file_is_shared),
		BED_TEST(file_scheme_makes_what_it_needs),
		BED_TEST(full_disk_does_not_stop_the_container),
		BED_TEST(errors_have_known_texts),
		BED_TEST(free_closes_what_was_never_started),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(120); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
