/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging binaries: shell scripts, told what to do by files and FIFOs, and the
 * loop in between. Where something must not happen, a later event that it would
 * have come before is waited for.
 */
#include "oci/logger.h"

#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/child.h"
#include "test/unit/stdio-bed.h"

/* Long enough to be reached by nothing but a hang. */
#define NEVER (300 * NSEC_PER_SEC)
/* A logger's own pace. */
#define SOON (20 * NSEC_PER_MSEC)

struct logger_bed {
	struct bed bed;
	struct child_set *children;
	struct list lingering;
	struct oci_logger_owner owner;
	struct oci_logger *logger;
	int fds[2];
	int changes;
	bool release_inside;
	int logs[2];
	int ready; /* calls of stdio's function */
	char script[48], uri[96];
};

static struct logger_bed *lb;

static bool
on_orphan(pid_t pid, void *arg)
{
	(void)pid;
	(void)arg;
	return false;
}

static int
setup(void **state)
{
	void *bed;

	lb = calloc(1, sizeof(*lb));
	*state = lb;
	bed_setup(&bed);
	lb->bed = *(struct bed *)bed;
	free(bed);
	list_init(&lb->lingering);
	assert_int_equal(child_set_new(lb->bed.base, 0, on_orphan, NULL,
			     &lb->children, NULL),
	    0);
	lb->owner = (struct oci_logger_owner){ .children = lb->children,
		.lingering = &lb->lingering,
		.id = "the-id",
		.ns = "the-ns",
		.times = { .ready = NEVER, .term = NEVER, .kill = NEVER } };
	lb->fds[0] = lb->fds[1] = -1;
	assert_int_equal(pipe2(lb->logs, O_CLOEXEC | O_NONBLOCK), 0);
	log_init(lb->logs[1], LOG_LEVEL_INFO, NULL);
	return 0;
}

