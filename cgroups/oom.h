/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_OOM_H
#define CGROUPS_OOM_H

/*
 * Noticing that the kernel's OOM killer struck in a cgroup or below it.
 */
#include <stdbool.h>

#include "base/err.h"

struct cgroup;
struct event_base;
struct oom_watch;

/*
 * Told once for each time that more kills are seen than before; several kills
 * may be seen as one. False means that it cannot be taken now: it is told again
 * at the next look. The watch must not be freed here.
 */
typedef bool oom_watch_fn(void *arg);

/*
 * Begins to watch; fn is called from the loop, first for kills that were there
 * before. cg must outlive the watch. FAILED_PRECONDITION where memory is not
 * controlled, NOT_FOUND for a cgroup that is gone.
 */
int oom_watch_new(struct event_base *base, int priority,
    const struct cgroup *cg, oom_watch_fn *fn, void *arg,
    struct oom_watch **ret, struct err *err);

/*
 * Looks now, and calls fn before it returns. When a process is known to have
 * ended, a kill that ended it is seen; killed says that it ended by SIGKILL.
 * NULL is fine for both.
 */
void oom_watch_check(struct oom_watch *watch, bool killed);
void oom_watch_free(struct oom_watch *watch);

#endif
