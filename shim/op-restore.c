/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of a container that was created from a checkpoint: `runtime restore`.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/fd.h"
#include "oci/argv.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/launch.h"
#include "shim/op.h"

struct restore {
	struct op *op;
	struct launch *launch;
};

static void
restore_free(struct op *op)
{
	struct restore *self = op->data;

	launch_free(self->launch);
	free(self);
}

static void
restore_abort(struct op *op)
{
	struct restore *self = op->data;

	launch_abort(self->launch);
}

static void
restore_hurry(struct op *op, int64_t timeout_ns)
{
	struct restore *self = op->data;

	launch_hurry(self->launch, timeout_ns);
}

static const struct op_type restore_type = {
	.free = restore_free,
	.abort = restore_abort,
	.hurry = restore_hurry,
};

static void
on_launched(const struct err *err, void *arg)
{
	struct restore *self = arg;

	op_finish(self->op, err);
}

static int
restore_argv(struct process *p, const char *console_socket, void *arg,
    struct oci_argv *ret, struct err *err)
{
	struct container *c = p->container;
	char work[PATH_MAX];

	(void)arg;
	int r = *c->options.criu_work_path
		    ? path_format(
			  work, sizeof(work), "%s", c->options.criu_work_path)
		    : path_format(work, sizeof(work), "%s/work", c->bundle);
	if (r == 0)
		r = c->driver->restore_argv(c, work, console_socket, ret);
	return r < 0 ? err_set_errno(err, -r, "runtime restore") : 0;
}

int
op_restore(struct op *op, struct err *err)
{
	struct restore *self = calloc(1, sizeof(*self));

	if (!self)
		return err_set_errno(err, ENOMEM, "restore");
	self->op = op;
	op->type = &restore_type;
	op->data = self;
	struct launch_spec spec = {
		.verb = "restore",
		.child = op->p->container->driver->init_child(op->p->container),
		.pid_file = "init.pid",
		.argv = restore_argv,
		.made = op->p->container->driver->made,
		.done = on_launched,
		.arg = self,
	};
	return launch_start(op->p, &spec, &self->launch, err);
}
