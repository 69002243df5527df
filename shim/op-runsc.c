/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations of containers in a gVisor sandbox, where they differ.
 *
 * Start: the sandbox's own container has its streams and its exit since it was
 * created. Another one of the pod gets its streams only now, and its exit is
 * asked for. When its start fails it counts as ended with status 128, so that
 * it can be deleted (gVisor's shim does the same).
 *
 * Pause and Resume: of the sandbox, which means all of a pod's containers
 * (shim/runsc-freeze.h).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/argv.h"
#include "shim/container.h"
#include "shim/launch.h"
#include "shim/op-runsc.h"
#include "shim/process.h"
#include "shim/refuse.h"
#include "shim/runsc-control.h"
#include "shim/runsc-freeze.h"
#include "shim/runsc-process.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

#define STATUS_RUNSC_FAILED 128
/* It waits until all that runs in the sandbox has come to a stop. */
#define FREEZE_TIME (10 * NSEC_PER_SEC)

/* ---- start ---- */

struct start {
	struct op *op;
	struct launch *launch;
};

static void
start_free(struct op *op)
{
	struct start *self = op->data;

	launch_free(self->launch);
	free(self);
}

static void
start_hurry(struct op *op, int64_t timeout_ns)
{
	struct start *self = op->data;

	launch_hurry(self->launch, timeout_ns);
}

static const struct op_type start_type = {
	.free = start_free,
	.hurry = start_hurry,
};

static void
on_started(const struct err *launch_err, void *arg)
{
	struct start *self = arg;
	struct process *p = self->op->p;
	struct err err;

	if (launch_err)
		err = *launch_err;
	if (!launch_err && runsc_process_await(p, &err) == 0) {
		op_finish(self->op, NULL);
		return;
	}
	/* It may run all the same, when its runsc was late or its exit cannot
	 * be asked for. */
	if (!runsc_sandbox_is_dead(p->container->sandbox))
		runsc_kill(p);
	process_exited(p, STATUS_RUNSC_FAILED);
	op_finish(self->op, &err);
}

static int
start_argv(struct process *p, const char *console_socket, void *arg,
    struct oci_argv *ret, struct err *err)
{
	struct oci_runtime runtime = container_runtime(p->container);

	(void)console_socket;
	(void)arg;
	int r = oci_argv_start(&runtime, p->id, ret);
	return r < 0 ? err_set_errno(err, -r, "runtime start") : 0;
}

static int
start_other(struct op *op, struct err *err)
{
	struct start *self = calloc(1, sizeof(*self));
	const struct launch_spec spec = {
		.verb = "start",
		.argv = start_argv,
		.done = on_started,
		.arg = self,
		.child = LAUNCH_FOREIGN,
		/* A terminal has come with the container. */
		.no_streams = op->p->terminal,
	};

	if (!self)
		return err_set_errno(err, ENOMEM, "start");
	self->op = op;
	op->type = &start_type;
	op->data = self;
	return launch_start(op->p, &spec, &self->launch, err);
}

int
op_runsc_start(struct op *op, struct err *err)
{
	return op->p->child ? op_start(op, err) : start_other(op, err);
}

/* ---- pause and resume ---- */

struct freeze {
	struct op *op;
	const char *verb;
	struct runsc_freeze_wait wait;
};

static void
freeze_free(struct op *op)
{
	struct freeze *self = op->data;

	runsc_freeze_stop(&self->wait);
	free(self);
}

static void
freeze_hurry(struct op *op, int64_t timeout_ns)
{
	struct freeze *self = op->data;

	runsc_freeze_hurry(&self->wait, timeout_ns);
}

static void
freeze_abort(struct op *op)
{
	freeze_hurry(op, 0);
}

static const struct op_type freeze_type = {
	.free = freeze_free,
	.abort = freeze_abort,
	.hurry = freeze_hurry,
};

static void
on_frozen(const struct err *wait_err, void *arg)
{
	struct freeze *self = arg;
	struct err err;

	if (wait_err) {
		err = *wait_err;
		(void)err_wrap(&err, "OCI runtime %s failed", self->verb);
	}
	op_finish(self->op, wait_err ? &err : NULL);
}

static int
freeze(struct op *op, const char *verb, enum runsc_freeze_wish wish,
    struct err *err)
{
	struct freeze *self;

	if (!op->p->container->sandbox)
		return refuse_finished(err);
	self = malloc(sizeof(*self));
	if (!self)
		return err_set_errno(err, ENOMEM, "%s", verb);
	*self = (struct freeze){ .op = op,
		.verb = verb,
		.wait = {
		    .c = op->p->container, .fn = on_frozen, .arg = self } };
	op->type = &freeze_type;
	op->data = self;
	runsc_freeze_start(&self->wait, wish, FREEZE_TIME);
	return 0;
}

int
op_runsc_pause(struct op *op, struct err *err)
{
	return freeze(op, "pause", RUNSC_FREEZE_PAUSED, err);
}

int
op_runsc_resume(struct op *op, struct err *err)
{
	return freeze(op, "resume", RUNSC_FREEZE_LET_GO, err);
}
