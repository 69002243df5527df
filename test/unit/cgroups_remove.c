/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests for cgroups/remove.c. Mostly directories pass for hierarchies: rmdir(2)
 * leaves alone what is not empty in either. Only a real cgroup is busy.
 */
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "cgroups/cgroup-internal.h"
#include "test/unit/cgroup-bed.h"

static char top[] = "/tmp/chock-remove.XXXXXX";

static const char *
at(const char *name)
{
	static char path[PATH_MAX];

	assert_int_equal(
	    path_format(path, sizeof(path), "%s/%s", top, name), 0);
	return path;
}

static void
make(const char *name)
{
	assert_int_equal(mkdir(at(name), 0755), 0);
}

static bool
exists(const char *name)
{
	return access(at(name), F_OK) == 0;
}

static bool
remove_in_all(const char *path)
{
	cleanup_mountinfo struct mountinfo mounts = { 0 };
	char *text = NULL;

	assert_true(asprintf(&text,
			"1 0 0:1 / %s/v1 rw - cgroup cgroup rw,memory\n"
			"2 0 0:2 / %s/v2 rw - cgroup2 cgroup rw\n"
			"3 0 0:3 /part %s/part rw - cgroup cgroup rw,pids\n"
			"4 0 0:4 / %s/other rw - tmpfs tmpfs rw\n",
			top, top, top, top) > 0);
	assert_int_equal(mountinfo_parse_consume(text, &mounts), 0);
	return cgroup_remove_in(&mounts, path);
}

static void
test_every_hierarchy(void **state)
{
	(void)state;
	make("v1/pod");
	make("v1/pod/a");
	make("v2/pod");
	make("v2/pod/a");
	make("part/pod");
	make("part/pod/a");
	make("other/pod");
	make("other/pod/a");
	assert_true(remove_in_all("/pod/a"));
	assert_false(exists("v1/pod/a"));
	assert_false(exists("v2/pod/a"));
	assert_true(exists("v1/pod"));
	/* Not the hierarchy's own root, and no cgroup at all. */
	assert_true(exists("part/pod/a"));
	assert_true(exists("other/pod/a"));
	assert_true(remove_in_all("/pod/a"));
}

static void
test_used(void **state)
{
	(void)state;
	make("v1/used");
	make("v1/used/below");
	/* What a cgroup says of it is EBUSY, a directory says ENOTEMPTY. */
	assert_true(remove_in_all("/used"));
	assert_true(exists("v1/used/below"));
}

static void
test_odd_paths(void **state)
{
	static const char *const odd[] = { "", "/", "x", "x:y:z", "/../v1/x",
		"/x/../x" };

	(void)state;
	make("v1/x");
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		assert_true(remove_in_all(odd[i]));
	assert_true(exists("v1/x"));
	assert_true(exists("v1"));
}

static bool
is_asleep(pid_t pid)
{
	char path[64], text[64] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool asleep =
	    read(fd, text, sizeof(text) - 1) > 0 && strstr(text, ") S ");
	(void)close(fd);
	return asleep;
}

/* Ends when, after a byte, its parent has gone to sleep; or at end of file. */
static pid_t
spawn_leaver(int *ret_go)
{
	pid_t parent = getpid(), pid = bed_fork_held(ret_go);

	if (pid == 0) {
		while (!is_asleep(parent))
			(void)sched_yield();
		_exit(0);
	}
	return pid;
}

static void
test_busy(void **state)
{
	cleanup_mountinfo struct mountinfo mounts = { 0 };
	char dir[PATH_MAX];
	int go;

	(void)state;
	bed_need("pids", "cgroup.procs", "cgroup.procs");
	(void)snprintf(dir, sizeof(dir), "%s", bed_dir("pids"));
	const char *path = strrchr(dir, '/');
	assert_int_equal(mountinfo_read(&mounts), 0);
	pid_t pid = spawn_leaver(&go);
	cgroup_free(bed_enter(pid));
	assert_false(cgroup_remove_in(&mounts, path));
	assert_int_equal(access(dir, F_OK), 0);
	assert_int_equal(write(go, "x", 1), 1);
	cgroup_remove(path);
	assert_int_not_equal(access(dir, F_OK), 0);
	(void)close(go);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(top))
		return -1;
	make("v1");
	make("v2");
	make("part");
	make("other");
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const left[] = { "v1/used/below", "v1/used", "v1/x",
		"v1/pod", "v1", "v2/pod", "v2", "part/pod/a", "part/pod",
		"part", "other/pod/a", "other/pod", "other", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
		if (rmdir(at(left[i])) < 0)
			return -1;
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_hierarchy),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_odd_paths),
		cmocka_unit_test_setup_teardown(
		    test_busy, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
