/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create: mounts, streams, `runtime create`, and undoing all of it. Create from
 * a checkpoint ends after the streams: the runtime is asked at Start.
 *
 *   mount --> launch --> OP_OK
 *     |          |
 *     |          v
 *     +------> delete --force --> clean --> OP_FAIL
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"
#include "oci/mount.h"
#include "oci/run.h"
#include "oci/stdio.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/launch.h"
#include "shim/op.h"
#include "shim/request.h"
#include "shim/runtime-kind.h"
#include "shim/shim.h"
#include "shim/worker.h"

struct create {
	struct op *op;
	bool restorable; /* no runtime command */
	bool aborted;    /* before there was a command to kill */
	bool mounting, mounted;
	bool undoing; /* nothing of it can be cut short, or undone again */
	struct oci_mount *mounts;
	size_t n_mounts;
	struct worker *worker;
	struct runtime_kind *kind; /* the runtime is asked what it is */
	struct launch *launch;
	struct oci_run *cleanup; /* delete --force */
	struct err err;          /* why it is being undone */
};

static void
create_free(struct op *op)
{
	struct create *self = op->data;

	worker_free(self->worker);
	runtime_kind_free(self->kind);
	launch_free(self->launch);
	oci_run_free(self->cleanup);
	free(self->mounts);
	free(self);
}

/* ---- undoing ---- */

static void
on_cleaned(const struct err *err, void *arg)
{
	struct create *self = arg;

	worker_free(self->worker);
	self->worker = NULL;
	if (err)
		log_task(LOG_LEVEL_WARN, self->op->p->id, NULL, "%s, ignoring",
		    err->msg);
	op_finish(self->op, &self->err);
}

/* In a worker. */
static int
do_clean(void *arg, struct err *err)
{
	const struct create *self = arg;
	const struct container *c = self->op->p->container;

	if (launch_ran(self->launch) && c->cgroups_path)
		cgroup_remove(c->cgroups_path);
	if (!self->mounted)
		return 0;
	int r = oci_unmount_all(c->rootfs, err);
	return r < 0 ? err_wrap(err, "failed to unmount %s", c->rootfs) : 0;
}

static void
clean(struct create *self)
{
	struct shim *shim = self->op->p->container->shim;
	struct err err;

	if (!self->mounted && !launch_ran(self->launch))
		op_finish(self->op, &self->err);
	else if (worker_start(shim, do_clean, self, on_cleaned, self,
		     &self->worker, &err) < 0)
		on_cleaned(&err, self);
}

static void
on_deleted(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	(void)run;
	(void)result; /* there may be nothing to delete: that is not news */
	clean(arg);
}

static void
undo(struct create *self, const struct err *err)
{
	struct container *c = self->op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	cleanup_argv struct oci_argv argv = { 0 };
	struct oci_run_spec spec = { .stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = c->shim->times.runtime };
	struct err ignored;

	self->undoing = true;
	self->err = *err;
	oci_stdio_free(self->op->p->io);
	self->op->p->io = NULL;
	if (!launch_ran(self->launch)) {
		clean(self);
		return;
	}
	int r = oci_argv_delete(&runtime, c->id, /* force= */ true, &argv);
	spec.argv = argv.args;
	if (r < 0 ||
	    oci_run_start(c->shim->base, PRIORITY_CHILD, c->shim->children,
		&spec, on_deleted, self, &self->cleanup, &ignored) < 0)
		clean(self);
}

/* ---- doing ---- */

static int
create_argv(struct process *p, const char *console_socket, void *arg,
    struct oci_argv *ret, struct err *err)
{
	struct oci_runtime runtime = container_runtime(p->container);
	struct oci_create_opts opts = {
		.console_socket = console_socket,
		.no_pivot = p->container->options.no_pivot,
		.no_new_keyring = p->container->options.no_new_keyring,
		.user_log_dir =
		    p->container->driver->user_log_dir(p->container),
	};

	(void)arg;
	int r = oci_argv_create(&runtime, p->id, &opts, ret);
	return r < 0 ? err_set_errno(err, -r, "runtime create") : 0;
}

static void
on_launched(const struct err *err, void *arg)
{
	struct create *self = arg;

	if (err)
		undo(self, err);
	else
		op_finish(self->op, NULL);
}

