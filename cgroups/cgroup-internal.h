/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_CGROUP_INTERNAL_H
#define CGROUPS_CGROUP_INTERNAL_H

/*
 * What a cgroup is inside cgroups/, and finding it without the machine's own
 * /proc.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mountinfo.h"
#include "cgroups/cgroup.h"

/* The v1 controllers whose files are read or written. */
enum cgroup_v1 {
	CGROUP_V1_FREEZER,
	CGROUP_V1_MEMORY,
	CGROUP_V1_PIDS,
	CGROUP_V1_CPU,
	CGROUP_V1_CPUSET,
	CGROUP_V1_CPUACCT,
	CGROUP_V1_BLKIO,
	CGROUP_V1_HUGETLB,
	CGROUP_V1_RDMA,
	CGROUP_V1_CONTROLLERS
};

struct cgroup {
	const char *controller; /* names the v1 hierarchy; "" for v2 */
	char *path; /* in the hierarchy, as /proc/<pid>/cgroup says it */
	char *dir;  /* the same as a directory of ours */
	/* Likewise for each controller on v1; NULL where it is in the root or
	 * the controller is not mounted. All NULL on v2. */
	char *v1_dirs[CGROUP_V1_CONTROLLERS];
};

/* The directory with this controller's files, NULL where there is none. */
const char *cgroup_dir(const struct cgroup *cg, enum cgroup_v1 controller);

/*
 * Finds the cgroup of the process whose /proc/<pid>/cgroup is this text. Looks
 * at no directory.
 */
int cgroup_locate(const char *proc_cgroup, const struct mountinfo *mounts,
    struct cgroup **ret, struct err *err);

/* "/" or "/a/b": no empty part, no "." or "..", no slash at the end. */
bool cgroup_path_is_clean(const char *path);
/* What is left of path below top: "/x", "" for top itself, NULL if outside. */
const char *cgroup_path_below(const char *path, const char *top);
/* What is seen at /sys/fs/cgroup is cgroup2. */
bool cgroup_is_unified(const struct mountinfo *mounts);

/* One try of cgroup_remove() in these mounts; false when something is in it. */
bool cgroup_remove_in(const struct mountinfo *mounts, const char *path);

/* Text of /proc/<pid>/cgroup, owned by the caller; 0 or -errno. */
int cgroup_read_proc(pid_t pid, char **ret);

/* Whether that process is in the cgroup or below it. */
bool cgroup_contains(const struct cgroup *cg, const char *proc_cgroup);

/*
 * A file of a cgroup. The first gives a descriptor, the last two the length
 * read, or -errno; what does not fit with its NUL is -EFBIG.
 */
int cgroup_open(const char *dir, const char *name, int flags);
int cgroup_write(const char *dir, const char *name, const char *text);
ssize_t cgroup_read(
    const char *dir, const char *name, char *ret_text, size_t size);
ssize_t cgroup_read_at(int dir, const char *name, char *ret_text, size_t size);

/* The value behind "<key> " at the begin of a line; false without one. */
bool cgroup_find_value(const char *text, const char *key, uint64_t *ret);

/* NOT_FOUND "cgroup does not exist". */
int cgroup_missing(struct err *err);

/*
 * Calls fn with the open directory of a cgroup and of each one below it, those
 * that are gone excepted. What fn returns below 0 keeps it from going further
 * down there, and the first such result is given in the end, unless it tells of
 * one being gone. -ENOENT when the first is gone.
 */
typedef int cgroup_visit_fn(int dir, void *arg);
int cgroup_walk(const char *dir, cgroup_visit_fn *fn, void *arg);

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
