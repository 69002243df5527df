/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing real processes, in a cgroup made below the root of the machine's v1
 * hierarchies or of cgroup2; and the other version's files in a directory that
 * is made to look like a cgroup.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"
#include "cgroups/freezer.h"
#include "test/unit/cgroup-bed.h"

static void
freeze(const struct cgroup *cg, bool frozen)
{
	struct err err;
	bool is_frozen = !frozen;

	/* On v1 it may take a few times. */
	for (int i = 0; i < 10000 && is_frozen != frozen; i++) {
		if (cgroup_freeze(cg, frozen, &err) < 0 ||
		    cgroup_is_frozen(cg, &is_frozen, &err) < 0)
			fail_msg("%s", err.msg);
		(void)usleep(1000);
	}
	assert_int_equal(is_frozen, frozen);
}

/* A child that echoes. */
static pid_t
spawn_echo(int from, int to)
{
	pid_t parent = getpid(), pid = fork();
	char c;

	if (pid == 0) {
		bed_die_with(parent);
		while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
			;
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void
test_freeze(void **state)
{
	int ping[2], pong[2];
	char c = 0;

	(void)state;
	bed_need("freezer", "freezer.state", "cgroup.freeze");
	assert_int_equal(pipe2(ping, O_CLOEXEC), 0);
	assert_int_equal(pipe2(pong, O_CLOEXEC | O_NONBLOCK), 0);
	pid_t pid = spawn_echo(ping[0], pong[1]);
	struct cgroup *cg = bed_enter(pid);
	freeze(cg, true);
	freeze(cg, true);
	assert_int_equal(write(ping[1], "a", 1), 1);
	(void)usleep(20000);
	assert_int_equal(read(pong[0], &c, 1), -1);
	freeze(cg, false);
	assert_int_equal(fd_set_nonblock(pong[0], false), 0);
	assert_int_equal(read(pong[0], &c, 1), 1);
	freeze(cg, false);
	bed_kill(pid);
	cgroup_free(cg);
	for (int i = 0; i < 2; i++) {
		(void)close(ping[i]);
		(void)close(pong[i]);
	}
}

static void
check_refused(const struct cgroup *cg, int sys, enum err_code code)
{
	struct err err = { 0 };
	bool frozen = true;

	assert_int_equal(cgroup_freeze(cg, true, &err), -sys);
	assert_int_equal(err.code, code);
	err = (struct err){ 0 };
	assert_int_equal(cgroup_is_frozen(cg, &frozen, &err), -sys);
	assert_int_equal(err.code, code);
	assert_true(frozen);
}

static void
test_gone(void **state)
{
	int ping[2];

	(void)state;
	bed_need("freezer", "freezer.state", "cgroup.freeze");
	assert_int_equal(pipe2(ping, O_CLOEXEC), 0);
	pid_t pid = spawn_echo(ping[0], ping[1]);
	struct cgroup *cg = bed_enter(pid);
	bed_kill(pid);
	(void)bed_teardown(NULL);
	check_refused(cg, ENOENT, ERR_NOT_FOUND);
	cgroup_free(cg);
	(void)close(ping[0]);
	(void)close(ping[1]);
}

static void
check_state(const struct cgroup *cg, const char *text, bool frozen)
{
	bool is_frozen = !frozen;

	bed_write(cgroup_dir(cg, CGROUP_V1_FREEZER),
	    cgroup_is_v2(cg) ? "cgroup.events" : "freezer.state", text);
	assert_int_equal(cgroup_is_frozen(cg, &is_frozen, NULL), 0);
	assert_int_equal(is_frozen, frozen);
}

static void
check_written(
    const struct cgroup *cg, const char *name, const char *on, const char *off)
{
	const char *dir = cgroup_dir(cg, CGROUP_V1_FREEZER);
	char text[64];

	bed_write(dir, name, "");
	assert_int_equal(cgroup_freeze(cg, true, NULL), 0);
	assert_true(cgroup_read(dir, name, text, sizeof(text)) > 0);
	assert_string_equal(text, on);
	bed_write(dir, name, "");
	assert_int_equal(cgroup_freeze(cg, false, NULL), 0);
	assert_true(cgroup_read(dir, name, text, sizeof(text)) > 0);
	assert_string_equal(text, off);
}

static void
test_v2_files(void **state)
{
	char dir[] = "/tmp/chock-freezer-XXXXXX";
	struct cgroup cg = { .controller = "", .path = dir, .dir = dir };

	(void)state;
	assert_non_null(mkdtemp(dir));
	check_refused(&cg, EOPNOTSUPP, ERR_FAILED_PRECONDITION);
	check_written(&cg, "cgroup.freeze", "1", "0");
	check_state(&cg, "populated 1\nfrozen 0\n", false);
	check_state(&cg, "populated 1\nfrozen 1\n", true);
	check_state(&cg, "frozen 1\npopulated 0\n", true);
	bed_write(dir, "cgroup.events", "populated 1\nunfrozen 1\n");
	struct err err = { 0 };
	assert_int_equal(
	    cgroup_is_frozen(&cg, &(bool){ 0 }, &err), -EOPNOTSUPP);
	bed_remove_files(dir);
	check_refused(&cg, ENOENT, ERR_NOT_FOUND);
}

static void
test_v1_files(void **state)
{
	char dir[] = "/tmp/chock-freezer-XXXXXX";
	struct cgroup cg = { .controller = "pids", .path = dir, .dir = dir };

	(void)state;
	check_refused(&cg, EOPNOTSUPP, ERR_FAILED_PRECONDITION);
	cg.v1_dirs[CGROUP_V1_FREEZER] = dir;
	assert_non_null(mkdtemp(dir));
	check_refused(&cg, EOPNOTSUPP, ERR_FAILED_PRECONDITION);
	check_written(&cg, "freezer.state", "FROZEN", "THAWED");
	check_state(&cg, "FROZEN\n", true);
	check_state(&cg, "FREEZING\n", false);
	check_state(&cg, "THAWED\n", false);
	bed_remove_files(dir);
	check_refused(&cg, ENOENT, ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1_files),
		cmocka_unit_test(test_v2_files),
		cmocka_unit_test_setup_teardown(
		    test_freeze, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
		    test_gone, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
