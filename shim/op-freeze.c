/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pause and Resume, by the freezer: no runtime is run. The kernel may need a
 * moment until every task has stopped, and on cgroup v1 asking again helps a
 * task that was caught in between, so this looks again after a short while,
 * within a bound. A pause that does not come about is taken back.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cgroups/freezer.h"
#include "shim/container.h"
#include "shim/op.h"
#include "shim/shim.h"

#define FREEZE_TIME     (10 * NSEC_PER_SEC)
#define LOOK_AGAIN_USEC 500

struct freeze {
	struct op *op;
	struct event *again;
	bool frozen; /* what is wanted */
	bool aborted;
	int64_t deadline; /* CLOCK_MONOTONIC */
};

static void
freeze_free(struct op *op)
{
	struct freeze *self = op->data;

	if (self->again)
		event_free(self->again);
	free(self);
}

/* Told from inside a step: the next look ends it. */
static void
freeze_abort(struct op *op)
{
	struct freeze *self = op->data;

	self->aborted = true;
}

static const struct op_type freeze_type = {
	.free = freeze_free,
	.abort = freeze_abort,
};

static void
give_up(struct freeze *self, const struct err *err)
{
	struct err ignored;

	if (self->frozen)
		(void)cgroup_freeze(self->op->p->container->cgroup,
		    /* frozen= */ false, &ignored);
	op_finish(self->op, err);
}

static void
look(struct freeze *self)
{
	const struct timeval tv = { .tv_usec = LOOK_AGAIN_USEC };
	const struct cgroup *cg = self->op->p->container->cgroup;
	struct err err;
	bool frozen;

	int r = self->aborted ? err_set(&err, ERR_CANCELED, ECANCELED,
				    "container was killed: context canceled")
			      : cgroup_freeze(cg, self->frozen, &err);
	if (r >= 0)
		r = cgroup_is_frozen(cg, &frozen, &err);
	if (r < 0)
		give_up(self, &err);
	else if (frozen == self->frozen)
		op_finish(self->op, NULL);
	else if (clock_monotonic_ns() < self->deadline)
		(void)event_add(self->again, &tv);
	else {
		(void)err_set(&err, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
		    "the container could not be %s in time: "
		    "context deadline exceeded",
		    self->frozen ? "paused" : "resumed");
		give_up(self, &err);
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static int
begin(struct op *op, bool frozen, struct err *err)
{
	struct container *c = op->p->container;

	if (!c->cgroup)
		return op_pause_command(op, frozen, err);
	struct freeze *self = calloc(1, sizeof(*self));
	if (!self)
		return err_set_errno(err, ENOMEM, "freeze");
	self->op = op;
	self->frozen = frozen;
	self->deadline = clock_monotonic_ns() + FREEZE_TIME;
	op->type = &freeze_type;
	op->data = self;
	self->again = event_new(c->shim->base, -1, 0, on_again, self);
	if (!self->again)
		return err_set_errno(err, ENOMEM, "freeze");
	look(self);
	return 0;
}

int
op_pause(struct op *op, struct err *err)
{
	return begin(op, /* frozen= */ true, err);
}

int
op_resume(struct op *op, struct err *err)
{
	return begin(op, /* frozen= */ false, err);
}
