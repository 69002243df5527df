/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations of containers in a gVisor sandbox, where they differ.
 *
 * Start: the sandbox's own container has its streams and its exit since it was
 * created. Another one of the pod gets its streams only now, and its exit is
 * asked for. When its start fails it counts as ended with status 128, so that
 * it can be deleted (gVisor's shim does the same).
 *
 * Pause and Resume: of the sandbox, which means all of a pod's containers.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "oci/argv.h"
#include "shim/container.h"
#include "shim/launch.h"
#include "shim/op-runsc.h"
#include "shim/process.h"
#include "shim/runsc-ask.h"
#include "shim/runsc-control.h"
#include "shim/runsc-process.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

#define STATUS_RUNSC_FAILED 128

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
	struct runsc_ask *ask;
	const char *verb;
};

static void
freeze_free(struct op *op)
{
	struct freeze *self = op->data;

	runsc_ask_drop(self->ask);
	free(self);
}

static void
freeze_hurry(struct op *op, int64_t timeout_ns)
{
	struct freeze *self = op->data;

	if (self->ask)
		runsc_ask_hurry(self->ask, timeout_ns);
}

static const struct op_type freeze_type = {
	.free = freeze_free,
	.hurry = freeze_hurry,
};

static void
on_frozen(
    const struct runsc_answer *answer, const struct err *ask_err, void *arg)
{
	struct freeze *self = arg;
	struct err err;

	self->ask = NULL;
	if (answer && answer->ok) {
		op_finish(self->op, NULL);
		return;
	}
	if (answer)
		(void)err_set(&err, ERR_UNKNOWN, EIO, "%s", answer->refusal);
	else
		err = *ask_err;
	(void)err_wrap(&err, "OCI runtime %s failed", self->verb);
	op_finish(self->op, &err);
}

static int
freeze(struct op *op, const char *verb, struct runsc_ask_spec *spec,
    struct err *err)
{
	struct freeze *self = calloc(1, sizeof(*self));

	if (!self) {
		oci_argv_done(&spec->argv);
		return err_set_errno(err, ENOMEM, "%s", verb);
	}
	self->op = op;
	self->verb = verb;
	op->type = &freeze_type;
	op->data = self;
	return runsc_ask_start(
	    op->p->container, spec, on_frozen, self, &self->ask, err);
}

int
op_runsc_pause(struct op *op, struct err *err)
{
	const struct container *c = op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	struct runsc_ask_spec spec = {
		.method = "containerManager.Pause",
		.older = "Lifecycle.Pause",
	};

	if (oci_argv_pause(&runtime, c->id, &spec.argv) < 0)
		return err_set_errno(err, ENOMEM, "pause");
	return freeze(op, "pause", &spec, err);
}

int
op_runsc_resume(struct op *op, struct err *err)
{
	const struct container *c = op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	struct runsc_ask_spec spec = {
		.method = "containerManager.Resume",
		.older = "Lifecycle.Resume",
	};

	if (oci_argv_resume(&runtime, c->id, &spec.argv) < 0)
		return err_set_errno(err, ENOMEM, "resume");
	return freeze(op, "resume", &spec, err);
}