static int
after_mounts(struct create *self, struct err *err)
{
	struct process *p = self->op->p;
	enum launch_child child =
	    p->container->driver->init_child(p->container);
	const struct launch_spec spec = {
		.verb = "create",
		.pid_file = "init.pid",
		.argv = create_argv,
		.made = p->container->driver->made,
		.done = on_launched,
		.arg = self,
		.child = child,
		.no_streams = child == LAUNCH_FOREIGN && !p->terminal,
	};

	if (self->aborted)
		return err_set(err, ERR_CANCELED, ECANCELED,
		    "create was aborted: context canceled");
	if (!self->restorable)
		return launch_start(p, &spec, &self->launch, err);
	int r = launch_open_streams(p, err);
	if (r == 0)
		op_finish(self->op, NULL);
	return r;
}

static void
on_mounted(const struct err *mount_err, void *arg)
{
	struct create *self = arg;
	struct err err;

	worker_free(self->worker);
	self->worker = NULL;
	self->mounting = false;
	if (mount_err)
		undo(self, mount_err);
	else if (after_mounts(self, &err) < 0)
		undo(self, &err);
}

static int
do_mount(const struct create *self, struct err *err)
{
	const char *rootfs = self->op->p->container->rootfs;

	if (mkdir(rootfs, 0711) < 0 && errno != EEXIST)
		return err_set_errno(err, errno, "make %s", rootfs);
	int r = oci_mount_all(rootfs, self->mounts, self->n_mounts, err);
	return r < 0 ? err_wrap(err, "failed to mount rootfs component") : 0;
}

/* In the worker. */
static int
do_prepare(void *arg, struct err *err)
{
	const struct create *self = arg;
	const struct container *c = self->op->p->container;
	int r = c->driver->prepare ? c->driver->prepare(c, err) : 0;

	return r == 0 && self->n_mounts ? do_mount(self, err) : r;
}

static int
fill_mounts(struct create *self, const containerd_task_v2_CreateTaskRequest *m,
    struct err *err)
{
	self->mounts = calloc(m->rootfs_count, sizeof(*self->mounts));
	if (!self->mounts)
		return err_set_errno(err, ENOMEM, "create");
	self->n_mounts = m->rootfs_count;
	for (size_t i = 0; i < m->rootfs_count; i++) {
		self->mounts[i] = (struct oci_mount){
			.type = message_str(m->rootfs[i].type),
			.source = message_str(m->rootfs[i].source),
			.target = message_str(m->rootfs[i].target),
			.options = m->rootfs[i].options,
			.n_options = m->rootfs[i].options_count,
		};
	}
	return 0;
}

static int
begin_mounts(struct create *self, struct err *err)
{
	const struct op *op = self->op;
	const containerd_task_v2_CreateTaskRequest *m = op->req->message;

	if (self->aborted ||
	    (m->rootfs_count == 0 && !op->p->container->driver->prepare))
		return after_mounts(self, err);
	int r = m->rootfs_count ? fill_mounts(self, m, err) : 0;
	if (r < 0)
		return r;
	self->mounting = true;
	/* In part, if the worker is killed. */
	self->mounted = self->n_mounts > 0;
	return worker_start(op->p->container->shim, do_prepare, self,
	    on_mounted, self, &self->worker, err);
}

static void
on_kind(const struct err *kind_err, void *arg)
{
	struct create *self = arg;
	struct err err;

	runtime_kind_free(self->kind);
	self->kind = NULL;
	if (kind_err)
		undo(self, kind_err);
	else if (begin_mounts(self, &err) < 0)
		undo(self, &err);
}

static void
create_abort(struct op *op)
{
	struct create *self = op->data;

	if (self->undoing)
		return;
	self->aborted = true;
	if (self->launch)
		launch_abort(self->launch);
	else if (self->mounting)
		worker_kill(self->worker);
}

static void
create_hurry(struct op *op, int64_t timeout_ns)
{
	struct create *self = op->data;

	if (self->launch && !self->undoing)
		launch_hurry(self->launch, timeout_ns);
}

static const struct op_type create_type = {
	.free = create_free,
	.abort = create_abort,
	.hurry = create_hurry,
};

static int
begin(struct op *op, bool restorable, struct err *err)
{
	struct container *c = op->p->container;
	struct create *self = calloc(1, sizeof(*self));

	if (!self)
		return err_set_errno(err, ENOMEM, "create");
	self->op = op;
	self->restorable = restorable;
	op->type = &create_type;
	op->data = self;
	int r = runtime_kind_find(c, err);
	if (r < 0)
		return r;
	return r > 0 ? begin_mounts(self, err)
		     : runtime_kind_ask(c, on_kind, self, &self->kind, err);
}

int
op_create(struct op *op, struct err *err)
{
	return begin(op, /* restorable= */ false, err);
}

int
op_prepare(struct op *op, struct err *err)
{
	return begin(op, /* restorable= */ true, err);
}
