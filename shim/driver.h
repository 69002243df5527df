/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DRIVER_H
#define SHIM_DRIVER_H

/*
 * What depends on whose processes a container's are. With runc and crun they
 * are the host's: signalled by pidfd, counted and frozen by their cgroup. With
 * gVisor they are the sandbox's, which has to be asked. The machines and the
 * order of what is told are the same for both.
 */
#include <stdbool.h>

#include "base/err.h"
#include "oci/argv.h"
#include "shim/launch.h"
#include "shim/op.h"

struct container;
struct process;
struct request;

struct driver {
	op_begin_fn *start, *pause, *resume;

	/* What the command that makes an init or an exec leaves behind; an init
	 * without streams gets them at its start. */
	enum launch_child (*init_child)(const struct container *c);
	enum launch_child (*exec_child)(const struct process *p);

	/* In a worker, ahead of all else: makes of config.json what the runtime
	 * wants. NULL where it is used as it is. */
	int (*prepare)(const struct container *c, struct err *err);

	/* Where the runtime may tell the pod's user of what it lacks, or NULL.
	 */
	const char *(*user_log_dir)(const struct container *c);

	int (*exec_argv)(const struct oci_runtime *rt, const char *id,
	    const char *exec_id, const char *process_path,
	    const char *console_socket, struct oci_argv *ret);
	int (*restore_argv)(const struct container *c, const char *work_path,
	    const char *console_socket, struct oci_argv *ret);
	bool has_work_path; /* where CRIU logs */
	int (*checkpoint_argv)(const struct container *c,
	    const struct oci_checkpoint_opts *opts, struct oci_argv *ret);
	/* NULL, or a command that prints what stays_flag is in where a
	 * checkpoint can leave its container running. */
	int (*stays_argv)(const struct container *c, struct oci_argv *ret);
	const char *stays_flag;

	/* NULL, or what is done where the runtime has no update: changes the
	 * limits that these resources, JSON, ask for. */
	int (*update)(
	    const struct container *c, const char *resources, struct err *err);

	/* An init, or an exec, has come to be. On failure it is undone. */
	launch_made_fn *made;
	/* The runtime has deleted it, or has failed to. */
	void (*deleted)(const struct container *c);
	/* A child's exit is in p->exit. True: it is the process's. False: the
	 * driver raises it later. NULL: it always is. */
	bool (*exited)(struct process *p);

	/* Without a request: what is dead already is fine. */
	void (*kill)(struct process *p);
	void (*kill_rest)(struct container *c);
	void (*thaw)(struct container *c);
	/* These take the request and answer it, now or later. */
	void (*signal)(struct process *p, struct request *req);
	void (*signal_all)(struct container *c, struct request *req);
	void (*pids)(struct container *c, struct request *req);
	void (*stats)(struct container *c, struct request *req);
};

extern const struct driver driver_runc, driver_runsc;

#endif
