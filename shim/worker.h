/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_WORKER_H
#define SHIM_WORKER_H

/*
 * Work that may block on storage, done in a short-lived child of ours: mounts
 * and unmounts. However long it takes, the loop goes on.
 */
#include "base/err.h"

struct shim;
struct worker;

/* Runs in the child; a negative result comes with *ret_err filled. */
typedef int worker_fn(void *arg, struct err *ret_err);
/* err is NULL for success. worker_free() is allowed inside. */
typedef void worker_done_fn(const struct err *err, void *arg);

/* work_arg is used before this returns only in the sense that the child has its
 * own copy of all memory from then on. */
int worker_start(struct shim *shim, worker_fn *work, void *work_arg,
    worker_done_fn *done, void *arg, struct worker **ret, struct err *err);

/* Its done function follows in its own turn, with an error. NULL is fine. */
void worker_kill(struct worker *worker);

/* A worker that is still at it is killed and forgotten. NULL is fine. */
void worker_free(struct worker *worker);

#endif
