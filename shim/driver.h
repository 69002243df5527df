/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DRIVER_H
#define SHIM_DRIVER_H

/*
 * What depends on whose processes a container's are. With runc and crun they are
 * the host's: signalled by pidfd, counted and frozen by their cgroup. With
 * gVisor they are the sandbox's, which has to be asked. The machines and the
 * order of what is told are the same for both.
 */
#include "shim/op.h"

struct container;
struct launch_spec;
struct process;
struct request;

struct driver {
	/* Operations; each may be the same as another driver's. */
	op_begin_fn *start, *restore, *pause, *resume, *update, *checkpoint;
	/* What the runtime commands that make processes leave behind: sets the
	 * argument vector's maker and `child`. */
	void (*create)(const struct process *p, struct launch_spec *ret);
	void (*exec)(const struct process *p, struct launch_spec *ret);
	/*
	 * In a worker, before the root filesystem is mounted: rewrites
	 * config.json. NULL where it is used as it is.
	 */
	int (*prepare)(const struct container *c, struct err *err);
	/* A process of the container has come to be. */
	void (*created)(struct container *c);

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
