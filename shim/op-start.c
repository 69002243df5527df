/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of init: `runtime start`.
 */
#include <errno.h>
#include <stdlib.h>

#include "oci/run.h"
#include "oci/runtime-log.h"
#include "shim/container.h"
#include "shim/op.h"
#include "shim/runtime-error.h"
#include "shim/shim.h"

struct start {
	struct op *op;
	struct oci_run *run;
	off_t log_mark;
};

static void
start_free(struct op *op)
{
	struct start *self = op->data;

	oci_run_free(self->run);
	free(self);
}

static void
start_hurry(struct op *op, int64_t timeout_ns)
{
	struct start *self = op->data;

	oci_run_hurry(self->run, timeout_ns);
}

static const struct op_type start_type = {
	.free = start_free,
	.hurry = start_hurry,
};

static void
on_done(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct start *self = arg;
	struct err err;

	(void)run;
	if (result->ok) {
		op_finish(self->op, NULL);
		return;
	}
	runtime_error(
	    self->op->p->container, "start", self->log_mark, result, &err);
	op_finish(self->op, &err);
}

int
op_start(struct op *op, struct err *err)
{
	struct container *c = op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	struct start *self = calloc(1, sizeof(*self));
	cleanup_argv struct oci_argv argv = { 0 };

	if (!self)
		return err_set_errno(err, ENOMEM, "start");
	self->op = op;
	op->type = &start_type;
	op->data = self;
	int r = oci_argv_start(&runtime, c->id, &argv);
	if (r < 0)
		return err_set_errno(err, -r, "start");
	struct oci_run_spec spec = {
		.argv = argv.args,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = c->shim->times.runtime,
	};
	self->log_mark = oci_log_mark(c->bundle);
	r = oci_run_start(c->shim->base, PRIORITY_CHILD, c->shim->children,
	    &spec, on_done, self, &self->run, err);
	return r < 0 ? err_wrap(err, "OCI runtime start failed") : 0;
}
