/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_CHILD_INTERNAL_H
#define OCI_CHILD_INTERNAL_H

/*
 * Between child.c (registered children) and child-start.c (new processes), and
 * for those who have no loop to register a child with.
 */
#include <stdbool.h>
#include <sys/types.h>

#include <event2/event_struct.h>

#include "base/list.h"
#include "oci/child.h"

struct child {
	struct list link; /* in its set's table until it is reaped */
	struct child_set *set;
	struct event event;
	pid_t pid;
	int pidfd;
	bool reaped;
	struct child_exit
	    exit; /* of one that was reaped before it was asked for */
	child_exit_fn *fn;
	void *arg;
};

/* An object without a process; NULL when memory is out. */
struct child *child_new(struct child_set *set, child_exit_fn *fn, void *arg);

/* Gives it its process and makes it known to loop and sweep. The pidfd is the
 * child's from here on, also on failure. */
int child_register(struct child *child, pid_t pid, int pidfd, struct err *err);

/*
 * child_spawn() of one that nobody reaps but the caller. Its pid, and a pidfd
 * to close; -errno on failure.
 */
pid_t child_launch(
    const struct child_program *program, int *ret_pidfd, struct err *err);

#endif
