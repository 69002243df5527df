/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real kills: a child that takes more memory than its cgroup may have. And the
 * answers of kernels that are not this one, by directories of plain files.
 */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "cgroups/oom.h"
#include "test/unit/cgroup-bed.h"

#define LIMIT "8388608"
#define TAKEN (32 << 20)

struct told {
	struct event_base *base;
	int n;
	bool refuse;
};

static bool
on_oom(void *arg)
{
	struct told *told = arg;

	if (told->refuse) {
		told->refuse = false;
		return false;
	}
	told->n++;
	(void)event_base_loopbreak(told->base);
	return true;
}

static struct event_base *
new_base(void)
{
	struct event_base *base = event_base_new();

	assert_non_null(base);
	assert_int_equal(event_base_priority_init(base, 3), 0);
	return base;
}

static struct oom_watch *
watch(struct told *told, const struct cgroup *cg)
{
	struct oom_watch *watch = NULL;
	struct err err;

	told->base = new_base();
	if (oom_watch_new(told->base, 0, cg, on_oom, told, &watch, &err) < 0)
		fail_msg("%s", err.msg);
	return watch;
}

static void
unwatch(struct told *told, struct oom_watch *watch)
{
	oom_watch_free(watch);
	event_base_free(told->base);
}

/* Takes too much once a byte comes; the end of file ends it. */
static pid_t
spawn_eater(int *ret_go)
{
	pid_t pid = bed_fork_held(ret_go);

	if (pid == 0) {
		char *p = mmap(NULL, TAKEN, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED)
			memset(p, 1, TAKEN);
		_exit(1);
	}
	return pid;
}

static struct cgroup *
enter_limited(pid_t pid)
{
	struct cgroup *cg = bed_enter(pid);
	const char *dir = cgroup_dir(cg, CGROUP_V1_MEMORY);

	assert_non_null(dir);
	if (cgroup_is_v2(cg)) {
		bed_write(dir, "memory.max", LIMIT);
		(void)cgroup_write(dir, "memory.swap.max", "0");
	} else {
		bed_write(dir, "memory.limit_in_bytes", LIMIT);
		(void)cgroup_write(dir, "memory.memsw.limit_in_bytes", LIMIT);
	}
	return cg;
}

static void
eat(int go)
{
	assert_int_equal(write(go, "x", 1), 1);
	(void)close(go);
}

static void
need_memory(void)
{
	bed_need("memory", "memory.oom_control", "memory.events");
}

/* Reaps without asking the loop: what the shim sees first is the exit. */
static void
test_check_at_exit(void **state)
{
	struct told told = { 0 };
	siginfo_t info;
	int go;

	(void)state;
	need_memory();
	pid_t pid = spawn_eater(&go);
	struct cgroup *cg = enter_limited(pid);
	struct oom_watch *w = watch(&told, cg);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 0);
	eat(go);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	oom_watch_check(w, /* killed= */ false);
	(void)event_base_loop(told.base, EVLOOP_NONBLOCK);
	assert_int_equal(told.n, 1);
	unwatch(&told, w);
	cgroup_free(cg);
}

/* The container lives on: each kill is told by the loop alone. */
static void
test_loop(void **state)
{
	struct told told = { .refuse = true };
	int stay, go;

	(void)state;
	need_memory();
	pid_t first = spawn_eater(&stay);
	struct cgroup *cg = enter_limited(first);
	struct oom_watch *w = watch(&told, cg);
	for (int i = 1; i <= 3; i++) {
		pid_t pid = spawn_eater(&go);
		cgroup_free(bed_enter(pid));
		eat(go);
		while (told.n < i)
			(void)event_base_loop(told.base, EVLOOP_ONCE);
		bed_kill(pid);
	}
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 3);
	bed_kill(first);
	(void)close(stay);
	unwatch(&told, w);
	cgroup_free(cg);
}

