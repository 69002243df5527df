/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REPLY_H
#define SHIM_REPLY_H

/*
 * Answers that succeed.
 */
#include <pb.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/tombstone.h"

struct container;
struct process;
struct request;
struct stats_part;
struct ttrpc_call;

/*
 * Answers a request in the way of its kind, from what the process is now. Frees
 * it. NULL is fine.
 */
void reply_done(struct request *req, struct process *p);

/* Pids: the processes in the container's cgroup, or these. */
void reply_pids(struct container *c, struct request *req);
void reply_pid_list(struct request *req, const struct container *c,
    const pid_t *pids, size_t n);
/* Stats: the container's cgroup, or a part of it. */
void reply_stats(struct container *c, struct request *req);
void reply_stats_part(struct request *req, const struct container *c,
    const struct stats_part *part);

/* Answers a call that never became a request. Frees it. */
void reply_call(
    struct ttrpc_call *call, const pb_msgdesc_t *fields, const void *message);
void reply_call_pid(struct ttrpc_call *call, uint32_t pid); /* Pids */
void reply_call_connect(struct ttrpc_call *call, uint32_t task_pid);
void reply_call_deleted(
    struct ttrpc_call *call, const struct exit_status *exit);

#endif
