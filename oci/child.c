/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registered children and the sweep for orphans.
 *
 * A status is taken in one place only, take_exit(), by waitid(P_PIDFD): whether
 * the pidfd became readable or the sweep met the zombie first makes no
 * difference. The sweep peeks (WNOWAIT) before it reaps, so the pid it looks at
 * cannot be recycled under it; this holds because there is one thread and
 * nothing else here waits for P_ALL.
 *
 * A pidfd can be readable while the parent cannot have the status yet: a tracer
 * (strace) gets a zombie first. So the pidfd event is not persistent, which
 * would spin; the kernel sends SIGCHLD once the tracer is done, and then the
 * sweep finds the zombie.
 */
#include "oci/child.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "oci/child-internal.h"

/* A power of two: pids are dealt out in sequence, so this spreads them well. */
#define N_BUCKETS 64

/* Zombies handled in one turn of the loop, some 200 us of work. */
#define SWEEP_MAX 128

/* What containerd calls an exit status that nobody knows. */
#define STATUS_UNKNOWN 255

/* The exit of an orphan that somebody may ask for yet. */
struct kept {
	struct list link;
	struct child_exit exit;
};

struct child_set {
	struct event sigchld;
	struct event more;
	int priority;
	size_t n_children;
	child_orphan_fn *orphan;
	void *arg;
	struct list buckets[N_BUCKETS];
	struct list kept; /* struct kept, oldest first */
	size_t n_kept;
};

static struct list *
bucket_of(struct child_set *set, pid_t pid)
{
	return &set->buckets[(unsigned)pid % N_BUCKETS];
}

static struct child *
find(struct child_set *set, pid_t pid)
{
	struct list *bucket = bucket_of(set, pid);

	list_for_each(pos, next, bucket)
	{
		struct child *child = list_entry(pos, struct child, link);

		if (child->pid == pid)
			return child;
	}
	return NULL;
}

static void
fill_exit(struct child_exit *exit, const siginfo_t *info)
{
	exit->pid = info->si_pid;
	exit->signaled = info->si_code != CLD_EXITED;
	exit->value = info->si_status;
	exit->at_ns = clock_realtime_ns();
}

static void
drop_kept(struct child_set *set, struct kept *kept)
{
	list_del(&kept->link);
	set->n_kept--;
	free(kept);
}

static void
drop_all_kept(struct child_set *set)
{
	list_for_each(l, tmp, &set->kept)
	{
		drop_kept(set, list_entry(l, struct kept, link));
	}
}

/* Without memory it is lost: whoever asks is told that there is none. */
static void
keep_exit(struct child_set *set, const siginfo_t *info)
{
	struct kept *kept = malloc(sizeof(*kept));

	if (!kept)
		return;
	list_init(&kept->link);
	fill_exit(&kept->exit, info);
	if (set->n_kept == CHILD_KEPT_MAX)
		drop_kept(set, list_entry(set->kept.next, struct kept, link));
	list_add_tail(&set->kept, &kept->link);
	set->n_kept++;
}

/* The youngest of that number: it may have been dealt out twice. */
static struct kept *
find_kept(struct child_set *set, pid_t pid)
{
	struct kept *found = NULL;

	list_for_each(l, tmp, &set->kept)
	{
		struct kept *kept = list_entry(l, struct kept, link);
		if (kept->exit.pid == pid)
			found = kept;
	}
	return found;
}

/*
 * Takes the child's status, if it has one for us, and tells the owner, who may
 * free the child. False when it is not dead yet.
 */
static bool
take_exit(struct child *child)
{
	siginfo_t info = { 0 };
	struct child_exit exit = { .pid = child->pid };

	if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0) {
		log_debug("status of process %d is lost (errno %d)",
		    (int)child->pid, errno);
		exit.value = STATUS_UNKNOWN;
		exit.at_ns = clock_realtime_ns();
	} else if (info.si_pid == 0) {
		return false;
	} else {
		fill_exit(&exit, &info);
	}
	child->reaped = true;
	/* From here on the number may belong to another process. */
	list_del(&child->link);
	(void)event_del(&child->event);
	child->fn(child, &exit, child->arg);
	return true;
}

