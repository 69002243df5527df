/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pause and Resume, by the freezer: no runtime is run. The kernel may need a
 * moment until every task has stopped, and on cgroup v1 asking again helps a
 * task that was caught in between, so this looks again after a short while,
 * within a bound. A pause that does not come about is taken back.
 *
 * On v1 a program that is being executed waits, unfreezable, for the other
 * threads of its process to die, which the freezer may have caught first: with
 * runc that is so right after Start. Only a thaw lets them die. So each time
 * that several looks were in vain, everything may run until the next one.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cgroups/cgroup.h"
#include "cgroups/freezer.h"
#include "shim/container.h"
#include "shim/op.h"
#include "shim/shim.h"

#define FREEZE_TIME     (10 * NSEC_PER_SEC)
#define LOOK_AGAIN_USEC 500
#define LOOKS_IN_VAIN   10

struct freeze {
	struct op *op;
	struct event *again;
	bool frozen; /* what is wanted */
	bool aborted;
	unsigned looks;
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

/* Nobody is left whom it could matter to. */
static void
freeze_hurry(struct op *op, int64_t timeout_ns)
{
	(void)timeout_ns;
	freeze_abort(op);
}

static const struct op_type freeze_type = {
	.free = freeze_free,
	.abort = freeze_abort,
	.hurry = freeze_hurry,
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

/* Asks for what is wanted; *ret_done tells whether it has come about. */
static int
ask(struct freeze *self, bool *ret_done, struct err *err)
{
	const struct cgroup *cg = self->op->p->container->cgroup;
	bool frozen = !self->frozen;
	bool in_vain = ++self->looks % LOOKS_IN_VAIN == 0;

	if (self->aborted)
		return err_set(err, ERR_CANCELED, ECANCELED,
		    "container was killed: context canceled");
	int r = cgroup_freeze(cg, self->frozen, err);
	if (r == 0)
		r = cgroup_is_frozen(cg, &frozen, err);
	if (r < 0)
		return r;
	*ret_done = frozen == self->frozen;
	if (!*ret_done && self->frozen && in_vain && !cgroup_is_v2(cg))
		r = cgroup_freeze(cg, /* frozen= */ false, err);
	return r;
}

static void
look(struct freeze *self)
{
	const struct timeval tv = { .tv_usec = LOOK_AGAIN_USEC };
	struct err err;
	bool done = false;

	int r = ask(self, &done, &err);
	if (r < 0)
		give_up(self, &err);
	else if (done)
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
