/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console socket, with runtimes that behave and peers that do not. Time is
 * the test's own: clock_gettime() is replaced, so that a peer can be silent for
 * ten seconds at once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/cleanup.h"
#include "oci/console.h"

#define MANY_FDS 60

static struct event_base *base;
static struct oci_console *console;
static int fds_before;
static time_t clock_ahead; /* seconds */

static struct {
	int calls, master;
	bool free_inside;
	struct err err;
} got;

/* Takes the place of libc's also for libevent. */
int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, clock, ts);

	ts->tv_sec += clock_ahead;
	return (int)r;
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

static void
on_done(int master, const struct err *err, void *arg)
{
	assert_ptr_equal(arg, &got);
	got.calls++;
	got.master = master;
	if (master < 0)
		got.err = *err;
	else
		assert_null(err);
	if (got.free_inside) {
		oci_console_free(console);
		console = NULL;
	}
}

static int
setup(void **state)
{
	(void)state;
	struct event_config *config = event_config_new();
	struct err err;

	memset(&got, 0, sizeof(got));
	fds_before = count_fds();
	base = event_base_new_with_config(config);
	event_config_free(config);
	assert_int_equal(event_base_priority_init(base, 3), 0);
	assert_int_equal(
	    oci_console_new(base, 1, on_done, &got, &console, &err), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (got.master > 0)
		(void)close(got.master);
	if (console) {
		cleanup_free char *path = strdup(oci_console_path(console));

		oci_console_free(console);
		assert_int_equal(access(path, F_OK), -1);
		*strrchr(path, '/') = '\0';
		assert_int_equal(access(path, F_OK), -1);
	}
	event_base_free(base);
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Sends len bytes of name with n copies of fd. */
static void
send_fds(int sock, size_t len, int fd, size_t n)
{
	char name[8192];
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(MANY_FDS * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = name, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(name, 'n', sizeof(name));
	memset(&control, 0, sizeof(control));
	if (n > 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			memcpy(
			    CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(sock, &msg, 0), len);
}

static int
open_master(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void
wait_done(void)
{
	while (got.calls == 0)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	assert_int_equal(got.calls, 1);
}

static void
turn_if_ready(void)
{
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
test_place(void **state)
{
	(void)state;
	cleanup_free char *path = strdup(oci_console_path(console));
	struct stat st;

	assert_true(strlen(path) <= 106);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	oci_console_free(NULL);
}

/* $XDG_RUNTIME_DIR first; when it is too long or missing, the next. */
static void
test_runtime_dir(void **state)
{
	(void)state;
	char dir[] = "/tmp/chock-xdg-XXXXXX";
	char too_long[200] = "/tmp/";
	const char *values[] = { dir, too_long, "/no/such/dir", "relative" };
	struct err err;

	assert_non_null(mkdtemp(dir));
	memset(too_long + 5, 'x', sizeof(too_long) - 6);
	(void)mkdir(too_long, 0700);
	for (size_t i = 0; i < 4; i++) {
		struct oci_console *other;

		(void)setenv("XDG_RUNTIME_DIR", values[i], 1);
		assert_int_equal(
		    oci_console_new(base, 1, on_done, &got, &other, &err), 0);
		const char *path = oci_console_path(other);
		assert_int_equal(strncmp(path, dir, strlen(dir)) == 0, i == 0);
		assert_true(strlen(path) <= 106);
		assert_int_equal(access(path, F_OK), 0);
		oci_console_free(other);
	}
	(void)unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(rmdir(too_long), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_terminal(void **state)
{
	(void)state;
	cleanup_close int sock = connect_to(oci_console_path(console));
	cleanup_close int master = open_master();
	struct stat sent, received;

	send_fds(sock, 10, master, 1);
	wait_done();
	assert_true(got.master >= 0);
	assert_int_not_equal(got.master, master);
	assert_int_equal(fstat(master, &sent), 0);
	assert_int_equal(fstat(got.master, &received), 0);
	assert_int_equal(sent.st_rdev, received.st_rdev);
	assert_true(fcntl(got.master, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(got.master, F_GETFL) & O_NONBLOCK);
	turn_if_ready();
	assert_int_equal(got.calls, 1);
	assert_int_equal(connect_to(oci_console_path(console)), -1);
}

static void
test_longest_name(void **state)
{
	(void)state;
	cleanup_close int sock = connect_to(oci_console_path(console));
	cleanup_close int master = open_master();

	send_fds(sock, 4095, master, 1);
	wait_done();
	assert_true(got.master >= 0);
}

static void
test_free_inside(void **state)
{
	(void)state;
	for (int good = 0; good < 2; good++) {
		cleanup_close int sock = connect_to(oci_console_path(console));
		cleanup_close int master = open_master();
		struct err err;

		got.free_inside = true;
		send_fds(sock, 1, master, good ? 1 : 0);
		wait_done();
		assert_null(console);
		assert_int_equal(got.master >= 0, good);
		if (good)
			break;
		got.calls = 0;
		assert_int_equal(
		    oci_console_new(base, 1, on_done, &got, &console, &err), 0);
	}
}

static void
expect_fault(size_t len, int fd, size_t n, const char *text)
{
	cleanup_close int sock = connect_to(oci_console_path(console));

	if (len > 0)
		send_fds(sock, len, fd, n);
	(void)shutdown(sock, SHUT_WR);
	wait_done();
	assert_int_equal(got.master, -1);
	assert_string_equal(got.err.msg, text);
	assert_int_equal(got.err.code, ERR_UNKNOWN);
}

static void
test_no_terminal(void **state)
{
	(void)state;
	expect_fault(5, -1, 0, "console socket: no terminal in the message");
}

static void
test_hang_up(void **state)
{
	(void)state;
	expect_fault(
	    0, -1, 0, "console socket: closed before a terminal was sent");
}

static void
test_two_terminals(void **state)
{
	(void)state;
	cleanup_close int master = open_master();

	expect_fault(5, master, 2,
	    "console socket: more than one descriptor in the message");
}

static void
test_many_terminals(void **state)
{
	(void)state;
	cleanup_close int master = open_master();

	expect_fault(5, master, MANY_FDS,
	    "console socket: more than one descriptor in the message");
}

static void
test_name_too_long(void **state)
{
	(void)state;
	cleanup_close int master = open_master();

	expect_fault(
	    4096, master, 1, "console socket: the terminal's name is too long");
}

static void
test_no_tty(void **state)
{
	(void)state;
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	expect_fault(
	    5, null, 1, "console socket: provided file is not a console");
}

static void
test_reset(void **state)
{
	(void)state;
	int sock = connect_to(oci_console_path(console));

	(void)close(sock);
	wait_done();
	assert_int_equal(got.master, -1);
}

/* A peer that connects and is silent is waited for, but not for ever; the loop
 * goes on meanwhile. */
static void
test_silence(void **state)
{
	(void)state;
	cleanup_close int sock = connect_to(oci_console_path(console));

	assert_true(sock >= 0);
	turn_if_ready();
	assert_int_equal(got.calls, 0);
	clock_ahead += 11;
	wait_done();
	assert_int_equal(got.master, -1);
	assert_string_equal(got.err.msg,
	    "console socket: wait for the terminal: Connection timed out");
	assert_int_equal(got.err.code, ERR_DEADLINE_EXCEEDED);
}

/* Nobody connects: that is the owner's deadline, not ours. */
static void
test_nobody(void **state)
{
	(void)state;
	turn_if_ready();
	clock_ahead += 3600;
	turn_if_ready();
	assert_int_equal(got.calls, 0);
}

/* Freed with a peer in the middle of it. */
static void
test_free_connected(void **state)
{
	(void)state;
	cleanup_close int sock = connect_to(oci_console_path(console));
	cleanup_close int master = open_master();
	char byte;

	turn_if_ready();
	send_fds(sock, 1, master, 1);
	oci_console_free(console);
	console = NULL;
	assert_true(read(sock, &byte, 1) <= 0);
	turn_if_ready();
	assert_int_equal(got.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_place),
		TEST(test_runtime_dir),
		TEST(test_terminal),
		TEST(test_longest_name),
		TEST(test_free_inside),
		TEST(test_no_terminal),
		TEST(test_hang_up),
		TEST(test_two_terminals),
		TEST(test_many_terminals),
		TEST(test_name_too_long),
		TEST(test_no_tty),
		TEST(test_reset),
		TEST(test_silence),
		TEST(test_nobody),
		TEST(test_free_connected),
	};

	(void)unsetenv("XDG_RUNTIME_DIR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