/* The limit is the container's, the victim in a cgroup that it has made. */
static void
test_below(void **state)
{
	struct told told = { 0 };
	char below[PATH_MAX], pid_text[16];
	int stay, go;

	(void)state;
	need_memory();
	if (access("/sys/fs/cgroup/memory", F_OK) < 0)
		skip(); /* cgroup2 wants no processes where there is more below
			 */
	pid_t first = spawn_eater(&stay), pid = spawn_eater(&go);
	struct cgroup *cg = enter_limited(first);
	struct oom_watch *w = watch(&told, cg);
	assert_int_equal(path_format(below, sizeof(below), "%s/below",
			     cgroup_dir(cg, CGROUP_V1_MEMORY)),
	    0);
	assert_int_equal(mkdir(below, 0755), 0);
	assert_int_equal(
	    path_format(pid_text, sizeof(pid_text), "%d", (int)pid), 0);
	bed_write(below, "cgroup.procs", pid_text);
	eat(go);
	while (told.n < 1)
		(void)event_base_loop(told.base, EVLOOP_ONCE);
	bed_kill(pid);
	assert_int_equal(rmdir(below), 0);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	bed_kill(first);
	(void)close(stay);
	unwatch(&told, w);
	cgroup_free(cg);
}

/* Removal of the cgroup wakes, and is no kill. */
static void
test_removed(void **state)
{
	struct told told = { 0 };
	struct oom_watch *none = NULL;
	struct err err;
	int go;

	(void)state;
	need_memory();
	pid_t pid = spawn_eater(&go);
	struct cgroup *cg = enter_limited(pid);
	struct oom_watch *w = watch(&told, cg);
	bed_kill(pid);
	(void)close(go);
	(void)bed_teardown(NULL);
	(void)event_base_loop(told.base, EVLOOP_NONBLOCK);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 0);
	assert_int_equal(
	    oom_watch_new(told.base, 0, cg, on_oom, &told, &none, &err),
	    -ENOENT);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	unwatch(&told, w);
	cgroup_free(cg);
}

/* As systemd does it: the cgroup goes before anybody has looked. */
static void
test_v2_removed_after_kill(void **state)
{
	struct told told = { 0 };
	siginfo_t info;
	int go;

	(void)state;
	need_memory();
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0)
		skip();
	pid_t pid = spawn_eater(&go);
	struct cgroup *cg = enter_limited(pid);
	struct oom_watch *w = watch(&told, cg);
	eat(go);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	(void)bed_teardown(NULL);
	assert_int_not_equal(access(cgroup_dir(cg, CGROUP_V1_MEMORY), F_OK), 0);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	unwatch(&told, w);
	cgroup_free(cg);
}

static void
test_no_memory_controller(void **state)
{
	char dir[] = "/tmp/chock-oom-XXXXXX";
	struct cgroup v1 = { .controller = "pids", .path = dir, .dir = dir };
	struct cgroup v2 = { .controller = "", .path = dir, .dir = dir };
	struct told told = { .base = new_base() };
	struct oom_watch *w;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(
	    oom_watch_new(told.base, 0, &v1, on_oom, &told, &w, &err),
	    -EOPNOTSUPP);
	assert_int_equal(err.code, ERR_FAILED_PRECONDITION);
	assert_int_equal(
	    oom_watch_new(told.base, 0, &v2, on_oom, &told, &w, &err),
	    -EOPNOTSUPP);
	v1.v1_dirs[CGROUP_V1_MEMORY] = dir;
	assert_int_equal(
	    oom_watch_new(told.base, 0, &v1, on_oom, &told, &w, &err),
	    -EOPNOTSUPP);
	oom_watch_check(NULL, /* killed= */ true);
	oom_watch_free(NULL);
	bed_remove_files(dir);
	event_base_free(told.base);
}

/*
 * Modified and gone: what tells a kill from the rest is whether the system has
 * counted one that was not seen here.
 */
static void
v2_files_gone(bool seen)
{
	char dir[] = "/tmp/chock-oom-XXXXXX";
	struct cgroup cg = { .controller = "", .path = dir, .dir = dir };
	struct told told = { 0 };

	assert_non_null(mkdtemp(dir));
	bed_write(dir, "memory.events", "oom_kill 2\n");
	struct oom_watch *w = watch(&told, &cg);
	if (seen)
		oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, seen);
	bed_write(dir, "memory.events", "max 1\noom_kill 2\n");
	bed_remove_files(dir);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	unwatch(&told, w);
}

static void
test_v2_files_gone(void **state)
{
	(void)state;
	v2_files_gone(/* seen= */ false);
	v2_files_gone(/* seen= */ true);
}

