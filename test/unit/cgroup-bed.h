/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_CGROUP_BED_H
#define TEST_UNIT_CGROUP_BED_H

/*
 * A test bed of real cgroups: one of the same name in each of the machine's v1
 * hierarchies, or one of cgroup2, for a test's children to be moved into; and
 * directories of plain files that pass for a cgroup.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

#define BED_ROOT "/sys/fs/cgroup"

/* "" is cgroup2, mounted at BED_ROOT itself. */
static const char *const bed_v1_names[] = { "memory", "pids", "freezer", "cpu",
	"cpuacct", "blkio", "hugetlb", "rdma" };
#define BED_NAMES (sizeof(bed_v1_names) / sizeof(*bed_v1_names))

/* The cgroup in the hierarchy of a controller, whether it exists or not. */
static inline const char *
bed_dir(const char *controller)
{
	static char path[PATH_MAX];
	bool v2 = access(BED_ROOT "/cgroup.controllers", F_OK) == 0;

	assert_int_equal(
	    path_format(path, sizeof(path), BED_ROOT "/%s/chock-test-%d",
		v2 ? "" : controller, (int)getpid()),
	    0);
	return path;
}

static inline void
bed_write(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];

	assert_int_equal(
	    path_format(path, sizeof(path), "%s/%s", dir, name), 0);
	cleanup_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
}

/* Makes the cgroups; where that is not possible bed_need() skips. */
static inline int
bed_setup(void **state)
{
	(void)state;
	(void)alarm(300);
	(void)cgroup_write(BED_ROOT, "cgroup.subtree_control", "+memory +pids");
	for (size_t i = 0; i < BED_NAMES; i++)
		(void)mkdir(bed_dir(bed_v1_names[i]), 0755);
	return 0;
}

/* May be asked again, and when they are gone. */
static inline int
bed_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < BED_NAMES; i++)
		(void)rmdir(bed_dir(bed_v1_names[i]));
	return 0;
}

/* Skips the test unless the cgroup has the file of a controller. */
static inline void
bed_need(const char *controller, const char *v1_file, const char *v2_file)
{
	cleanup_close int v1 =
	    cgroup_open(bed_dir(controller), v1_file, O_RDONLY);
	cleanup_close int v2 =
	    cgroup_open(bed_dir(controller), v2_file, O_RDONLY);

	if (v1 < 0 && v2 < 0)
		skip();
}

/* Moves a process in, and finds the cgroup as the program does. */
static inline struct cgroup *
bed_enter(pid_t pid)
{
	struct cgroup *cg = NULL;
	struct err err;
	char text[16];

	assert_int_equal(path_format(text, sizeof(text), "%d", (int)pid), 0);
	for (size_t i = 0; i < BED_NAMES; i++)
		(void)cgroup_write(
		    bed_dir(bed_v1_names[i]), "cgroup.procs", text);
	if (cgroup_of_pid(pid, &cg, &err) < 0)
		fail_msg("%s", err.msg);
	return cg;
}

/* To be called by a child: it does not outlive the test. */
static inline void
bed_die_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* For bed_kill(). */
static inline pid_t
bed_spawn_idle(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		bed_die_with(parent);
		for (;;)
			(void)pause();
	}
	assert_true(pid > 0);
	return pid;
}

/* As fork(); the child goes on when a byte comes by *ret_go, and ends with 0 at
 * its end of file. */
static inline pid_t
bed_fork_held(int *ret_go)
{
	int pipe_fds[2];
	pid_t parent = getpid();
	char c;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		bed_die_with(parent);
		(void)close(pipe_fds[1]);
		if (read(pipe_fds[0], &c, 1) != 1)
			_exit(0);
		return 0;
	}
	assert_true(pid > 0);
	(void)close(pipe_fds[0]);
	*ret_go = pipe_fds[1];
	return pid;
}

static inline void
bed_kill(pid_t pid)
{
	siginfo_t info;

	(void)kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
}

/* Removes a directory of plain files. */
static inline void
bed_remove_files(const char *path)
{
	cleanup_dir DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	assert_int_equal(rmdir(path), 0);
}

#endif
