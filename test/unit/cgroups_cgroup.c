/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding cgroups in texts of several kinds of hosts, and the processes of real
 * ones, made below the root of the machine's pids (v1) or cgroup2 hierarchy.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

#define V1(name, options)                                                      \
	"40 31 0:9 / /sys/fs/cgroup/" name                                     \
	" rw shared:9 - cgroup cgroup rw," options "\n"
#define TMPFS "31 23 0:8 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
#define LEGACY                                                                 \
	TMPFS V1("cpu,cpuacct", "cpu,cpuacct") V1("pids", "pids")              \
	    V1("freezer", "freezer")
#define HYBRID                                                                 \
	LEGACY "41 31 0:7 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
#define UNIFIED                                                                \
	"31 23 0:8 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"

struct locate_case {
	const char *name, *mounts, *proc_cgroup;
	const char *dir; /* NULL: there is none */
	bool v2;
};

static const struct locate_case locate_cases[] = {
	{ "legacy", LEGACY,
	    "12:freezer:/f/x\n8:pids:/docker/abc\n3:cpu,cpuacct:/c\n",
	    "/sys/fs/cgroup/pids/docker/abc", false },
	{ "hybrid", HYBRID, "8:pids:/a\n0::/b\n", "/sys/fs/cgroup/pids/a",
	    false },
	{ "unified", UNIFIED, "0::/kubepods.slice/cri-1.scope\n",
	    "/sys/fs/cgroup/kubepods.slice/cri-1.scope", true },
	{ "unified, no newline", UNIFIED, "0::/a", "/sys/fs/cgroup/a", true },
	{ "unified with an old systemd's hierarchy beside it",
	    UNIFIED V1("systemd", "xattr,name=systemd"),
	    "1:name=systemd:/x\n0::/y\n", "/sys/fs/cgroup/y", true },
	{ "unified mount covered by a tmpfs", UNIFIED LEGACY,
	    "8:pids:/a\n0::/b\n", "/sys/fs/cgroup/pids/a", false },
	{ "cgroup2 elsewhere and nothing else",
	    "1 1 0:1 / /mnt/c rw - cgroup2 none rw\n", "0::/a\n", "/mnt/c/a",
	    true },
	{ "no pids controller", TMPFS V1("freezer", "freezer"),
	    "4:freezer:/a\n2:cpu:/b\n", "/sys/fs/cgroup/freezer/a", false },
	{ "devices", TMPFS V1("devices", "devices"), "4:devices:/a\n",
	    "/sys/fs/cgroup/devices/a", false },
	{ "only systemd's", TMPFS V1("systemd", "xattr,name=systemd"),
	    "1:name=systemd:/a\n", "/sys/fs/cgroup/systemd/a", false },
	{ "mounted together", TMPFS V1("all", "cpu,pids,memory"),
	    "4:cpu,pids,memory:/a\n", "/sys/fs/cgroup/all/a", false },
	{ "a word of another's name", TMPFS V1("x", "mypids,pids2"),
	    "4:mypids,pids2:/a\n", NULL, false },
	{ "colons in the path", UNIFIED, "0::/a:b/c::d\n",
	    "/sys/fs/cgroup/a:b/c::d", true },
	{ "mount below the hierarchy's root",
	    "1 1 0:1 /docker/abc /sys/fs/cgroup/pids rw - cgroup c rw,pids\n",
	    "8:pids:/docker/abc/in\n", "/sys/fs/cgroup/pids/in", false },
	{ "outside of the mount",
	    "1 1 0:1 /docker/abc /sys/fs/cgroup/pids rw - cgroup c rw,pids\n",
	    "8:pids:/docker/abcd/in\n", NULL, false },
	{ "the mount's root",
	    "1 1 0:1 /docker/abc /sys/fs/cgroup/pids rw - cgroup c rw,pids\n",
	    "8:pids:/docker/abc\n", NULL, false },
	{ "two mounts, the wider one counts",
	    "1 1 0:1 /a/b /mnt/ab rw - cgroup c rw,pids\n"
	    "1 1 0:1 / /mnt/all rw - cgroup c rw,pids\n"
	    "1 1 0:1 /a /mnt/a rw - cgroup c rw,pids\n",
	    "8:pids:/a/b/c\n", "/mnt/all/a/b/c", false },
	{ "mount from outside of our namespace",
	    "1 1 0:1 /../.. /mnt/x rw - cgroup c rw,pids\n", "8:pids:/a\n",
	    NULL, false },
	{ "root, legacy", LEGACY, "8:pids:/\n4:freezer:/a\n", NULL, false },
	{ "root, unified", UNIFIED, "0::/\n", NULL, true },
	{ "outside of our namespace", UNIFIED, "0::/../a\n", NULL, true },
	{ "dot", UNIFIED, "0::/a/./b\n", NULL, true },
	{ "double slash", UNIFIED, "0::/a//b\n", NULL, true },
	{ "slash at the end", UNIFIED, "0::/a/\n", NULL, true },
	{ "relative", UNIFIED, "0::a\n", NULL, true },
	{ "empty path", UNIFIED, "0::\n", NULL, true },
	{ "no line", UNIFIED, "8:pids:/a\n", NULL, true },
	{ "no colons", UNIFIED, "0\n\n:\n0:\n", NULL, true },
	{ "no text", LEGACY, "", NULL, false },
	{ "no mounts", "", "0::/a\n", NULL, false },
	{ "dots that are names", UNIFIED, "0::/..a/b.\n",
	    "/sys/fs/cgroup/..a/b.", true },
};