/* The counts of a cgroup and of the one above it, when the watch begins. */
static void
v2_above(const char *own, const char *above, const char *later, int told_n)
{
	char dir[] = "/tmp/chock-oom-XXXXXX", below[sizeof(dir) + 8];
	struct cgroup cg = { .controller = "", .path = below, .dir = below };
	struct told told = { 0 };

	assert_non_null(mkdtemp(dir));
	(void)snprintf(below, sizeof(below), "%s/below", dir);
	assert_int_equal(mkdir(below, 0700), 0);
	bed_write(dir, "memory.events", above);
	bed_write(below, "memory.events", own);
	struct oom_watch *w = watch(&told, &cg);
	if (later) {
		bed_write(dir, "memory.events", later);
		oom_watch_check(w, /* killed= */ false);
	}
	bed_remove_files(below);
	bed_write(dir, "memory.events", "oom_kill 3\n");
	oom_watch_check(w, /* killed= */ true);
	assert_int_equal(told.n, told_n);
	unwatch(&told, w);
	bed_remove_files(dir);
}

/* A kill above is ours only where it was known how many there were before. */
static void
test_v2_above(void **state)
{
	(void)state;
	v2_above("oom_kill 0\n", "oom_kill 2\n", NULL, 1);
	v2_above("oom_kill 0\n", "oom_kill 3\n", NULL, 0);
	v2_above("oom_kill 0\n", "oom_kill 2\n", "oom_kill 3\n", 0);
	v2_above("oom_kill 0\n", "max 0\n", NULL, 0);
	v2_above("max 0\n", "oom_kill 3\n", NULL, 0);
	v2_above("oom_kill 0\n", "oom_kill 2\n", "max 0\n", 0);
}

static void
test_v2_files(void **state)
{
	char dir[] = "/tmp/chock-oom-XXXXXX";
	struct cgroup cg = { .controller = "", .path = dir, .dir = dir };
	struct told told = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	bed_write(dir, "memory.events", "low 0\noom 7\noom_kill 2\n");
	struct oom_watch *w = watch(&told, &cg);
	bed_write(dir, "memory.events", "low 0\noom 8\noom_kill 2\n");
	while (told.n < 1)
		(void)event_base_loop(told.base, EVLOOP_ONCE);
	bed_write(
	    dir, "memory.events", "oom 9\noom_kill 2\noom_group_kill 4\n");
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	told.refuse = true;
	bed_write(dir, "memory.events", "oom 9\noom_kill 5\n");
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	oom_watch_check(w, /* killed= */ false);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 2);
	unwatch(&told, w);
	bed_remove_files(dir);
}

/*
 * Where nothing is counted each signal is a kill. The plain file stands for the
 * control file: it tells which eventfd it was given.
 */
static void
test_v1_without_counter(void **state)
{
	char dir[] = "/tmp/chock-oom-XXXXXX", text[64];
	struct cgroup cg = { .controller = "memory", .path = dir, .dir = dir };
	struct told told = { 0 };
	int fd;

	(void)state;
	cg.v1_dirs[CGROUP_V1_MEMORY] = dir;
	assert_non_null(mkdtemp(dir));
	bed_write(dir, "cgroup.event_control", "");
	bed_write(
	    dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
	struct oom_watch *w = watch(&told, &cg);
	assert_true(
	    cgroup_read(dir, "cgroup.event_control", text, sizeof(text)) > 0);
	fd = atoi(text);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 0);
	assert_int_equal(eventfd_write(fd, 1), 0);
	while (told.n < 1)
		(void)event_base_loop(told.base, EVLOOP_ONCE);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	told.refuse = true;
	assert_int_equal(eventfd_write(fd, 1), 0);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 1);
	oom_watch_check(w, /* killed= */ false);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 2);
	bed_remove_files(dir);
	assert_int_equal(eventfd_write(fd, 1), 0);
	oom_watch_check(w, /* killed= */ false);
	assert_int_equal(told.n, 2);
	unwatch(&told, w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_memory_controller),
		cmocka_unit_test(test_v1_without_counter),
		cmocka_unit_test(test_v2_files),
		cmocka_unit_test(test_v2_files_gone),
		cmocka_unit_test(test_v2_above),
		cmocka_unit_test_setup_teardown(
		    test_v2_removed_after_kill, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
		    test_check_at_exit, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
		    test_loop, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
		    test_below, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(
		    test_removed, bed_setup, bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
