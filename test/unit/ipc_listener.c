/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is let in, and what happens when descriptors run out.
 */
#include "test/unit/ttrpc.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/log.h"
#include "ipc/listener.h"

static struct fixture {
	struct event_base *base;
	struct listener *listener;
	struct sockaddr_un sa;
	socklen_t sa_len;
	int fd; /* the listening one */
	int accepted;
	bool proper; /* what was accepted is CLOEXEC and non-blocking */
} t;

static void
on_accepted(int fd, void *arg)
{
	assert_ptr_equal(arg, &t);
	t.accepted++;
	t.proper = (fcntl(fd, F_GETFD) & FD_CLOEXEC) &&
		   (fcntl(fd, F_GETFL) & O_NONBLOCK);
	(void)close(fd);
}

static int
setup(void **state)
{
	(void)state;
	t = (struct fixture){ .sa = { .sun_family = AF_UNIX } };
	t.base = event_base_new();
	assert_non_null(t.base);
	assert_int_equal(event_base_priority_init(t.base, 3), 0);
	t.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* The kernel picks a name. */
	t.sa_len = sizeof(t.sa.sun_family);
	assert_int_equal(bind(t.fd, (struct sockaddr *)&t.sa, t.sa_len), 0);
	t.sa_len = sizeof(t.sa);
	assert_int_equal(
	    getsockname(t.fd, (struct sockaddr *)&t.sa, &t.sa_len), 0);
	assert_int_equal(listen(t.fd, 16), 0);
	assert_int_equal(listener_new_consume(t.base, 1, t.fd, on_accepted, &t,
			     &t.listener, NULL),
	    0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	listener_free(t.listener);
	event_base_free(t.base);
	return 0;
}

static int
knock(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&t.sa, t.sa_len), 0);
	return fd;
}

static void
own_user_is_let_in(void **state)
{
	(void)state;
	assert_true(fcntl(t.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(t.fd, F_GETFL) & O_NONBLOCK);
	int first = knock(), second = knock();
	turn(t.base);
	assert_int_equal(t.accepted, 2);
	assert_true(t.proper);
	(void)close(first);
	(void)close(second);
}

static void
a_peer_that_has_left_does_no_harm(void **state)
{
	(void)state;
	(void)close(knock());
	turn(t.base);
	int fd = knock();
	turn(t.base);
	assert_true(t.accepted >= 1);
	(void)close(fd);
}

/* Connects as somebody else; exits 0 when the connection is closed. */
static void
be_a_stranger(uid_t uid, gid_t gid)
{
	char c;

	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(2);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&t.sa, t.sa_len) < 0)
		_exit(3);
	_exit(read(fd, &c, 1) == 0 ? 0 : 4);
}

static void
refuse_stranger(uid_t uid, gid_t gid)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		be_a_stranger(uid, gid);
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn(t.base);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(t.accepted, 0);
}

static void
another_user_or_group_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	refuse_stranger(65534, getegid());
	refuse_stranger(0, 65534);
}

static void
a_shortage_of_descriptors_passes(void **state)
{
	struct rlimit old, low;

	(void)state;
	int first = knock(), second = knock();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	/* Comes back only because the socket is left alone for a while. */
	turn(t.base);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(t.accepted, 0);
	/* Under valgrind, which plays the limit, the first two may be lost. */
	int third = knock();
	while (t.accepted == 0)
		assert_int_equal(event_base_loop(t.base, EVLOOP_ONCE), 0);
	(void)close(first);
	(void)close(second);
	(void)close(third);
}

static void
freeing_closes_the_socket(void **state)
{
	(void)state;
	listener_free(t.listener);
	t.listener = NULL;
	assert_int_equal(fcntl(t.fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	listener_free(NULL);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(own_user_is_let_in),
		test(a_peer_that_has_left_does_no_harm),
		test(another_user_or_group_is_refused),
		test(a_shortage_of_descriptors_passes),
		test(freeing_closes_the_socket),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
