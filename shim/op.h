/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OP_H
#define SHIM_OP_H

/*
 * An operation: something with effects that takes time. A process has at most
 * one, begun by a request and embedded in it, so that beginning one cannot fail
 * for want of memory. It ends by op_finish(), which raises OP_OK or OP_FAIL in
 * a later turn of the loop, never from inside the step that began it. By then
 * everything that a failed operation had done is undone.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fsm/fsm.h"

struct op;
struct process;
struct request;

/* How the kind of an operation is got rid of, and hurried. */
struct op_type {
	/* Frees op->data, whatever is in flight. May be NULL. */
	void (*free)(struct op *op);
	/* Makes the runtime command in flight fail, now. May be NULL. */
	void (*abort)(struct op *op);
	/* Gives it at most this long from now on. May be NULL. */
	void (*hurry)(struct op *op, int64_t timeout_ns);
};

struct op {
	const struct op_type *type; /* set by the implementation */
	void *data;                 /* likewise */
	struct process *p;
	struct request *req; /* who asked; contains this op */
	struct err err;      /* after a failure */
	bool failed, finished;
	struct event done;
};

/*
 * Begins the operation that an action names, for p, which has none. When it
 * cannot begin it ends as failed.
 */
void op_begin(struct process *p, enum fsm_action action, struct request *req);

/* err is NULL for success; else it is copied. Only the first call counts. */
void op_finish(struct op *op, const struct err *err);

/* NULL is fine for both. */
void op_abort(struct op *op);
void op_hurry(struct op *op, int64_t timeout_ns);

/* Takes p's operation off it, frees its data, and gives back the request, which
 * is still to be answered. NULL when p has none. */
struct request *op_release(struct process *p);

/*
 * The implementations. Each sets type and data and calls op_finish() in the
 * end; a negative result is the same as finishing with err.
 */
typedef int op_begin_fn(struct op *op, struct err *err);
op_begin_fn op_create;
op_begin_fn op_prepare;
op_begin_fn op_start;
op_begin_fn op_restore;
op_begin_fn op_pause;
op_begin_fn op_resume;
op_begin_fn op_update;
op_begin_fn op_checkpoint;
op_begin_fn op_delete;
op_begin_fn op_exec;
op_begin_fn op_clean;

/* Pause or Resume by the runtime, for a container without a cgroup of its own.
 */
int op_pause_command(struct op *op, bool frozen, struct err *err);

#endif