static struct mountinfo
parse_mounts(const char *text)
{
	struct mountinfo mounts;
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(mountinfo_parse_consume(copy, &mounts), 0);
	return mounts;
}

static void
check_locate(const struct locate_case *c)
{
	cleanup_mountinfo struct mountinfo mounts = parse_mounts(c->mounts);
	struct cgroup *cg = NULL;
	struct err err = { 0 };

	int r = cgroup_locate(c->proc_cgroup, &mounts, &cg, &err);
	if ((r == 0) != (c->dir != NULL))
		fail_msg("%s: %d %s", c->name, r, cg ? cg->dir : err.msg);
	if (r < 0) {
		assert_null(cg);
		assert_int_equal(err.code, ERR_NOT_FOUND);
		assert_string_equal(err.msg, "cgroup does not exist");
		return;
	}
	if (strcmp(cg->dir, c->dir) != 0 || cgroup_is_v2(cg) != c->v2)
		fail_msg("%s: %s", c->name, cg->dir);
	assert_true(cgroup_contains(cg, c->proc_cgroup));
	cgroup_free(cg);
}

static void
test_locate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(locate_cases) / sizeof(*locate_cases);
	     i++)
		check_locate(&locate_cases[i]);
}

static void
test_contains(void **state)
{
	cleanup_mountinfo struct mountinfo mounts = parse_mounts(HYBRID);
	struct cgroup *cg;

	(void)state;
	assert_int_equal(cgroup_locate("8:pids:/a/b\n", &mounts, &cg, NULL), 0);
	assert_true(cgroup_contains(cg, "0::/\n8:pids:/a/b\n"));
	assert_true(cgroup_contains(cg, "8:pids:/a/b/c"));
	assert_false(cgroup_contains(cg, "8:pids:/a/bc\n"));
	assert_false(cgroup_contains(cg, "8:pids:/a\n"));
	assert_false(cgroup_contains(cg, "8:pids:/\n"));
	assert_false(cgroup_contains(cg, "8:pids:/a\n/b\n"));
	assert_false(cgroup_contains(cg, "8:freezer:/a/b\n0::/a/b\n"));
	assert_false(cgroup_contains(cg, ""));
	cgroup_free(cg);
	cgroup_free(NULL);
}

