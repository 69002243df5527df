/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_CONTAINER_H
#define SHIM_CONTAINER_H

/*
 * A container: its init, its execs, the rule between them, and what stays the
 * same over its life.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "fsm/fsm.h"
#include "oci/argv.h"
#include "shim/options.h"
#include "shim/process.h"

struct cgroup;
struct driver;
struct oom_watch;
struct recorder;
struct runsc_sandbox;
struct shim;

struct container {
	struct list link; /* in the shim's containers */
	struct shim *shim;
	char *id;
	char *bundle;
	char *rootfs; /* <bundle>/rootfs */
	struct task_options options;
	char *runtime_root; /* with the namespace appended; once created */
	char *cgroups_path; /* as configured, may be NULL */
	bool unwanted; /* whoever asked for it went away while it was made */
	bool told;     /* TaskCreate was */
	bool private_pidns; /* the kernel kills the rest when init dies */
	struct process init;
	struct list execs; /* struct process */
	struct fsm_rule rule;
	struct recorder *recorder;
	const struct driver *driver;
	bool in_sandbox;       /* it is not a sandbox's own, but in one */
	bool is_pod_sandbox;   /* it is one that others are in */
	char *sandbox_log_dir; /* of its pod, or NULL */
	struct runsc_sandbox *sandbox; /* runsc, once created */
	struct list asks;              /* struct runsc_ask */
	bool stay_paused, must_run;    /* see shim/runsc-freeze.h */
	struct cgroup *cgroup;         /* NULL when it has none of its own */
	struct oom_watch *oom; /* NULL without, and once init's death is told */
	uint32_t last_slot;
	char *checkpoint;        /* directory to restore from, "" otherwise */
	char *parent_checkpoint; /* where that one's base is, or "" */
};

/* A container in state NEW, in the shim's table. Strings are copied; options
 * are taken over (and emptied), also on failure. */
int container_new(struct shim *shim, const char *id, const char *bundle,
    struct task_options *options, struct container **ret, struct err *err);

/* Frees it and its execs. Not from inside a step of its machines: those bury a
 * process (shim_bury()). */
void container_free(struct container *c);

struct container *container_find(const struct shim *shim, const char *id);
/* NULL when there is none. "" is init. */
struct process *container_process(struct container *c, const char *exec_id);

/* Adds an exec in state NEW. */
int container_add_exec(struct container *c, const char *exec_id,
    struct process **ret, struct err *err);

/* Steps the container rule, records it, and raises what follows. */
void container_rule(struct container *c, enum fsm_rule_event event);

/* Init is dead: no runtime command that is still at it may hold its exit back
 * for long. */
void container_hurry(struct container *c);

/* Finds the cgroup of init's pid, and begins to watch it for OOM. Without one,
 * signals go to known processes. */
void container_find_cgroup(struct container *c);

/* Its creation was told: from here on an OOM is. One that was seen before is
 * told now. */
void container_told(struct container *c);

/*
 * A process was seen to have exited (p->exit_seen), which is still to be
 * raised: a kill for want of memory, which it may have died of, is told before.
 * Watching ends with init.
 */
void container_process_exited(struct container *c, const struct process *p);

/* What every runtime command of it has in common. Borrowed from c. */
struct oci_runtime container_runtime(const struct container *c);

#endif
