/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_CHILD_H
#define OCI_CHILD_H

/*
 * Child processes of a subreaper. Every child that somebody asked for has a
 * pidfd in the event loop and is reaped through it, exactly once, by
 * waitid(P_PIDFD). Orphans that fall to us (a container's forgotten
 * grandchildren) are reaped by a sweep on SIGCHLD, which looks first (WNOWAIT)
 * and never takes a status that belongs to a registered child: before an
 * unknown pid is reaped the owner is asked whether it wants to adopt it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct event_base;
struct child_set;
struct child;

/*
 * How a child ended, and when it was reaped (CLOCK_REALTIME, ns). Exit code 255
 * when somebody else took the status.
 */
struct child_exit {
	pid_t pid;
	bool signaled; /* value is a signal number, else an exit code */
	int value;
	int64_t at_ns;
};

/* Exit status as containers count it: the code, or 128 + signal. */
uint32_t child_exit_status(const struct child_exit *exit);

/* The child is freed by child_free(), which is allowed inside. */
typedef void child_exit_fn(
    struct child *child, const struct child_exit *exit, void *arg);

/*
 * Asked about a zombie that is not registered. The callee may register it by
 * child_adopt() (its exit function is then called right after); otherwise the
 * zombie is reaped. True: somebody may ask for it yet, so its exit is kept, the
 * latest CHILD_KEPT_MAX of them, for a child_adopt() to come. False: it is
 * forgotten, and so is what was kept.
 */
#define CHILD_KEPT_MAX 256
typedef bool child_orphan_fn(pid_t pid, void *arg);

/* Installs the SIGCHLD event. One set per process. */
int child_set_new(struct event_base *base, int priority,
    child_orphan_fn *orphan, void *arg, struct child_set **ret,
    struct err *err);
/* All children must have been freed. Not from a function that the set calls.
 * NULL is fine. */
void child_set_free(struct child_set *set);

/*
 * A program to run. fds[i] becomes descriptor i of the child for i < n_fds; -1
 * means /dev/null. Every other descriptor is closed. argv and envp end in NULL;
 * argv[0] is looked up in PATH unless it has a slash.
 */
struct child_program {
	char *const *argv;
	char *const *envp; /* NULL: this process's, without NOTIFY_SOCKET */
	const int *fds;
	size_t n_fds;
	int deathsig; /* PR_SET_PDEATHSIG, 0 for none */
	bool new_pgrp;
};

/*
 * Starts it; failure to execute (ENOENT, EACCES) is told here, not by an exit
 * code, in the words of Go's os/exec and with code UNKNOWN. Signals are reset
 * to default and unblocked in the child.
 */
int child_spawn(struct child_set *set, const struct child_program *program,
    child_exit_fn *fn, void *arg, struct child **ret, struct err *err);

/*
 * Forks a child of ours that runs work(arg) and _exits with what it returns (0
 * to 255): for what may block on storage. It shares our namespaces, has no
 * descriptors but 0-2 (on /dev/null) and those in keep[], and dies with us.
 */
typedef int child_work_fn(void *work_arg);
int child_fork(struct child_set *set, child_work_fn *work, void *work_arg,
    const int *keep, size_t n_keep, child_exit_fn *fn, void *arg,
    struct child **ret, struct err *err);

/*
 * Registers a process that exists already: a child of ours that has not been
 * reaped (running or zombie), or whose exit was kept (child_orphan_fn), which
 * is then told in a turn of its own. ESRCH otherwise, EEXIST when it is
 * registered.
 */
int child_adopt(struct child_set *set, pid_t pid, child_exit_fn *fn, void *arg,
    struct child **ret, struct err *err);

/* Forgets the child without waiting for it; it becomes an orphan to be swept.
 * NULL is fine. */
void child_free(struct child *child);

/* Its exit is told to another function from here on. */
void child_set_owner(struct child *child, child_exit_fn *fn, void *arg);

pid_t child_pid(const struct child *child);
/* Borrowed. */
int child_pidfd(const struct child *child);

/* pidfd_send_signal(2): 0 or -errno (-ESRCH when it is dead, reaped or not). */
int child_signal(const struct child *child, int signal);

/*
 * True when the process is dead but its exit function has not been called yet:
 * the exit is only a turn of the loop away.
 */
bool child_is_zombie(const struct child *child);

#endif
