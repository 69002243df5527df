/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets by path: names as Go's shims have them, and who is there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/socket.h"

static char dir[64], path[96];

static int
setup(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/chock-socket-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s/x", dir);
	return 0;
}

static int
teardown(void **state)
{
	char folder[96];

	(void)state;
	(void)unlink(path);
	(void)snprintf(folder, sizeof(folder), "%s/s", dir);
	(void)rmdir(folder);
	return rmdir(dir);
}

/* The sums are those of Python's hashlib. */
static void
test_path(void **state)
{
	char got[SOCKET_PATH_SIZE];
	struct err err;

	(void)state;
	assert_int_equal(
	    socket_path("/run/containerd/s", "/run/containerd/containerd.sock",
		"k8s.io", "abc", got, &err),
	    0);
	assert_string_equal(got,
	    "/run/containerd/s/"
	    "a99a1752d3a0fadfb1f869026f16760475df03a572e20f4ccea9e6c1e5470b72");
	assert_int_equal(socket_path("/d", "/a", "default", "x", got, &err), 0);
	assert_string_equal(got,
	    "/d/"
	    "6c678b53d232b3ec3a029f39cf9cce9156d402f2f3035b59af95b578720fd022");
}

/* What the Go shims hash is cleaned by filepath.Join; each address is the same
 * socket as its clean form. */
static void
test_path_is_cleaned(void **state)
{
	static const struct {
		const char *address, *sum;
	} cases[] = {
		{ "/run/containerd//containerd.sock/", /* /run/containerd/containerd.sock/n/g
							*/
		    "0695be0f867a9927310e02b1b6f46ddf6e2b7458d3e73285a0ae19a534fe593f" },
		{ "/run/./containerd/.//c.sock/.", /* /run/containerd/c.sock/n/g
						    */
		    "51f1fcb8f556396718cf1afb818d354e43e20d8cb6a9b961684fd521c0363332" },
		{ "/run/x/../c.sock", /* /run/c.sock/n/g */
		    "dd2f64a5f80e4e258bd48186c851f96afe24f4426edd78327c2d4a361bed6a73" },
		{ "/../../c.sock", /* /c.sock/n/g */
		    "d442f779cf0002aed773376f5c9059b5267f914cbf49d60fa6786523207ce4cd" },
		{ "../../c.sock", /* ../../c.sock/n/g */
		    "a5b198fbc908901960cae1abf25c89c043e41cf4f5e951e1b5060a10926eab40" },
		{ "a/../../b", /* ../b/n/g */
		    "1b806e998e4dc38443b6ee53200baf45a91ab3f2ce9b37ee04f760f84545befe" },
		{ "/", /* /n/g */
		    "0f8f4a57d128502c629eb763f3a8f8aef0993e2f76c5a0cb1fbc5fe57a001d0c" },
		{ "", /* n/g */
		    "9bcc03168826c6297dfa57868171813c02bb4ce0ad36623c2dd1a532693ad147" },
		{ "@/abstract..", /* @/abstract../n/g */
		    "65bc8275da84e9b6dc4309b7078da8bd38906fc7785f17661e3883daf3f9b948" },
	};
	char got[SOCKET_PATH_SIZE];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
		    socket_path("/d", cases[i].address, "n", "g", got, &err),
		    0);
		assert_string_equal(got + strlen("/d/"), cases[i].sum);
	}
}

static void
test_long_directory(void **state)
{
	char got[SOCKET_PATH_SIZE] = "untouched", long_dir[64];
	struct err err;

	(void)state;
	memset(long_dir, 'd', sizeof(long_dir));
	/* 41 and "/" and 64 are the 106 that there is room for */
	long_dir[41] = '\0';
	assert_int_equal(socket_path(long_dir, "a", "n", "g", got, &err), 0);
	assert_int_equal(strlen(got), SOCKET_PATH_SIZE - 1);
	long_dir[41] = 'd';
	long_dir[42] = '\0';
	assert_int_equal(
	    socket_path(long_dir, "a", "n", "g", got, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.msg, "socket in ddd"));
}

static void
test_bind(void **state)
{
	struct stat st;
	bool taken = true;
	struct err err;
	int fd;

	(void)state;
	assert_false(socket_is_served(path));
	assert_int_equal(socket_bind(path, &fd, &taken, &err), 0);
	assert_true(fd >= 0);
	assert_false(taken);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_true(socket_is_served(path));

	/* who comes second is told to join */
	int second = 99;
	assert_int_equal(socket_bind(path, &second, &taken, &err), 0);
	assert_int_equal(second, -1);
	assert_true(taken);
	(void)close(fd);
	assert_false(socket_is_served(path));
}

static void
test_dead_socket_is_replaced(void **state)
{
	bool taken;
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(socket_bind(path, &fd, &taken, &err), 0);
	(void)close(fd);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(socket_bind(path, &fd, &taken, &err), 0);
	assert_false(taken);
	assert_true(socket_is_served(path));
	(void)close(fd);
}

/* Somebody listens, but takes no connection: it is served all the same. */
static void
test_full_backlog(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int clients[4];
	bool taken;
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(socket_bind(path, &fd, &taken, &err), 0);
	assert_int_equal(listen(fd, 0), 0);
	(void)strcpy(address.sun_path, path);
	for (size_t i = 0; i < 4; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], (const struct sockaddr *)&address,
		    sizeof(address));
	}
	assert_true(socket_is_served(path));
	for (size_t i = 0; i < 4; i++)
		(void)close(clients[i]);
	(void)close(fd);
}

static void
test_path_that_does_not_fit(void **state)
{
	char long_path[200];
	bool taken;
	struct err err;
	int fd = 99;

	(void)state;
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(
	    socket_bind(long_path, &fd, &taken, &err), -ENAMETOOLONG);
	assert_int_equal(fd, 99);
	assert_false(socket_is_served(long_path));
	assert_int_equal(
	    socket_bind("/dev/null/s/x", &fd, &taken, &err), -ENOTDIR);
	assert_string_equal(
	    err.msg, "make directory of /dev/null/s/x: Not a directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_path),
		TEST(test_path_is_cleaned),
		TEST(test_long_directory),
		TEST(test_bind),
		TEST(test_dead_socket_is_replaced),
		TEST(test_full_backlog),
		TEST(test_path_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
