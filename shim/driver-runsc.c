/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gVisor's runsc: the processes of a container are those of a sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/gvisor-spec.h"
#include "oci/runsc-state.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/op-runsc.h"
#include "shim/process.h"
#include "shim/resources.h"
#include "shim/runsc-control.h"
#include "shim/runsc-process.h"
#include "shim/runsc-sandbox.h"

#define KUBELET "/var/lib/kubelet"

/* A sandbox is the child of whoever has made it; the other containers of a pod
 * come into one that is there. */
static enum launch_child
init_child(const struct container *c)
{
	return c->in_sandbox ? LAUNCH_FOREIGN : LAUNCH_NAMED;
}

/* runsc hands out a terminal only when it detaches; then it leaves a second
 * runsc behind that is the exec. */
static enum launch_child
exec_child(const struct process *p)
{
	return p->terminal ? LAUNCH_NAMED : LAUNCH_ITSELF;
}

static int
prepare(const struct container *c, struct err *err)
{
	return oci_gvisor_spec_rewrite(c->bundle, KUBELET, err);
}

static const char *
user_log_dir(const struct container *c)
{
	return c->is_pod_sandbox ? c->sandbox_log_dir : NULL;
}

static int
restore_argv(const struct container *c, const char *work_path,
    const char *console_socket, struct oci_argv *ret)
{
	struct oci_runtime runtime = container_runtime(c);

	(void)work_path;
	return oci_argv_runsc_restore(
	    &runtime, c->id, c->checkpoint, console_socket, ret);
}

static int
checkpoint_argv(const struct container *c,
    const struct oci_checkpoint_opts *opts, struct oci_argv *ret)
{
	struct oci_runtime runtime = container_runtime(c);

	return oci_argv_runsc_checkpoint(
	    &runtime, c->id, opts->image_path, opts->leave_running, ret);
}

/*
 * Until early in 2024, to leave it running meant to end it, to make another of
 * its name, and to wait for that one. Nothing tells the two apart but the flags
 * that came with the change.
 */
static int
stays_argv(const struct container *c, struct oci_argv *ret)
{
	struct oci_runtime runtime = container_runtime(c);

	return oci_argv_runsc_help(&runtime, "checkpoint", ret);
}

/*
 * Its cgroup is all that limits a sandbox. What lives in it is not the kernel's
 * to tell apart.
 */
static int
update(const struct container *c, const char *text, struct err *err)
{
	struct resources resources;

	if (c->in_sandbox)
		return err_set(err, ERR_UNIMPLEMENTED, ENOTSUP,
		    "this runsc cannot update one container of a sandbox: "
		    "not implemented");
	if (!c->cgroup)
		return err_set(err, ERR_FAILED_PRECONDITION, ENOENT,
		    "the sandbox has no cgroup of its own: failed "
		    "precondition");
	int r = resources_parse(text, &resources, err);
	if (r < 0)
		return r;
	r = cgroup_set_limits(c->cgroup, &resources.limits, err);
	resources_done(&resources);
	return r;
}

/* Written before the pid file. Both have served their purpose. */
static int
read_inner_pid(struct process *p, struct err *err)
{
	const char *bundle = p->container->bundle;
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/%s.inner", bundle, p->id);
	if (r == 0)
		r = file_read_pid(AT_FDCWD, path, &p->inner_pid);
	if (r < 0)
		return err_set_errno(err, -r, "pid of exec in the sandbox");
	(void)unlink(path);
	if (path_format(path, sizeof(path), "%s/%s.pid", bundle, p->id) == 0)
		(void)unlink(path);
	return 0;
}

static int
made(struct process *p, struct err *err)
{
	if (!p->is_init)
		return read_inner_pid(p, err);
	int r = runsc_sandbox_join(p->container, err);
	if (r == 0)
		container_find_cgroup(p->container);
	return r;
}

static void
deleted(const struct container *c)
{
	if (c->sandbox)
		oci_runsc_remove_locks(c->runtime_root, c->sandbox->id);
}

const struct driver driver_runsc = {
	.start = op_runsc_start,
	.pause = op_runsc_pause,
	.resume = op_runsc_resume,
	.init_child = init_child,
	.prepare = prepare,
	.user_log_dir = user_log_dir,
	.exec_child = exec_child,
	.exec_argv = oci_argv_runsc_exec,
	.restore_argv = restore_argv,
	.checkpoint_argv = checkpoint_argv,
	.stays_argv = stays_argv,
	.stays_flag = "-exclude-committed-zero-pages",
	.update = update,
	.made = made,
	.deleted = deleted,
	.exited = runsc_process_exited,
	.kill = runsc_kill,
	.kill_rest = runsc_kill_rest,
	.thaw = runsc_thaw,
	.signal = runsc_signal,
	.signal_all = runsc_signal_all,
	.pids = runsc_pids,
	.stats = runsc_stats,
};