static void
on_pidfd(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)take_exit(arg);
}

/* False when there was no zombie. */
static bool
sweep_one(struct child_set *set)
{
	siginfo_t info = { 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return false;
	if (info.si_pid == 0)
		return false;

	pid_t pid = info.si_pid;
	struct child *child = find(set, pid);
	bool wanted = false;

	if (!child) {
		wanted = set->orphan(pid, set->arg);
		child = find(set, pid);
	}
	if (child)
		return take_exit(child);
	log_debug("reaping orphan %d", (int)pid);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0)
		return false;
	if (wanted)
		keep_exit(set, &info);
	else
		drop_all_kept(set);
	return true;
}

static void
sweep(struct child_set *set)
{
	static const struct timeval next_turn = { 0 };

	for (int i = 0; i < SWEEP_MAX; i++) {
		if (!sweep_one(set))
			return;
	}
	/* A timer, because event_active() would run in this very turn. */
	(void)event_add(&set->more, &next_turn);
}

/* One call for each signal caught since the last turn: mostly there is nothing
 * left to do. */
static void
on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	struct child_set *set = arg;

	(void)fd;
	(void)what;
	if (!event_pending(&set->more, EV_TIMEOUT, NULL))
		sweep(set);
}

static void
on_more(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sweep(arg);
}

