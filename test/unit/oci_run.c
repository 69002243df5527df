/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of runtime commands: the join of exit and output, the deadline, and
 * runtimes that hang, flood, ignore their input or leave somebody behind who
 * holds their pipe. Time is the test's own: clock_gettime() is replaced, and so
 * is pidfd_send_signal(), to have a process that does not die.
 *
 * link: -Wl,--wrap=pidfd_send_signal
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "oci/run.h"

#define HOUR (3600 * NSEC_PER_SEC)
#define KEPT 65536

int __real_pidfd_send_signal(
    int pidfd, int sig, siginfo_t *info, unsigned flags);
int __wrap_pidfd_send_signal(
    int pidfd, int sig, siginfo_t *info, unsigned flags);

static struct event_base *base;
static struct child_set *set;
static int fds_before;
static time_t clock_ahead; /* seconds */
static time_t stopped_at;  /* 0: the clock runs */
static bool immortal;
static size_t n_orphans;

static struct {
	int calls;
	bool free_inside;
	struct oci_run_result result;
	struct err described;
	char *output;
} got;
static struct oci_run *run;

/* Takes the place of libc's also for libevent. */
int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, clock, ts);

	ts->tv_sec += clock_ahead;
	if (stopped_at)
		*ts = (struct timespec){ .tv_sec = stopped_at };
	return (int)r;
}

int
__wrap_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
	if (immortal)
		return 0;
	return __real_pidfd_send_signal(pidfd, sig, info, flags);
}

static int
count_fds(void)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

static bool
on_orphan(pid_t pid, void *arg)
{
	(void)pid;
	(void)arg;
	n_orphans++;
	return false;
}

static void
on_done(struct oci_run *which, const struct oci_run_result *result, void *arg)
{
	assert_ptr_equal(arg, &got);
	assert_ptr_equal(which, run);
	assert_true(oci_run_exited(which));
	got.calls++;
	got.result = *result;
	oci_run_describe(result, &got.described);
	if (result->output) {
		assert_int_equal(result->output[result->output_len], '\0');
		got.output = strdup(result->output);
	}
	if (got.free_inside) {
		oci_run_free(which);
		run = NULL;
	}
}

static int
setup(void **state)
{
	(void)state;
	struct event_config *config = event_config_new();
	struct err err;

	memset(&got, 0, sizeof(got));
	run = NULL;
	immortal = false;
	stopped_at = 0;
	n_orphans = 0;
	fds_before = count_fds();
	base = event_base_new_with_config(config);
	event_config_free(config);
	assert_int_equal(event_base_priority_init(base, 3), 0);
	assert_int_equal(
	    child_set_new(base, 0, on_orphan, NULL, &set, &err), 0);
	return 0;
}

static void
turn(void)
{
	assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
}

