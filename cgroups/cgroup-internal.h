/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_CGROUP_INTERNAL_H
#define CGROUPS_CGROUP_INTERNAL_H

/*
 * What a cgroup is inside cgroups/, and finding it without the machine's own
 * /proc.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mountinfo.h"
#include "cgroups/cgroup.h"

struct cgroup {
	const char *controller; /* names the v1 hierarchy; "" for v2 */
	char *path; /* in the hierarchy, as /proc/<pid>/cgroup says it */
	char *dir;  /* the same as a directory of ours */
};

/*
 * Finds the cgroup of the process whose /proc/<pid>/cgroup is this text. Looks
 * at no directory.
 */
int cgroup_locate(const char *proc_cgroup, const struct mountinfo *mounts,
    struct cgroup **ret, struct err *err);

/* Text of /proc/<pid>/cgroup, owned by the caller; 0 or -errno. */
int cgroup_read_proc(pid_t pid, char **ret);

/* Whether that process is in the cgroup or below it. */
bool cgroup_contains(const struct cgroup *cg, const char *proc_cgroup);

/* An array of pids that grows. Freed by its owner. */
struct pid_list {
	pid_t *pids;
	size_t n, size;
};

int pid_list_add(struct pid_list *list, pid_t pid);
void pid_list_sort(struct pid_list *list);
/* Adds all of more, and sorts. */
int pid_list_merge(struct pid_list *list, const struct pid_list *more);
/* The list must be sorted. */
bool pid_list_has(const struct pid_list *list, pid_t pid);
void pid_list_done(struct pid_list *list);

#define cleanup_pid_list __attribute__((cleanup(pid_list_done)))

/* cgroup_pids() as a list; appends to *ret, also when it fails halfway. */
int cgroup_list_pids(
    const struct cgroup *cg, struct pid_list *ret, struct err *err);

#endif