/* Each controller is found in its own hierarchy, or not at all. */
static void
test_v1_dirs(void **state)
{
	cleanup_mountinfo struct mountinfo mounts =
	    parse_mounts(HYBRID V1("memory", "memory"));
	struct cgroup *cg;

	(void)state;
	assert_int_equal(cgroup_locate("9:memory:/m\n8:pids:/p\n6:freezer:/\n"
				       "3:cpu,cpuacct:/c\n2:blkio:/b\n0::/u\n",
			     &mounts, &cg, NULL),
	    0);
	assert_string_equal(
	    cgroup_dir(cg, CGROUP_V1_MEMORY), "/sys/fs/cgroup/memory/m");
	assert_string_equal(
	    cgroup_dir(cg, CGROUP_V1_PIDS), "/sys/fs/cgroup/pids/p");
	assert_string_equal(
	    cgroup_dir(cg, CGROUP_V1_CPUACCT), "/sys/fs/cgroup/cpu,cpuacct/c");
	assert_null(cgroup_dir(cg, CGROUP_V1_FREEZER));
	assert_null(cgroup_dir(cg, CGROUP_V1_BLKIO));
	assert_null(cgroup_dir(cg, CGROUP_V1_RDMA));
	cgroup_free(cg);
}

static void
test_v2_dir(void **state)
{
	cleanup_mountinfo struct mountinfo mounts = parse_mounts(UNIFIED);
	struct cgroup *cg;

	(void)state;
	assert_int_equal(cgroup_locate("0::/u\n", &mounts, &cg, NULL), 0);
	for (unsigned i = 0; i < CGROUP_V1_CONTROLLERS; i++)
		assert_string_equal(
		    cgroup_dir(cg, (enum cgroup_v1)i), "/sys/fs/cgroup/u");
	cgroup_free(cg);
}

static void
test_pid_list(void **state)
{
	cleanup_pid_list struct pid_list list = { 0 };
	struct pid_list more = { 0 };

	(void)state;
	assert_false(pid_list_has(&list, 5));
	for (pid_t pid = 100; pid > 0; pid -= 3)
		assert_int_equal(pid_list_add(&more, pid), 0);
	assert_int_equal(pid_list_add(&list, 500), 0);
	assert_int_equal(pid_list_merge(&list, &more), 0);
	assert_int_equal(list.n, 35);
	for (pid_t pid = 1; pid <= 101; pid++)
		assert_int_equal(pid_list_has(&list, pid), pid % 3 == 1);
	assert_true(pid_list_has(&list, 500));
	pid_list_done(&more);
}

/* Real cgroups: a parent directory of our own, "" where there can be none. */
static char top[PATH_MAX];
static char root_procs[PATH_MAX];

static const char *
at(const char *name)
{
	static char buffers[4][PATH_MAX];
	static size_t next;
	char *buf = buffers[next++ % 4];

	assert_int_equal(path_format(buf, PATH_MAX, "%s/%s", top, name), 0);
	return buf;
}

static int
setup_group(void **state)
{
	const char *root = access("/sys/fs/cgroup/pids", F_OK) == 0
			       ? "/sys/fs/cgroup/pids"
			       : "/sys/fs/cgroup";

	(void)state;
	(void)alarm(120); /* a process that was not killed is waited for */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)path_format(
	    top, sizeof(top), "%s/chock-test-%d", root, (int)getpid());
	(void)path_format(
	    root_procs, sizeof(root_procs), "%s/cgroup.procs", root);
	if (mkdir(top, 0755) < 0)
		top[0] = '\0';
	return 0;
}

static void
write_text(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
}

static int
teardown_group(void **state)
{
	static const char *const dirs[] = { "a/in/deep", "a/in", "a", "ab" };

	(void)state;
	if (!*top)
		return 0;
	if (access(at("a/pids.max"), F_OK) == 0)
		write_text(at("a/pids.max"), "0"); /* should a storm go on */
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		(void)rmdir(at(dirs[i]));
	return rmdir(top);
}

/* Valgrind, for one, knows no pidfds. */
static bool
has_pidfds(void)
{
	cleanup_close int fd = pidfd_open(getpid(), 0);

	return fd >= 0 && pidfd_send_signal(fd, 0, NULL, 0) == 0;
}

static void
need_cgroups(void)
{
	if (!*top || !has_pidfds())
		skip();
}

