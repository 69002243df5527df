/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_TOMBSTONE_H
#define SHIM_TOMBSTONE_H

/*
 * What was answered to Delete, remembered for a while: a caller whose reply was
 * lost asks again and is told the same. Bounded: the oldest goes first.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define TOMBSTONES_MAX 64

/* How a process ended. at_ns is INT64_MIN while it is not known. */
struct exit_status {
	uint32_t pid;
	uint32_t status;
	int64_t at_ns;
};
#define EXIT_STATUS_UNKNOWN ((struct exit_status){ .at_ns = INT64_MIN })

struct tombstones {
	struct list stones;
	size_t n;
};

void tombstones_init(struct tombstones *t);
void tombstones_done(struct tombstones *t);

/* exec_id is "" for init. Out of memory, nothing is remembered. */
void tombstones_add(struct tombstones *t, const char *id, const char *exec_id,
    const struct exit_status *exit);

/* NULL when there is none. Borrowed until the next call that adds or drops. */
const struct exit_status *tombstones_find(
    const struct tombstones *t, const char *id, const char *exec_id);

/* A new container or exec of that name has nothing to do with the old one:
 * drops its stone; with exec_id NULL those of the container's execs too. */
void tombstones_drop(struct tombstones *t, const char *id, const char *exec_id);

#endif