static int
teardown(void **state)
{
	struct bed *bed = malloc(sizeof(*bed));
	void *arg = bed;

	(void)state;
	log_init(STDERR_FILENO, LOG_LEVEL_INFO, NULL);
	close_fd(&lb->fds[0]);
	close_fd(&lb->fds[1]);
	close_fd(&lb->logs[0]);
	close_fd(&lb->logs[1]);
	oci_logger_release(lb->logger);
	oci_stdio_free(lb->bed.io);
	lb->bed.io = NULL;
	oci_logger_free_lingering(&lb->lingering);
	child_set_free(lb->children);
	*bed = lb->bed;
	free(lb);
	/* Whoever was left to itself has its EOF. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	return bed_teardown(&arg);
}

/* What a script writes into the bed's directory: it is where it runs. */
static void
write_script(const char *body)
{
	bed_name(&lb->bed, lb->script, sizeof(lb->script), "logger");
	FILE *file = fopen(lb->script, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\ncd %s\n%s\n", lb->bed.dir, body);
	fclose(file);
	assert_int_equal(chmod(lb->script, 0700), 0);
}

static void
on_changed(void *arg)
{
	struct logger_bed *b = arg;

	b->changes++;
	if (!b->release_inside)
		return;
	close_fd(&b->fds[0]);
	close_fd(&b->fds[1]);
	oci_logger_release(b->logger);
	b->logger = NULL;
}

static void
start(const char *body, const char *query, bool strict)
{
	struct err err;

	write_script(body);
	snprintf(lb->uri, sizeof(lb->uri), "binary://%s%s", lb->script, query);
	if (oci_logger_start(lb->bed.base, 1, &lb->owner, lb->uri, lb->script,
		strict, on_changed, lb, lb->fds, &lb->logger, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
turn(void)
{
	assert_true(event_base_loop(lb->bed.base, EVLOOP_ONCE) >= 0);
}

static void
wait_changes(int n)
{
	while (lb->changes < n)
		turn();
	assert_int_equal(lb->changes, n);
}

static void
wait_lingering(void)
{
	while (!list_empty(&lb->lingering))
		turn();
}

static void
close_outputs(void)
{
	close_fd(&lb->fds[0]);
	close_fd(&lb->fds[1]);
	oci_logger_closed(lb->logger);
}

static void
assert_file(const char *leaf, const char *want)
{
	char path[64];
	cleanup_free char *text = NULL;

	bed_name(&lb->bed, path, sizeof(path), leaf);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text, want);
}

/* How many lines were logged, and that one of them has this in it. */
static int
count_logs(const char *text)
{
	char buf[8192];
	ssize_t len = read(lb->logs[0], buf, sizeof(buf) - 1);
	int n = 0;

	if (len <= 0)
		return 0;
	buf[len] = '\0';
	for (const char *c = buf; *c; c++)
		n += *c == '\n';
	if (!strstr(buf, text))
		fail_msg("no \"%s\" in: %s", text, buf);
	return n;
}

static void
gets_what_was_agreed(void **state)
{
	(void)state;
	start("env | grep CONTAINER | sort >env; for a; do echo \"<$a>\"; done"
	      " >args\nls /proc/self/fd >fds; readlink /proc/$$/fd/0 "
	      "/proc/$$/fd/1 /proc/$$/fd/2 | cat >null\n"
	      "echo >&5; exec 5>&-; cat <&3 >got-out; cat <&4 >got-err",
	    "?b=2&a=%20x+y&flag&b=3&bad=%zz&e=", false);
	wait_changes(1);
	assert_int_equal(oci_logger_ready(lb->logger, NULL), 1);
	assert_false(oci_logger_gone(lb->logger));
	assert_int_equal(write(lb->fds[0], "to out", 6), 6);
	assert_int_equal(write(lb->fds[1], "to err", 6), 6);
	close_outputs();
	wait_changes(2);
	assert_true(oci_logger_gone(lb->logger));
	assert_file("env", "CONTAINER_ID=the-id\nCONTAINER_NAMESPACE=the-ns\n");
	assert_file("args", "<b>\n<2>\n<a>\n< x y>\n<flag>\n<>\n<e>\n<>\n");
	assert_file("null", "/dev/null\n/dev/null\n/dev/null\n");
	assert_file("got-out", "to out");
	assert_file("got-err", "to err");
	assert_int_equal(count_logs(""), 0);
}

static void
any_end_of_silence_is_ready_unless_strict(void **state)
{
	(void)state;
	start("exec 5>&-; cat <&3", "", false);
	wait_changes(1);
	assert_int_equal(oci_logger_ready(lb->logger, NULL), 1);
	close_outputs();
	wait_changes(2);
}

static void
a_crash_is_ready_and_logged(void **state)
{
	(void)state;
	start("exit 3", "", false);
	wait_changes(2);
	assert_int_equal(oci_logger_ready(lb->logger, NULL), 1);
	assert_true(oci_logger_gone(lb->logger));
	assert_int_equal(
	    count_logs("has ended before its input: exit status 3"), 1);
}

static void
strict_takes_a_byte(void **state)
{
	(void)state;
	start("printf '\\0' >&5; cat <&3", "", true);
	wait_changes(1);
	assert_int_equal(oci_logger_ready(lb->logger, NULL), 1);
	close_outputs();
	wait_changes(2);
}

static void
strict_tells_the_status(void **state)
{
	struct err err;

	(void)state;
	start("exit 42", "", true);
	assert_int_equal(oci_logger_ready(lb->logger, &err), 0);
	while (oci_logger_ready(lb->logger, &err) == 0)
		turn();
	assert_true(oci_logger_ready(lb->logger, &err) < 0);
	assert_int_equal(err.code, ERR_UNKNOWN);
	assert_non_null(strstr(err.msg, "logging binary did not call ready"));
	assert_non_null(strstr(err.msg, ": exit status 42"));
	assert_int_equal(count_logs(""), 0);
}

static void
strict_waits_for_no_status(void **state)
{
	struct err err;

	(void)state;
	start("exec 5>&-; cat <&3", "", true);
	wait_changes(1);
	assert_true(oci_logger_ready(lb->logger, &err) < 0);
	assert_non_null(strstr(err.msg, "still running"));
	assert_false(oci_logger_gone(lb->logger));
}

static void
never_ready_is_given_up(void **state)
{
	struct err err;

	(void)state;
	lb->owner.times.ready = SOON;
	start("exec sleep 1000", "", false);
	wait_changes(1);
	assert_true(oci_logger_ready(lb->logger, &err) < 0);
	assert_int_equal(err.code, ERR_DEADLINE_EXCEEDED);
	assert_non_null(strstr(err.msg, "context deadline exceeded"));
	/* It is of no use to anybody, and killed. */
	oci_logger_release(lb->logger);
	lb->logger = NULL;
	wait_lingering();
	assert_int_equal(count_logs(""), 0);
}

static void
what_cannot_be_run_is_told(void **state)
{
	struct err err;
	int n = streams_count_fds();

	(void)state;
	assert_true(oci_logger_start(lb->bed.base, 1, &lb->owner,
			"binary:///no/such", "/no/such", false, on_changed, lb,
			lb->fds, &lb->logger, &err) < 0);
	assert_int_equal(err.code, ERR_UNKNOWN);
	assert_string_equal(err.msg,
	    "failed to start logging binary: fork/exec /no/such: "
	    "no such file or directory");
	assert_int_equal(streams_count_fds(), n);
	assert_true(oci_logger_start(lb->bed.base, 1, &lb->owner, "binary:", "",
			false, on_changed, lb, lb->fds, &lb->logger, &err) < 0);
	assert_int_equal(err.code, ERR_UNKNOWN);
	assert_null(lb->logger);
}

static void
is_ended_by_sigterm(void **state)
{
	(void)state;
	lb->owner.times.term = SOON;
	start("trap 'echo yes >term; exit 0' TERM; exec 5>&-\n"
	      "while :; do sleep 0.02; done",
	    "", false);
	wait_changes(1);
	close_outputs();
	oci_logger_end(lb->logger);
	oci_logger_end(lb->logger);
	wait_changes(2);
	assert_file("term", "yes\n");
	assert_int_equal(count_logs(""), 0);
}

static void
is_killed_in_the_end(void **state)
{
	(void)state;
	lb->owner.times.term = lb->owner.times.kill = SOON;
	start(
	    "trap '' TERM; exec 5>&-; while :; do sleep 0.02; done", "", false);
	wait_changes(1);
	close_fd(&lb->fds[0]);
	close_fd(&lb->fds[1]);
	oci_logger_release(lb->logger);
	lb->logger = NULL;
	assert_false(list_empty(&lb->lingering));
	wait_lingering();
	assert_int_equal(count_logs(": signal 9"), 1);
}

static void
may_be_released_when_ready(void **state)
{
	(void)state;
	lb->release_inside = true;
	start("exec 5>&-; cat <&3", "", false);
	wait_changes(1);
	assert_false(list_empty(&lb->lingering));
	wait_lingering();
	assert_int_equal(lb->changes, 1);
}

static void
may_be_released_when_gone(void **state)
{
	(void)state;
	start("exec 5>&-; cat <&3", "", false);
	wait_changes(1);
	lb->release_inside = true;
	close_outputs();
	wait_changes(2);
	assert_true(list_empty(&lb->lingering));
}

/* Only one that was told to end, and does not, is killed with its owner. */
static void
outlives_its_owner(void **state)
{
	(void)state;
	start("exec 5>&-; cat <&3 >got-out; echo end >end", "", false);
	wait_changes(1);
	assert_int_equal(write(lb->fds[0], "x", 1), 1);
	close_outputs();
	oci_logger_release(lb->logger);
	lb->logger = NULL;
	oci_logger_free_lingering(&lb->lingering);
	assert_true(list_empty(&lb->lingering));
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_file("end", "end\n");
	assert_file("got-out", "x");
}

/* ---- with standard streams ---- */

static void
on_stdio_ready(void *arg)
{
	struct logger_bed *b = arg;

	b->ready++;
}

static void
open_stdio(const char *body, const char *scheme, bool terminal)
{
	struct err err;

	write_script(body);
	snprintf(lb->uri, sizeof(lb->uri), "%s://%s", scheme, lb->script);
	struct oci_stdio_spec spec = { .in = "",
		.out = lb->uri,
		.err = "ignored",
		.terminal = terminal,
		.logger = &lb->owner };
	bed_open(&lb->bed, &spec);
	assert_int_equal(oci_stdio_ready(lb->bed.io, &err), 0);
	oci_stdio_on_ready(lb->bed.io, on_stdio_ready, lb);
	while (!lb->ready)
		turn();
	assert_int_equal(lb->ready, 1);
}

static void
wait_drained(void)
{
	while (!oci_stdio_drained(lb->bed.io))
		turn();
	assert_int_equal(lb->bed.drained, 1);
}

static void
streams_go_to_the_logger(void **state)
{
	struct err err;

	(void)state;
	open_stdio("exec 5>&-; cat <&4 >got-err & cat <&3 >got-out; wait",
	    "binary", false);
	assert_int_equal(oci_stdio_ready(lb->bed.io, &err), 1);
	bed_start(&lb->bed);
	assert_int_equal(lb->bed.child[0], -1);
	assert_int_equal(write(lb->bed.child[1], "to out", 6), 6);
	assert_int_equal(write(lb->bed.child[2], "to err", 6), 6);
	close_fd(&lb->bed.child[1]);
	close_fd(&lb->bed.child[2]);
	wait_drained();
	assert_file("got-out", "to out");
	assert_file("got-err", "to err");
	assert_int_equal(count_logs(""), 0);
}

static void
streams_tell_what_is_unready(void **state)
{
	struct err err;

	(void)state;
	open_stdio("exit 1", "binary-v2", false);
	assert_true(oci_stdio_ready(lb->bed.io, &err) < 0);
	assert_non_null(strstr(err.msg, "did not call ready"));
}

static void
finish_ends_a_logger(void **state)
{
	(void)state;
	lb->owner.times.term = SOON;
	open_stdio("trap 'echo yes >term; exit 0' TERM; exec 5>&-\n"
		   "while :; do sleep 0.02; done",
	    "binary", false);
	bed_start(&lb->bed);
	oci_stdio_finish(lb->bed.io);
	close_fd(&lb->bed.child[1]);
	close_fd(&lb->bed.child[2]);
	wait_drained();
	assert_file("term", "yes\n");
}

static void
dead_logger_costs_its_output_only(void **state)
{
	size_t in = 0;

	(void)state;
	open_stdio("exec 5>&-; exit 7", "binary", false);
	bed_start(&lb->bed);
	while (in < 1 << 20) {
		streams_feed(lb->bed.child[1], &in, (1 << 20) - in);
		streams_turns(lb->bed.base, 1);
	}
	close_fd(&lb->bed.child[1]);
	close_fd(&lb->bed.child[2]);
	wait_drained();
	oci_stdio_free(lb->bed.io);
	lb->bed.io = NULL;
	/* Its exit, the outage, the loss. */
	assert_int_equal(
	    count_logs("1048576 bytes of output to 'logging binary "
		       "of the-id' were lost"),
	    3);
}

static void
terminal_goes_to_the_logger(void **state)
{
	struct err err;
	int slave, master = streams_open_pty(&slave);

	(void)state;
	open_stdio("exec 5>&-; (cat <&4 >got-err; echo end >>got-err) 3<&- &\n"
		   "cat <&3 4<&- >got-out; cat got-err >then; exec 4<&-; wait",
	    "binary", true);
	bed_start(&lb->bed);
	assert_int_equal(
	    oci_stdio_set_console_consume(lb->bed.io, master, &err), 0);
	assert_int_equal(write(slave, "to out", 6), 6);
	close(slave);
	oci_stdio_process_exited(lb->bed.io);
	wait_drained();
	assert_file("got-out", "to out");
	assert_file("got-err", "end\n");
}

/* valgrind 3.19 knows no pidfd_open(2). */
static void
test_skipped(void **state)
{
	(void)state;
	skip();
}

static bool
have_pidfds(void)
{
	cleanup_close int fd = pidfd_open(getpid(), 0);

	return fd >= 0;
}

int
main(void)
{
	static const struct CMUnitTest skipped[] = {
		cmocka_unit_test(test_skipped),
	};
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(gets_what_was_agreed),
		TEST(any_end_of_silence_is_ready_unless_strict),
		TEST(a_crash_is_ready_and_logged),
		TEST(strict_takes_a_byte),
		TEST(strict_tells_the_status),
		TEST(strict_waits_for_no_status),
		TEST(never_ready_is_given_up),
		TEST(what_cannot_be_run_is_told),
		TEST(is_ended_by_sigterm),
		TEST(is_killed_in_the_end),
		TEST(may_be_released_when_ready),
		TEST(may_be_released_when_gone),
		TEST(outlives_its_owner),
		TEST(streams_go_to_the_logger),
		TEST(streams_tell_what_is_unready),
		TEST(finish_ends_a_logger),
		TEST(dead_logger_costs_its_output_only),
		TEST(terminal_goes_to_the_logger),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(120); /* a hang is a failure */
	if (!have_pidfds())
		return cmocka_run_group_tests(skipped, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
