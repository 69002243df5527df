/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runc, crun and whatever has their command line: processes of the host.
 */
#include "shim/container.h"
#include "shim/control.h"
#include "shim/driver.h"
#include "shim/reply.h"

static enum launch_child
init_child(const struct container *c)
{
	(void)c;
	return LAUNCH_NAMED;
}

static const char *
user_log_dir(const struct container *c)
{
	(void)c;
	return NULL;
}

static enum launch_child
exec_child(const struct process *p)
{
	(void)p;
	return LAUNCH_NAMED;
}

static int
restore_argv(const struct container *c, const char *work_path,
    const char *console_socket, struct oci_argv *ret)
{
	struct oci_runtime runtime = container_runtime(c);
	const struct oci_restore_opts opts = {
		.image_path = c->checkpoint,
		.work_path = work_path,
		.parent_path = c->parent_checkpoint,
		.console_socket = console_socket,
		.no_pivot = c->options.no_pivot,
	};

	return oci_argv_restore(&runtime, c->id, &opts, ret);
}

static int
checkpoint_argv(const struct container *c,
    const struct oci_checkpoint_opts *opts, struct oci_argv *ret)
{
	struct oci_runtime runtime = container_runtime(c);

	return oci_argv_checkpoint(&runtime, c->id, opts, ret);
}

static int
made(struct process *p, struct err *err)
{
	(void)err;
	if (p->is_init)
		container_find_cgroup(p->container);
	return 0;
}

static void
deleted(const struct container *c)
{
	(void)c;
}

const struct driver driver_runc = {
	.start = op_start,
	.pause = op_pause,
	.resume = op_resume,
	.init_child = init_child,
	.exec_child = exec_child,
	.user_log_dir = user_log_dir,
	.exec_argv = oci_argv_exec,
	.restore_argv = restore_argv,
	.has_work_path = true,
	.checkpoint_argv = checkpoint_argv,
	.made = made,
	.deleted = deleted,
	.kill = control_kill,
	.kill_rest = control_kill_rest,
	.thaw = control_thaw,
	.signal = control_signal,
	.signal_all = control_signal_all,
	.pids = reply_pids,
	.stats = reply_stats,
};