static void
turn_if_ready(void)
{
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int
teardown(void **state)
{
	(void)state;
	siginfo_t info;

	oci_run_free(run);
	free(got.output);
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		turn();
	child_set_free(set);
	event_base_free(base);
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

static void
start(const struct oci_run_spec *like, const char *script)
{
	cleanup_free char *text = strdup(script);
	char sh[] = "sh", c[] = "-c";
	char *argv[] = { sh, c, text, NULL };
	struct oci_run_spec spec = *like;
	struct err err;

	spec.argv = argv;
	int r = oci_run_start(base, 0, set, &spec, on_done, &got, &run, &err);
	if (r < 0)
		fail_msg("%s", err.msg);
}

static void
wait_done(void)
{
	while (got.calls == 0)
		turn();
	assert_int_equal(got.calls, 1);
}

static const struct oci_run_spec quiet = { .stdio = { -1, -1, -1 } };
static const struct oci_run_spec captured = { .stdio = { -1, -1, -1 },
	.capture = true };

static void
test_ok(void **state)
{
	(void)state;
	start(&quiet, "exit 0");
	assert_int_equal(got.calls, 0);
	wait_done();
	assert_true(got.result.ok);
	assert_null(got.result.output);
	assert_string_equal(got.result.argv0, "sh");
	assert_true(oci_run_exited(run));
	oci_run_abort(run);
	oci_run_hurry(run, 0);
	turn_if_ready();
	assert_int_equal(got.calls, 1);
}

static void
test_fails(void **state)
{
	(void)state;
	start(&quiet, "exit 3");
	wait_done();
	assert_false(got.result.ok);
	assert_int_equal(got.result.exit.value, 3);
	assert_string_equal(got.described.msg,
	    "sh did not terminate successfully: exit status 3");
	assert_int_equal(got.described.code, ERR_UNKNOWN);
}

static void
test_killed_by_other(void **state)
{
	(void)state;
	start(&quiet, "kill -9 $$");
	wait_done();
	assert_false(got.result.ok);
	assert_false(got.result.timed_out);
	assert_string_equal(got.described.msg,
	    "sh did not terminate successfully: signal: killed");
	assert_int_equal(got.described.code, ERR_UNKNOWN);
}

static void
test_output(void **state)
{
	(void)state;
	start(&captured, "echo out; echo err >&2; exit 1");
	wait_done();
	assert_string_equal(got.output, "out\nerr\n");
	assert_int_equal(got.result.output_len, 8);
	assert_string_equal(got.described.msg,
	    "sh did not terminate successfully: exit status 1: out\nerr");
}

static void
test_no_output(void **state)
{
	(void)state;
	start(&captured, "exit 1");
	wait_done();
	assert_string_equal(got.output, "");
	assert_string_equal(got.described.msg,
	    "sh did not terminate successfully: exit status 1");
}

static void
test_stdio(void **state)
{
	(void)state;
	int fds[2];
	char text[16] = "";

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct oci_run_spec spec = { .stdio = { -1, fds[1], fds[1] } };
	start(&spec, "cat; echo out; echo err >&2");
	(void)close(fds[1]);
	wait_done();
	assert_true(got.result.ok);
	assert_int_equal(fd_read_full(fds[0], text, sizeof(text) - 1), 8);
	assert_string_equal(text, "out\nerr\n");
	(void)close(fds[0]);
}

static void
test_free_inside(void **state)
{
	(void)state;
	got.free_inside = true;
	start(&captured, "echo x");
	wait_done();
	assert_null(run);
	assert_string_equal(got.output, "x\n");
}

/* More than is kept is read all the same. */
static void
test_much_output(void **state)
{
	(void)state;
	start(&captured, "head -c 1000000 /dev/zero | tr '\\0' x; exit 2");
	wait_done();
	assert_int_equal(got.result.exit.value, 2);
	assert_int_equal(got.result.output_len, KEPT);
	for (size_t i = 0; i < KEPT; i++)
		assert_int_equal(got.output[i], 'x');
	assert_non_null(strstr(got.described.msg, "exit status 2: ...xxx"));
}

static void
on_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* The end we read from of the pipe that is new since `before`. */
static int
find_pipe(const bool *before, int n)
{
	struct stat st;

	for (int fd = 3; fd < n; fd++) {
		if (!before[fd] && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
			return fd;
	}
	fail_msg("no new pipe");
	return -1;
}

/* A runtime that writes without end does not keep others from their turn: what
 * is only dropped waits, though there is more to read. */
static void
test_flood(void **state)
{
	(void)state;
	static char flood[300000];
	bool other = false, before[64];
	char path[32];
	int fds[2], left;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fd_write_full(fds[1], "x", 1), 0);
	for (int fd = 0; fd < 64; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	start(&captured, "exec sleep 100000");
	int pipe_fd = find_pipe(before, 64);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe_fd);
	int flood_fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(flood_fd >= 0);
	assert_true(fcntl(flood_fd, F_SETPIPE_SZ, 1 << 20) >= (1 << 20));
	assert_int_equal(fd_write_full(flood_fd, flood, sizeof(flood)), 0);
	/* Ready all the time, but of lesser priority. */
	struct event *event =
	    event_new(base, fds[0], EV_READ, on_other, &other);
	assert_int_equal(event_priority_set(event, 1), 0);
	assert_int_equal(event_add(event, NULL), 0);
	while (!other)
		turn();
	assert_int_equal(ioctl(pipe_fd, FIONREAD, &left), 0);
	assert_true(left > 0);
	(void)close(flood_fd);
	oci_run_abort(run);
	wait_done();
	assert_true(got.result.aborted);
	assert_int_equal(got.result.output_len, KEPT);
	event_free(event);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_input(void **state)
{
	(void)state;
	/* More than a pipe holds. */
	size_t len = 300000;
	cleanup_free char *input = malloc(len + 1);
	struct oci_run_spec spec = captured;

	assert_non_null(input);
	memset(input, 'i', len);
	input[len] = '\0';
	spec.input = input;
	start(&spec, "wc -c");
	memset(input, 'z', len);
	wait_done();
	assert_true(got.result.ok);
	assert_string_equal(got.output, "300000\n");
}

static void
test_empty_input(void **state)
{
	(void)state;
	struct oci_run_spec spec = captured;

	spec.input = "";
	start(&spec, "wc -c");
	wait_done();
	assert_string_equal(got.output, "0\n");
}

static void
test_input_not_read(void **state)
{
	(void)state;
	size_t len = 300000;
	cleanup_free char *input = calloc(1, len + 1);
	struct oci_run_spec spec = captured;

	assert_non_null(input);
	memset(input, 'i', len);
	spec.input = input;
	start(&spec, "exec <&-; echo no; exit 1");
	wait_done();
	assert_int_equal(got.result.exit.value, 1);
	assert_string_equal(got.output, "no\n");
}

static void
test_deadline(void **state)
{
	(void)state;
	struct oci_run_spec spec = captured;

	spec.timeout_ns = HOUR;
	start(&spec, "echo begun; exec sleep 100000");
	turn_if_ready();
	assert_int_equal(got.calls, 0);
	assert_false(oci_run_exited(run));
	clock_ahead += 3700;
	wait_done();
	assert_false(got.result.ok);
	assert_true(got.result.timed_out);
	assert_false(got.result.aborted);
	assert_int_equal(child_exit_status(&got.result.exit), 137);
	assert_int_equal(got.described.code, ERR_DEADLINE_EXCEEDED);
	assert_non_null(strstr(got.described.msg,
	    "sh did not terminate successfully: signal: killed"));
	assert_non_null(
	    strstr(got.described.msg, ": context deadline exceeded"));
}

static void
test_deadline_kept(void **state)
{
	(void)state;
	struct oci_run_spec spec = captured;

	spec.timeout_ns = INT64_MAX;
	start(&spec, "echo in time");
	wait_done();
	assert_true(got.result.ok);
}

static void
test_hurry(void **state)
{
	(void)state;
	struct oci_run_spec spec = quiet;

	spec.timeout_ns = HOUR;
	start(&spec, "exec sleep 100000");
	oci_run_hurry(run, 1800 * NSEC_PER_SEC);
	oci_run_hurry(run, 10 * HOUR); /* later than it was: nothing */
	clock_ahead += 1000;
	turn_if_ready();
	assert_int_equal(got.calls, 0);
	clock_ahead += 1000;
	wait_done();
	assert_true(got.result.timed_out);
}

static void
test_hurry_without_deadline(void **state)
{
	(void)state;
	start(&quiet, "exec sleep 100000");
	oci_run_hurry(run, 0);
	assert_int_equal(got.calls, 0);
	wait_done();
	assert_true(got.result.timed_out);
}

static void
test_abort(void **state)
{
	(void)state;
	start(&quiet, "exec sleep 100000");
	oci_run_abort(run);
	oci_run_abort(run);
	assert_int_equal(got.calls, 0);
	wait_done();
	assert_true(got.result.aborted);
	assert_false(got.result.timed_out);
	assert_int_equal(got.described.code, ERR_CANCELED);
	assert_string_equal(got.described.msg,
	    "sh did not terminate successfully: signal: killed: context "
	    "canceled");
}

/* Waits until the runtime is dead, with the loop not turned. */
static void
wait_exited(void)
{
	while (!oci_run_exited(run))
		(void)poll(NULL, 0, 1);
}

/* It was dead before: its own status counts. */
static void
test_abort_of_dead(void **state)
{
	(void)state;
	start(&quiet, "exit 0");
	wait_exited();
	assert_int_equal(got.calls, 0);
	oci_run_abort(run);
	wait_done();
	assert_false(got.result.aborted);
	assert_true(got.result.ok);
}

/* Somebody behind the runtime holds the pipe; the script prints its pid. */
static const char leave_holder[] = "sleep 100000 & echo $!";

/* Ends who is left; our turn to reap him, too. */
static void
kill_holder(void)
{
	char *end;
	long pid = strtol(got.output, &end, 10);

	assert_string_equal(end, "\n");
	assert_true(pid > 1);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	while (n_orphans == 0)
		turn();
}

static void
test_pipe_held(void **state)
{
	(void)state;
	start(&captured, leave_holder);
	while (!oci_run_exited(run))
		turn();
	turn_if_ready();
	clock_ahead += 1;
	wait_done();
	assert_true(got.result.ok);
	kill_holder();
}

/* What is written after the exit, within the time for it, is not lost. The
 * clock stands still, so that there is time. */
static void
test_late_output(void **state)
{
	(void)state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct oci_run_spec spec = { .stdio = { fds[0], -1, -1 },
		.capture = true };
	start(&spec, "exec 4<&0; (read x <&4; echo late) & echo first");
	(void)close(fds[0]);
	stopped_at = time(NULL);
	while (!oci_run_exited(run))
		turn();
	turn_if_ready();
	assert_int_equal(got.calls, 0);
	(void)close(fds[1]);
	wait_done();
	assert_true(got.result.ok);
	assert_string_equal(got.output, "first\nlate\n");
}

static void
test_pipe_held_past_deadline(void **state)
{
	(void)state;
	struct oci_run_spec spec = captured;

	spec.timeout_ns = HOUR;
	start(&spec, leave_holder);
	while (!oci_run_exited(run))
		turn();
	turn_if_ready();
	if (got.calls == 0)
		oci_run_hurry(run, 0);
	wait_done();
	assert_true(got.result.ok);
	assert_false(got.result.timed_out);
	kill_holder();
}

static void
test_abort_with_pipe_held(void **state)
{
	(void)state;
	start(&captured, leave_holder);
	while (!oci_run_exited(run))
		turn();
	turn_if_ready();
	oci_run_abort(run);
	wait_done();
	assert_true(got.result.ok);
	assert_false(got.result.aborted);
	kill_holder();
}

/* Output at EOF long before the exit. */
static void
test_eof_first(void **state)
{
	(void)state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct oci_run_spec spec = { .stdio = { fds[0], -1, -1 },
		.capture = true };
	start(&spec, "echo said; exec >&- 2>&-; read x; exit 4");
	(void)close(fds[0]);
	turn();
	turn_if_ready();
	assert_int_equal(got.calls, 0);
	(void)close(fds[1]);
	wait_done();
	assert_int_equal(got.result.exit.value, 4);
	assert_string_equal(got.output, "said\n");
}

/* A process stuck in the kernel: the run ends, the process later. */
static void
test_immortal(void **state)
{
	(void)state;
	struct oci_run_spec spec = captured;

	immortal = true;
	spec.timeout_ns = HOUR;
	start(&spec, "echo $$; exec sleep 100000");
	while (!got.calls) {
		clock_ahead += 3700;
		turn();
	}
	assert_int_equal(got.calls, 1);
	assert_true(got.result.timed_out);
	assert_int_equal(child_exit_status(&got.result.exit), 137);
	assert_int_equal(kill(got.result.exit.pid, SIGKILL), 0);
	while (n_orphans == 0)
		turn();
	assert_int_equal(got.calls, 1);
}

static void
test_free_running(void **state)
{
	(void)state;
	start(&captured, "exec sleep 100000");
	oci_run_free(run);
	run = NULL;
	while (n_orphans == 0)
		turn();
	assert_int_equal(got.calls, 0);
	oci_run_free(NULL);
}

static void
test_cannot_start(void **state)
{
	(void)state;
	char name[] = "no-such-runtime";
	char *argv[] = { name, NULL };
	struct oci_run_spec spec = captured;
	struct err err;

	spec.argv = argv;
	spec.input = "x";
	spec.timeout_ns = HOUR;
	assert_int_equal(
	    oci_run_start(base, 0, set, &spec, on_done, &got, &run, &err),
	    -ENOENT);
	assert_string_equal(err.msg,
	    "exec: \"no-such-runtime\": executable file not found in $PATH");
	assert_null(run);
	turn_if_ready();
	assert_int_equal(got.calls, 0);
}

static void
test_describe(void **state)
{
	(void)state;
	static const struct {
		struct child_exit exit;
		const char *output, *want;
	} cases[] = {
		{ { .value = 0 }, NULL, "exit status 0" },
		{ { .value = 255 }, " \n", "exit status 255" },
		{ { .value = 1 }, "a b\n \n", "exit status 1: a b" },
		{ { .signaled = true, .value = SIGKILL }, "x",
		    "signal: killed: x" },
		{ { .signaled = true, .value = SIGTERM }, "",
		    "signal: terminated" },
		{ { .signaled = true, .value = SIGSEGV }, NULL,
		    "signal: segmentation fault" },
		{ { .signaled = true, .value = 40 }, NULL,
		    "signal: signal 40" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *output = cases[i].output;
		struct oci_run_result result = {
			.exit = cases[i].exit,
			.argv0 = "runc",
			.output = output,
			.output_len = output ? strlen(output) : 0,
		};
		char want[128];
		struct err err;

		oci_run_describe(&result, &err);
		(void)snprintf(want, sizeof(want),
		    "runc did not terminate successfully: %s", cases[i].want);
		assert_string_equal(err.msg, want);
	}
}

/* The end of a long output counts, and no character is cut in two. */
static void
test_describe_long(void **state)
{
	(void)state;
	/* Wherever the cut falls. */
	for (size_t shift = 0; shift < 3; shift++) {
		char output[3001 + 3] = "";
		struct oci_run_result result = {
			.exit = { .value = 1 },
			.argv0 = "runc",
			.output = output,
			.output_len = 3000 + shift,
		};
		struct err err;

		for (size_t i = 0; i < 1000; i++)
			memcpy(output + 3 * i, "\xe2\x82\xac", 3);
		memset(output + 3000, 'z', shift);
		oci_run_describe(&result, &err);
		assert_true(strlen(err.msg) < sizeof(err.msg) - 1);
		const char *cut = strstr(err.msg, ": ...");
		assert_non_null(cut);
		assert_memory_equal(cut + 5, "\xe2\x82\xac", 3);
		assert_string_equal(
		    err.msg + strlen(err.msg) - shift, output + 3000);
	}
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	struct CMUnitTest tests[] = {
		TEST(test_ok),
		TEST(test_fails),
		TEST(test_killed_by_other),
		TEST(test_output),
		TEST(test_no_output),
		TEST(test_stdio),
		TEST(test_free_inside),
		TEST(test_much_output),
		TEST(test_flood),
		TEST(test_input),
		TEST(test_empty_input),
		TEST(test_input_not_read),
		TEST(test_deadline),
		TEST(test_deadline_kept),
		TEST(test_hurry),
		TEST(test_hurry_without_deadline),
		TEST(test_abort),
		TEST(test_abort_of_dead),
		TEST(test_pipe_held),
		TEST(test_late_output),
		TEST(test_pipe_held_past_deadline),
		TEST(test_abort_with_pipe_held),
		TEST(test_eof_first),
		TEST(test_immortal),
		TEST(test_free_running),
		TEST(test_cannot_start),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_describe_long),
	};

	bool skipped = !have_pidfds();

	for (size_t i = 0; skipped && i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i] = (struct CMUnitTest){
			.name = tests[i].name,
			.test_func = test_skipped,
		};
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
