/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_JOIN_H
#define CGROUPS_JOIN_H

/*
 * Moving a process of ours into a cgroup that somebody has made for it.
 */
#include <sys/types.h>

#include "base/err.h"

/*
 * Moves pid into the cgroup at path, "/a/b" or "a/b" below the root of each
 * hierarchy: on v1 in every hierarchy where there is one, on v2 in the only
 * one. NOT_FOUND when there is none anywhere, INVALID_ARGUMENT for a path with
 * "." or
 * "..".
 */
int cgroup_join(const char *path, pid_t pid, struct err *err);

#endif
