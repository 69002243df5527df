/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log file holds whose disk fills, or that others rotate: whole lines.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "oci/log-file.h"
#include "oci/relay.h"
#include "streams.h"

#define LONG 65536

struct bed {
	struct event_base *base;
	struct oci_relay *relay;
	char dir[32], path[64], old[64];
	int from[2]; /* what the container writes to is [1] */
	int logs[2];
};

static void
on_done(int status, void *arg)
{
	(void)status;
	(void)arg;
	fail();
}

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct err err;

	strcpy(bed->dir, "/tmp/log-file-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	snprintf(bed->path, sizeof(bed->path), "%s/a/b/log", bed->dir);
	snprintf(bed->old, sizeof(bed->old), "%s/log.1", bed->dir);
	assert_int_equal(pipe2(bed->logs, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(bed->from, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(fcntl(bed->from[1], F_SETPIPE_SZ, 1 << 20) > 0);
	log_init(bed->logs[1], LOG_LEVEL_INFO, NULL);
	bed->base = streams_base_new();
	const struct oci_relay_sink sink = {
		.lossy = bed->path,
		.path = bed->path,
	};
	int file = oci_log_file_open(bed->path, &err);
	assert_true(file >= 0);
	assert_int_equal(oci_relay_new_consume(bed->base, 2, bed->from[0], file,
			     &sink, on_done, bed, &bed->relay),
	    0);
	*state = bed;
	return 0;
}

static void
limit_file_size(rlim_t size)
{
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int
teardown(void **state)
{
	struct bed *bed = *state;
	char command[64];

	limit_file_size(RLIM_INFINITY);
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	oci_relay_free(bed->relay);
	event_base_free(bed->base);
	close(bed->from[1]);
	close(bed->logs[0]);
	close(bed->logs[1]);
	snprintf(command, sizeof(command), "rm -r %s", bed->dir);
	free(bed);
	return system(command); /* NOLINT(cert-env33-c): a test's own folder */
}

static void
say(const struct bed *bed, const char *text)
{
	assert_int_equal(write(bed->from[1], text, strlen(text)), strlen(text));
	streams_turns(bed->base, 3);
}

static void
say_long(const struct bed *bed, char c, size_t n)
{
	char *text = malloc(n + 1);

	memset(text, c, n);
	text[n] = 0;
	say(bed, text);
	streams_turns(bed->base, 8);
	free(text);
}

static void
assert_holds(const char *path, const char *text)
{
	char found[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	close(fd);
	assert_string_equal(found, text);
}

static size_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

/* Takes the lines of log that there are. */
static int
count_logged(const struct bed *bed)
{
	char text[4096];
	ssize_t n = read(bed->logs[0], text, sizeof(text));
	int lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

static void
a_loss_leaves_whole_lines(void **state)
{
	struct bed *bed = *state;

	say(bed, "one\n");
	limit_file_size(6);
	say(bed, "two\nthree");
	say(bed, "-more");
	limit_file_size(RLIM_INFINITY);
	say(bed, "-rest\nfour\n");
	assert_holds(bed->path, "one\ntw\nfour\n");
	assert_int_equal(oci_relay_dropped(bed->relay), 7 + 5 + 6);
}

static void
a_loss_between_lines_adds_nothing(void **state)
{
	struct bed *bed = *state;

	say(bed, "one\n");
	limit_file_size(4);
	say(bed, "two\n");
	limit_file_size(RLIM_INFINITY);
	say(bed, "three");
	say(bed, "\n");
	assert_holds(bed->path, "one\nthree\n");
	assert_int_equal(oci_relay_dropped(bed->relay), 4);
}

static void
a_lost_line_ends_somewhere(void **state)
{
	struct bed *bed = *state;

	limit_file_size(0);
	say(bed, "x");
	limit_file_size(RLIM_INFINITY);
	say_long(bed, 'y', LONG + 5);
	assert_holds(bed->path, "yyyyy");
	assert_int_equal(oci_relay_dropped(bed->relay), 1 + LONG);
}

/* Some writes fail and others do not: one outage. */
static void
an_outage_is_logged_twice(void **state)
{
	struct bed *bed = *state;

	for (rlim_t n = 1; n <= 50; n++) {
		limit_file_size(n);
		say(bed, "\n");
		say(bed, "lost\n");
	}
	assert_int_equal(oci_relay_dropped(bed->relay), 250);
	assert_int_equal(count_logged(bed), 1);
	limit_file_size(RLIM_INFINITY);
	(void)alarm(30);
	while (count_logged(bed) == 0)
		say(bed, "\n");
	(void)alarm(0);
	assert_int_equal(oci_relay_dropped(bed->relay), 250);
}

static void
a_rename_ends_at_a_line(void **state)
{
	struct bed *bed = *state;

	say(bed, "a\nb");
	assert_int_equal(rename(bed->path, bed->old), 0);
	say(bed, "c");
	say(bed, "d\ne\n");
	assert_holds(bed->old, "a\nbcd\n");
	assert_holds(bed->path, "e\n");
	/* Again, by a file that is there already. */
	assert_int_equal(rename(bed->path, bed->old), 0);
	close(open(bed->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	say(bed, "f\n");
	assert_holds(bed->old, "e\n");
	assert_holds(bed->path, "f\n");
	assert_int_equal(oci_relay_dropped(bed->relay), 0);
	assert_int_equal(count_logged(bed), 0);
}

static void
a_truncation_goes_on_at_the_start(void **state)
{
	struct bed *bed = *state;

	say(bed, "a\n");
	assert_int_equal(truncate(bed->path, 0), 0);
	say(bed, "b\n");
	assert_holds(bed->path, "b\n");
}

static void
a_removed_folder_is_made_again(void **state)
{
	struct bed *bed = *state;
	char command[64];

	say(bed, "a\n");
	snprintf(command, sizeof(command), "rm -r %s/a", bed->dir);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	say(bed, "b\n");
	assert_holds(bed->path, "b\n");
}

static void
what_cannot_be_made_anew_stays(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(rename(bed->path, bed->old), 0);
	assert_int_equal(mkdir(bed->path, 0700), 0);
	say(bed, "a\n");
	say(bed, "b\n");
	assert_holds(bed->old, "a\nb\n");
	assert_int_equal(count_logged(bed), 1);
	assert_int_equal(rmdir(bed->path), 0);
	say(bed, "c\n");
	assert_holds(bed->path, "c\n");
	assert_int_equal(count_logged(bed), 0);
	assert_int_equal(oci_relay_dropped(bed->relay), 0);
}

static void
a_line_without_end_changes_over(void **state)
{
	struct bed *bed = *state;

	say(bed, "a");
	assert_int_equal(rename(bed->path, bed->old), 0);
	say_long(bed, 'b', LONG);
	say_long(bed, 'c', 1000);
	assert_int_equal(size_of(bed->old) + size_of(bed->path), LONG + 1001);
	assert_true(size_of(bed->old) >= LONG);
	assert_true(size_of(bed->path) > 0);
}

#define BED_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_loss_leaves_whole_lines),
		BED_TEST(a_loss_between_lines_adds_nothing),
		BED_TEST(a_lost_line_ends_somewhere),
		BED_TEST(an_outage_is_logged_twice),
		BED_TEST(a_rename_ends_at_a_line),
		BED_TEST(a_truncation_goes_on_at_the_start),
		BED_TEST(a_removed_folder_is_made_again),
		BED_TEST(what_cannot_be_made_anew_stays),
		BED_TEST(a_line_without_end_changes_over),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
