/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_CGROUP_H
#define CGROUPS_CGROUP_H

/*
 * The cgroup of a container's init, found once from /proc/<pid>/cgroup and kept
 * as paths, on legacy, hybrid and unified hosts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct cgroup;

/*
 * Finds the cgroup of a process. Where the process is in the root cgroup of the
 * hierarchy that would be used, there is no cgroup of its own: NOT_FOUND
 * "cgroup does not exist", so that nobody signals the whole machine by mistake.
 */
int cgroup_of_pid(pid_t pid, struct cgroup **ret, struct err *err);
void cgroup_free(struct cgroup *cg);

/* True on a unified (v2) host. */
bool cgroup_is_v2(const struct cgroup *cg);

/*
 * Host pids of every process in the cgroup and the cgroups below it, in the
 * order read. *ret is owned by the caller. A cgroup that is gone has none.
 */
int cgroup_pids(
    const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *err);

/*
 * Sends a signal to every process in it and below, by pidfds, each checked to
 * be in the cgroup still after its pidfd was opened, repeated for SIGKILL until
 * none is left that was not signalled; on v2 after cgroup.kill. *ret_n is how
 * many were signalled (may be NULL).
 */
int cgroup_signal(
    const struct cgroup *cg, int signal, size_t *ret_n, struct err *err);

/*
 * Removes the cgroup of this path, linux.cgroupsPath of a configuration, from
 * every hierarchy where it is empty, or is so within a second: not for a loop.
 * Only for an absolute path; any other is
 * left alone, for the runtime makes something else of it.
 */
void cgroup_remove(const char *path);

#endif
