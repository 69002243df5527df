/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of an exec: `runtime exec --detach`, with the process document in a
 * file that lives as long as the command does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/argv.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/launch.h"
#include "shim/op.h"

struct exec {
	struct op *op;
	struct launch *launch;
	char spec_path[PATH_MAX];
};

static void
remove_spec(struct exec *self)
{
	if (*self->spec_path)
		(void)unlink(self->spec_path);
	*self->spec_path = '\0';
}

static void
exec_free(struct op *op)
{
	struct exec *self = op->data;

	remove_spec(self);
	launch_free(self->launch);
	free(self);
}

static void
exec_abort(struct op *op)
{
	struct exec *self = op->data;

	launch_abort(self->launch);
}

static void
exec_hurry(struct op *op, int64_t timeout_ns)
{
	struct exec *self = op->data;

	launch_hurry(self->launch, timeout_ns);
}

static const struct op_type exec_type = {
	.free = exec_free,
	.abort = exec_abort,
	.hurry = exec_hurry,
};

static void
on_launched(const struct err *err, void *arg)
{
	struct exec *self = arg;

	remove_spec(self);
	op_finish(self->op, err);
}

static int
exec_argv(struct process *p, const char *console_socket, void *arg,
    struct oci_argv *ret, struct err *err)
{
	struct oci_runtime runtime = container_runtime(p->container);
	struct exec *self = arg;

	int r = p->container->driver->exec_argv(&runtime, p->container->id,
	    p->id, self->spec_path, console_socket, ret);
	return r < 0 ? err_set_errno(err, -r, "runtime exec") : 0;
}

/* In the bundle, not in /tmp: it goes away with the container at the latest. */
static int
write_spec(struct exec *self, struct err *err)
{
	const struct process *p = self->op->p;
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/%s.process.json",
	    p->container->bundle, p->id);
	if (r == 0)
		r = file_write_atomic(
		    AT_FDCWD, path, p->spec, strlen(p->spec), 0600);
	if (r < 0)
		return err_set_errno(err, -r, "write %s", path);
	memcpy(self->spec_path, path, sizeof(path));
	return 0;
}

int
op_exec(struct op *op, struct err *err)
{
	struct process *p = op->p;
	struct exec *self = calloc(1, sizeof(*self));
	char pid_file[NAME_MAX];

	if (!self)
		return err_set_errno(err, ENOMEM, "exec");
	self->op = op;
	op->type = &exec_type;
	op->data = self;
	int r = path_format(pid_file, sizeof(pid_file), "%s.pid", p->id);
	if (r < 0)
		return err_set_errno(err, -r, "exec %s", p->id);
	r = write_spec(self, err);
	struct launch_spec spec = {
		.verb = "exec",
		.child = p->container->driver->exec_child(p),
		.pid_file = pid_file,
		.argv = exec_argv,
		.made = p->container->driver->made,
		.done = on_launched,
		.arg = self,
	};
	return r < 0 ? r : launch_start(p, &spec, &self->launch, err);
}