static void
move_to(const char *procs, pid_t pid)
{
	char text[16];

	assert_int_equal(path_format(text, sizeof(text), "%d", (int)pid), 0);
	write_text(procs, text);
}

static const char *
make_cgroup(const char *name)
{
	assert_int_equal(dir_make_all(at(name), 0755), 0);
	return at(name);
}

/* Nothing of this program outlives it, whatever fails. */
static void
die_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* A child in this cgroup that does nothing. */
static pid_t
spawn_in(const char *name, bool ignore_term)
{
	char procs[PATH_MAX];
	/* Ignored signals are inherited: so it is true from its first moment.
	 */
	void (*old)(int) = signal(SIGTERM, ignore_term ? SIG_IGN : SIG_DFL);
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		die_with(parent);
		for (;;)
			(void)pause();
	}
	(void)signal(SIGTERM, old);
	assert_true(pid > 0);
	assert_int_equal(path_format(procs, sizeof(procs), "%s/cgroup.procs",
			     make_cgroup(name)),
	    0);
	move_to(procs, pid);
	return pid;
}

static void
check_killed_by(pid_t pid, int signal)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	assert_int_equal(info.si_status, signal);
}

static struct cgroup *
cgroup_of(pid_t pid)
{
	struct cgroup *cg = NULL;
	struct err err;

	if (cgroup_of_pid(pid, &cg, &err) < 0)
		fail_msg("%s", err.msg);
	return cg;
}

static size_t
signal_ok(const struct cgroup *cg, int signal)
{
	struct err err;
	size_t n;

	if (cgroup_signal(cg, signal, &n, &err) < 0)
		fail_msg("%s", err.msg);
	return n;
}

