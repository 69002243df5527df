/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals to all processes of a cgroup.
 *
 * A pid read from cgroup.procs may be somebody else's by the time it is used.
 * So a pidfd is opened first and membership is asked after: if the pid is in
 * the cgroup then, and what the pidfd names is still alive when the signal is
 * sent, the pid was its own all the while.
 *
 * SIGKILL is repeated until a reading shows nobody new, because a process that
 * was read, even one that was gone when its turn came, may have forked. A
 * killed process forks no more, so the rounds are few. Processes that live for
 * less than it takes to read and signal them can slip through many: then the
 * pids controller, where it is the hierarchy in use, is told to allow no more
 * forks until all are dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

#define ROUNDS_MAX  100
#define ROUNDS_CALM 3 /* with forks allowed */

/* Neither the machine's init nor we ourselves are ever a container's. */
static bool
is_untouchable(pid_t pid)
{
	return pid <= 1 || pid == getpid();
}

/*
 * On v1 a leader that has exited before its threads is told to be in the root,
 * but its process is listed where it was.
 */
static bool
is_member(const struct cgroup *cg, pid_t pid)
{
	cleanup_pid_list struct pid_list list = { 0 };
	cleanup_free char *text = NULL;

	if (cgroup_read_proc(pid, &text) < 0)
		return false;
	if (cgroup_contains(cg, text))
		return true;
	(void)cgroup_list_pids(cg, &list, NULL);
	pid_list_sort(&list);
	return pid_list_has(&list, pid);
}

/* 1 when it was signalled, 0 when it is not (or no more) in the cgroup. */
static int
signal_member(const struct cgroup *cg, pid_t pid, int signal)
{
	cleanup_close int fd = pidfd_open(pid, 0);

	/* EINVAL, ENOENT: the pid is now one of a thread. */
	if (fd < 0)
		return errno == ESRCH || errno == EINVAL || errno == ENOENT
			   ? 0
			   : -errno;
	if (!is_member(cg, pid))
		return 0;
	if (pidfd_send_signal(fd, signal, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return 1;
}

/*
 * Signals who is in the cgroup and not in done (sorted), and adds them to it.
 * One that cannot be signalled does not save the others. *ret_new tells whether
 * there was anybody: also one that was gone by then may have left a child.
 */
static int
signal_round(const struct cgroup *cg, int signal, struct pid_list *done,
    bool *ret_new, struct err *err)
{
	cleanup_pid_list struct pid_list list = { 0 };
	cleanup_pid_list struct pid_list sent_now = { 0 };

	int r = cgroup_list_pids(cg, &list, err);
	pid_list_sort(&list);
	*ret_new = false;
	for (size_t i = 0; i < list.n; i++) {
		pid_t pid = list.pids[i];

		if ((i > 0 && pid == list.pids[i - 1]) || is_untouchable(pid) ||
		    pid_list_has(done, pid))
			continue;
		*ret_new = true;
		int sent = signal_member(cg, pid, signal);
		if (sent > 0)
			sent = pid_list_add(&sent_now, pid);
		if (sent < 0 && r == 0)
			r = err_set_errno(
			    err, -sent, "signal process %d", (int)pid);
	}
	int merged = pid_list_merge(done, &sent_now);
	if (merged < 0 && r == 0)
		r = err_set_errno(err, -merged, "signal cgroup '%s'", cg->dir);
	return r;
}

/* Allows no more forks; the old limit, or NULL where there is none to set. */
static char *
forbid_forks(const struct cgroup *cg)
{
	cleanup_free char *old = NULL;
	char path[PATH_MAX];

	if (path_format(path, sizeof(path), "%s/pids.max", cg->dir) < 0 ||
	    file_read(AT_FDCWD, path, 64, &old, NULL) < 0 ||
	    cgroup_write(cg->dir, "pids.max", "0") < 0)
		return NULL;
	return take_ptr(old);
}

static int
kill_rounds(const struct cgroup *cg, struct pid_list *done, char **old_limit,
    struct err *err)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool any_new;

		if (round == ROUNDS_CALM)
			*old_limit = forbid_forks(cg);
		int r = signal_round(cg, SIGKILL, done, &any_new, err);
		if (r < 0 || !any_new)
			return r;
	}
	return err_set(err, ERR_UNAVAILABLE, EAGAIN,
	    "cgroup '%s' makes processes faster than they are killed", cg->dir);
}

static int
signal_each(const struct cgroup *cg, int signal, size_t *ret_n, struct err *err)
{
	cleanup_pid_list struct pid_list done = { 0 };
	cleanup_free char *old_limit = NULL;
	bool any_new;

	int r = signal == SIGKILL
		    ? kill_rounds(cg, &done, &old_limit, err)
		    : signal_round(cg, signal, &done, &any_new, err);
	if (old_limit)
		(void)cgroup_write(cg->dir, "pids.max", old_limit);
	if (r == 0)
		*ret_n = done.n;
	return r;
}

/*
 * Linux 5.14 and up, cgroup2 only. The kernel would not spare anybody. And it
 * signals threads, not processes: one whose leader has exited lives on.
 */
static void
kill_at_once(const struct cgroup *cg, size_t *ret_n)
{
	cleanup_pid_list struct pid_list list = { 0 };

	if (!cgroup_is_v2(cg) || cgroup_list_pids(cg, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		if (is_untouchable(list.pids[i]))
			return;
	if (cgroup_write(cg->dir, "cgroup.kill", "1") == 0)
		*ret_n = list.n;
}

int
cgroup_signal(
    const struct cgroup *cg, int signal, size_t *ret_n, struct err *err)
{
	size_t n_at_once = 0, n = 0;

	if (signal == SIGKILL)
		kill_at_once(cg, &n_at_once);
	int r = signal_each(cg, signal, &n, err);
	if (r < 0)
		return r;
	if (ret_n)
		*ret_n = n > n_at_once ? n : n_at_once;
	return 0;
}
