/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that are one runtime command: Update, which hands on resources as
 * JSON; and Pause and Resume of a container without a cgroup of its
 * own, which the freezer cannot reach.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"
#include "oci/run.h"
#include "oci/runtime-log.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/op.h"
#include "shim/request.h"
#include "shim/runtime-error.h"
#include "shim/shim.h"

struct command {
	struct op *op;
	struct oci_run *run;
	char *input;
	const char *verb; /* its errors are in the log; NULL: in its output */
	off_t log_mark;
};

static void
command_free(struct op *op)
{
	struct command *self = op->data;

	oci_run_free(self->run);
	free(self->input);
	free(self);
}

static void
command_hurry(struct op *op, int64_t timeout_ns)
{
	struct command *self = op->data;

	oci_run_hurry(self->run, timeout_ns);
}

static const struct op_type command_type = {
	.free = command_free,
	.hurry = command_hurry,
};

static void
describe(const struct command *self, const struct oci_run_result *result,
    struct err *ret)
{
	if (self->verb) {
		runtime_error(self->op->p->container, self->verb,
		    self->log_mark, result, ret);
		return;
	}
	oci_run_describe(result, ret);
}

/* A runsc without one prints how it is used. */
static bool
lacks_update(const struct command *self, const struct oci_run_result *result)
{
	static const char usage[] = "Usage: ";

	return self->input && self->op->p->container->driver->update &&
	       !result->timed_out &&
	       strncmp(result->output, usage, sizeof(usage) - 1) == 0;
}

static void
on_done(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct command *self = arg;
	struct err err;

	(void)run;
	const struct container *c = self->op->p->container;
	bool ok = result->ok;

	if (!ok && lacks_update(self, result))
		ok = c->driver->update(c, self->input, &err) == 0;
	else if (!ok)
		describe(self, result, &err);
	op_finish(self->op, ok ? NULL : &err);
}

static int
begin(struct op *op, struct command **ret, struct err *err)
{
	struct command *self = calloc(1, sizeof(*self));

	if (!self)
		return err_set_errno(err, ENOMEM, "run command");
	self->op = op;
	op->type = &command_type;
	op->data = self;
	*ret = self;
	return 0;
}

static int
run_command(struct command *self, const struct oci_argv *argv, struct err *err)
{
	struct shim *shim = self->op->p->container->shim;
	struct oci_run_spec spec = {
		.argv = argv->args,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.input = self->input,
		.timeout_ns = shim->times.runtime,
	};

	self->log_mark = oci_log_mark(self->op->p->container->bundle);
	return oci_run_start(shim->base, PRIORITY_CHILD, shim->children, &spec,
	    on_done, self, &self->run, err);
}

int
op_update(struct op *op, struct err *err)
{
	const containerd_task_v2_UpdateTaskRequest *m = op->req->message;
	struct container *c = op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	cleanup_argv struct oci_argv argv = { 0 };
	struct command *self;

	if (m->resources.value.len == 0)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "no resources to update: invalid argument");
	int r = begin(op, &self, err);
	if (r < 0)
		return r;
	self->input = strndup(
	    (const char *)m->resources.value.data, m->resources.value.len);
	r = self->input ? oci_argv_update(&runtime, c->id, &argv) : -ENOMEM;
	return r < 0 ? err_set_errno(err, -r, "update")
		     : run_command(self, &argv, err);
}

/* ---- Pause and Resume ---- */

int
op_pause_command(struct op *op, bool frozen, struct err *err)
{
	const struct container *c = op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	cleanup_argv struct oci_argv argv = { 0 };
	struct command *self;

	int r = begin(op, &self, err);
	if (r < 0)
		return r;
	self->verb = frozen ? "pause" : "resume";
	r = frozen ? oci_argv_pause(&runtime, c->id, &argv)
		   : oci_argv_resume(&runtime, c->id, &argv);
	return r < 0 ? err_set_errno(err, -r, "%s", self->verb)
		     : run_command(self, &argv, err);
}
