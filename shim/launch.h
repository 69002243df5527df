/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_LAUNCH_H
#define SHIM_LAUNCH_H

/*
 * A runtime command that makes a process (create, exec, restore), from its
 * streams to its pid: streams opened, terminal received, command complete, pid
 * file read, process adopted. Create, exec and restore differ only in their
 * command line and in what is undone when it fails.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "oci/argv.h"

struct launch;
struct process;

/* Makes the command line; console_socket is NULL without a terminal. */
typedef int launch_argv_fn(struct process *p, const char *console_socket,
    void *arg, struct oci_argv *ret, struct err *err);

/* p has its pid. Failure is the launch's. */
typedef int launch_made_fn(struct process *p, struct err *err);

/*
 * err is NULL for success: p has its pid and its streams run. On failure the
 * command is dead and p has no streams; a process that it left behind is
 * adopted if it was found, and then killed, and its exit was raised before. One
 * that SIGKILL cannot end within some seconds is p's no longer, and has none.
 * launch_free() is allowed inside.
 */
typedef void launch_done_fn(const struct err *err, void *arg);

/* What the command leaves behind. */
enum launch_child {
	LAUNCH_NAMED,   /* a child of ours, which the pid file names */
	LAUNCH_ITSELF,  /* the command is the process (foreground.h) */
	LAUNCH_FOREIGN, /* nobody's child of ours: the pid file, if there is
			 * one, names the process that it lives in */
};

struct launch_spec {
	const char *verb;     /* "create", for error texts; static */
	const char *pid_file; /* in the bundle; copied; NULL for none */
	enum launch_child child;
	bool no_streams; /* they come with a later command */
	launch_argv_fn *argv;
	launch_made_fn *made; /* or NULL */
	launch_done_fn *done;
	void *arg;
};

int launch_start(struct process *p, const struct launch_spec *spec,
    struct launch **ret, struct err *err);

/* Opens p's streams, ahead of launch_start(), which then uses them. */
int launch_open_streams(struct process *p, struct err *err);

/* NULL is fine. */
void launch_abort(struct launch *launch);
/* Gives the command at most this long from now on. NULL is fine. */
void launch_hurry(struct launch *launch, int64_t timeout_ns);
/* True once a runtime command was run at all: then there may be something of it
 * to delete. */
bool launch_ran(const struct launch *launch);
/* NULL is fine. */
void launch_free(struct launch *launch);

/* The launch's process has exited, and this was raised. NULL is fine. */
void launch_process_exited(struct launch *launch);

/*
 * A zombie of unknown origin: if a launch's pid file names it, it is adopted.
 * runc's processes become our children only when it exits, and their pid file
 * is written by then; crun's may be before, and then they are asked for later
 * (child_orphan_fn). Whether the runtime can be waited for says nothing: the
 * kernel hands on the children of a program with threads a moment earlier.
 */
void launch_claim(struct list *launches, pid_t pid);

#endif