static bool
has_pid(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static void
test_tree(void **state)
{
	pid_t *pids;
	size_t n;

	(void)state;
	need_cgroups();
	pid_t a = spawn_in("a", false), deep = spawn_in("a/in/deep", false);
	pid_t in = spawn_in("a/in", true), beside = spawn_in("ab", false);
	struct cgroup *cg = cgroup_of(a), *inner = cgroup_of(in);
	assert_string_equal(cg->dir, at("a"));
	assert_int_equal(cgroup_pids(cg, &pids, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(pids[0], a);
	assert_true(has_pid(pids, n, in) && has_pid(pids, n, deep));
	free(pids);

	assert_int_equal(signal_ok(cg, 0), 3);
	assert_int_equal(signal_ok(inner, SIGTERM), 2);
	check_killed_by(deep, SIGTERM);
	assert_int_equal(signal_ok(cg, SIGKILL), 2);
	check_killed_by(a, SIGKILL);
	check_killed_by(in, SIGKILL);
	assert_int_equal(signal_ok(cg, SIGKILL), 0);
	assert_int_equal(kill(beside, SIGUSR1), 0);
	check_killed_by(beside, SIGUSR1);
	cgroup_free(inner);
	cgroup_free(cg);
}

static void
test_bad_signal(void **state)
{
	struct err err = { 0 };
	size_t n = 77;

	(void)state;
	need_cgroups();
	pid_t pid = spawn_in("a", false);
	struct cgroup *cg = cgroup_of(pid);
	assert_int_equal(cgroup_signal(cg, 4711, &n, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_int_equal(n, 77);
	assert_int_equal(cgroup_signal(cg, SIGKILL, NULL, NULL), 0);
	check_killed_by(pid, SIGKILL);
	cgroup_free(cg);
}

static void
test_we_are_spared(void **state)
{
	(void)state;
	need_cgroups();
	pid_t pid = spawn_in("a", true);
	struct cgroup *cg = cgroup_of(pid);
	move_to(at("a/cgroup.procs"), getpid());
	size_t n = signal_ok(cg, SIGKILL);
	move_to(root_procs, getpid());
	assert_int_equal(n, 1);
	check_killed_by(pid, SIGKILL);
	cgroup_free(cg);
}

static void
test_gone(void **state)
{
	pid_t *pids = NULL;
	struct err err;
	size_t n = 1;

	(void)state;
	need_cgroups();
	pid_t pid = spawn_in("ab", false);
	struct cgroup *cg = cgroup_of(pid), *none = NULL;
	assert_int_equal(signal_ok(cg, SIGKILL), 1);
	check_killed_by(pid, SIGKILL);
	assert_int_equal(rmdir(at("ab")), 0);
	assert_int_equal(cgroup_pids(cg, &pids, &n, &err), 0);
	assert_int_equal(n, 0);
	free(pids);
	assert_int_equal(signal_ok(cg, SIGKILL), 0);
	assert_int_equal(cgroup_of_pid(pid, &none, &err), -ENOENT);
	cgroup_free(cg);
}

/* Whoever is in our own cgroup has none that could be killed or frozen. */
static void
test_our_own(void **state)
{
	struct cgroup *none = NULL;
	struct err err;

	(void)state;
	assert_int_equal(cgroup_of_pid(getpid(), &none, &err), -ENOENT);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(none);
}

/* The storm ends by itself after so many processes, should nothing end it. */
#define STORM_MAX 100000

/*
 * A process that forks a child and ends, and so does the child: the pids in the
 * cgroup change all the time. Tells through the pipe that it has come to be so,
 * and when it ends by itself.
 */
static void
storm(int told)
{
	for (unsigned int i = 1; i < STORM_MAX; i++) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		if (pid < 0)
			break;
		if (i == 10)
			(void)!write(told, "x", 1);
	}
	(void)!write(told, "e", 1);
	_exit(0);
}

static void
test_fork_storm(void **state)
{
	int told[2];
	char c;

	(void)state;
	need_cgroups();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	/* Zombies would count for pids.max, which is there for our failing. */
	(void)signal(SIGCHLD, SIG_IGN);
	pid_t holder = spawn_in("a", false);
	struct cgroup *cg = cgroup_of(holder);
	if (access(at("a/pids.max"), F_OK) == 0)
		write_text(at("a/pids.max"), "32");
	move_to(at("a/cgroup.procs"), getpid());
	pid_t pid = fork();
	if (pid == 0)
		storm(told[1]);
	move_to(root_procs, getpid());
	(void)close(told[1]);
	assert_true(pid > 0);
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_true(signal_ok(cg, SIGKILL) >= 1);
	/* All of them are ours in the end: this ends when none is alive. */
	assert_int_equal(waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED), -1);
	assert_int_equal(errno, ECHILD);
	(void)signal(SIGCHLD, SIG_DFL);
	assert_int_equal(read(told[0], &c, 1), 0);
	cgroup_free(cg);
	(void)close(told[0]);
}

static bool
leader_is_dead(void)
{
	cleanup_free char *text = NULL;
	char stat[64];

	(void)path_format(stat, sizeof(stat), "/proc/%d/stat", (int)getpid());
	return file_read(AT_FDCWD, stat, 4096, &text, NULL) == 0 &&
	       strstr(text, ") Z ");
}

static void *
outlive_leader(void *arg)
{
	while (!leader_is_dead())
		(void)sched_yield();
	(void)!write(*(const int *)arg, "x", 1);
	for (;;)
		(void)pause();
	return NULL;
}

static void
test_dead_leader(void **state)
{
	int told[2];
	char c;

	(void)state;
	need_cgroups();
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t holder = spawn_in("a", false), parent = getpid();
	struct cgroup *cg = cgroup_of(holder);
	move_to(at("a/cgroup.procs"), getpid());
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t thread;

		die_with(parent);
		(void)pthread_create(&thread, NULL, outlive_leader, &told[1]);
		pthread_exit(NULL);
	}
	move_to(root_procs, getpid());
	(void)close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_int_equal(signal_ok(cg, SIGKILL), 2);
	check_killed_by(holder, SIGKILL);
	check_killed_by(pid, SIGKILL);
	cgroup_free(cg);
	(void)close(told[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locate),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_v1_dirs),
		cmocka_unit_test(test_v2_dir),
		cmocka_unit_test(test_pid_list),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_bad_signal),
		cmocka_unit_test(test_we_are_spared),
		cmocka_unit_test(test_our_own),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_dead_leader),
		cmocka_unit_test(test_fork_storm),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