/* The mask is inherited; blocked, SIGCHLD would never be seen. */
static void
unblock_sigchld(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int
add_events(struct child_set *set, struct event_base *base)
{
	static const struct timeval next_turn = { 0 };

	/*
	 * Who floods us with orphans must not keep requests from being
	 * answered, so all but the first slice of a sweep comes last. The exits
	 * that somebody waits for have their pidfds.
	 */
	int last = event_base_get_npriorities(base) - 1;

	(void)event_assign(&set->sigchld, base, SIGCHLD, EV_SIGNAL | EV_PERSIST,
	    on_sigchld, set);
	(void)event_assign(&set->more, base, -1, 0, on_more, set);
	if (event_priority_set(&set->sigchld, set->priority) < 0 ||
	    event_priority_set(&set->more, last) < 0)
		return -EINVAL;
	if (event_add(&set->sigchld, NULL) < 0)
		return -ENOMEM;
	/* There may be zombies from before the handler. */
	if (event_add(&set->more, &next_turn) < 0) {
		(void)event_del(&set->sigchld);
		return -ENOMEM;
	}
	return 0;
}

int
child_set_new(struct event_base *base, int priority, child_orphan_fn *orphan,
    void *arg, struct child_set **ret, struct err *err)
{
	cleanup_free struct child_set *set = calloc(1, sizeof(*set));

	if (!set)
		return err_set_errno(err, ENOMEM, "child set");
	set->priority = priority;
	set->orphan = orphan;
	set->arg = arg;
	for (size_t i = 0; i < N_BUCKETS; i++)
		list_init(&set->buckets[i]);
	list_init(&set->kept);
	int r = add_events(set, base);
	if (r < 0)
		return err_set_errno(err, -r, "watch SIGCHLD");
	unblock_sigchld();
	*ret = take_ptr(set);
	return 0;
}

void
child_set_free(struct child_set *set)
{
	if (!set)
		return;
	assert(set->n_children == 0);
	(void)event_del(&set->sigchld);
	(void)event_del(&set->more);
	drop_all_kept(set);
	free(set);
}

struct child *
child_new(struct child_set *set, child_exit_fn *fn, void *arg)
{
	struct child *child = calloc(1, sizeof(*child));

	if (!child)
		return NULL;
	list_init(&child->link);
	child->set = set;
	child->pidfd = -1;
	child->fn = fn;
	child->arg = arg;
	set->n_children++;
	return child;
}

int
child_register(struct child *child, pid_t pid, int pidfd, struct err *err)
{
	struct child_set *set = child->set;
	struct event_base *base = event_get_base(&set->sigchld);

	child->pid = pid;
	child->pidfd = pidfd;
	(void)event_assign(
	    &child->event, base, pidfd, EV_READ, on_pidfd, child);
	(void)event_priority_set(&child->event, set->priority);
	if (event_add(&child->event, NULL) < 0)
		return err_set_errno(err, ENOMEM, "watch process %d", (int)pid);
	list_add_tail(bucket_of(set, pid), &child->link);
	return 0;
}

/* Whether the process behind pidfd is a child of ours, dead or alive. */
static bool
is_ours(int pidfd)
{
	siginfo_t info;

	return waitid(P_PIDFD, (id_t)pidfd, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void
on_kept(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	struct child_exit exit = child->exit; /* the owner may free the child */

	(void)fd;
	(void)what;
	child->fn(child, &exit, child->arg);
}

/* A child that was dead before it was one. */
static int
adopt_kept(struct child_set *set, pid_t pid, child_exit_fn *fn, void *arg,
    struct child **ret, struct err *err)
{
	struct kept *kept = find_kept(set, pid);

	if (!kept)
		return err_set(err, ERR_NOT_FOUND, ESRCH,
		    "process %d is no child of this process", (int)pid);
	struct child *child = child_new(set, fn, arg);
	if (!child)
		return err_set_errno(err, ENOMEM, "adopt process %d", (int)pid);
	child->pid = pid;
	child->reaped = true;
	child->exit = kept->exit;
	drop_kept(set, kept);
	(void)event_assign(&child->event, event_get_base(&set->sigchld), -1, 0,
	    on_kept, child);
	(void)event_priority_set(&child->event, set->priority);
	event_active(&child->event, 0, 0);
	*ret = child;
	return 0;
}

int
child_adopt(struct child_set *set, pid_t pid, child_exit_fn *fn, void *arg,
    struct child **ret, struct err *err)
{
	if (find(set, pid))
		return err_set(err, ERR_ALREADY_EXISTS, EEXIST,
		    "process %d is registered already", (int)pid);

	/* First the descriptor, then the check of what it stands for: the other
	 * way round the number could change hands in between. */
	cleanup_close int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0 && errno != ESRCH && errno != EINVAL)
		return err_set_errno(err, errno, "open process %d", (int)pid);
	if (pidfd < 0 || !is_ours(pidfd))
		return adopt_kept(set, pid, fn, arg, ret, err);

	struct child *child = child_new(set, fn, arg);
	if (!child)
		return err_set_errno(err, ENOMEM, "adopt process %d", (int)pid);
	int r = child_register(child, pid, take_fd(&pidfd), err);
	if (r < 0) {
		child_free(child);
		return r;
	}
	*ret = child;
	return 0;
}

void
child_free(struct child *child)
{
	if (!child)
		return;
	list_del(&child->link);
	if (event_initialized(&child->event))
		(void)event_del(&child->event);
	close_fd(&child->pidfd);
	child->set->n_children--;
	free(child);
}

void
child_set_owner(struct child *child, child_exit_fn *fn, void *arg)
{
	child->fn = fn;
	child->arg = arg;
}

pid_t
child_pid(const struct child *child)
{
	return child->pid;
}

int
child_pidfd(const struct child *child)
{
	return child->pidfd;
}

static bool
is_dead(const struct child *child)
{
	struct pollfd pfd = { .fd = child->pidfd, .events = POLLIN };

	return child->reaped || poll(&pfd, 1, 0) == 1;
}

int
child_signal(const struct child *child, int signal)
{
	/* The kernel says 0 for a zombie. */
	if (is_dead(child))
		return -ESRCH;
	return pidfd_send_signal(child->pidfd, signal, NULL, 0) < 0 ? -errno
								    : 0;
}

bool
child_is_zombie(const struct child *child)
{
	return !child->reaped && is_dead(child);
}

uint32_t
child_exit_status(const struct child_exit *exit)
{
	return (uint32_t)(exit->signaled ? 128 + exit->value : exit->value);
}
