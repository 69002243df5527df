/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_FOREGROUND_H
#define SHIM_FOREGROUND_H

/*
 * A runtime command that stays in the foreground for as long as the process
 * that it makes runs, and ends with its status. From its pid file on it counts
 * as the process.
 */
#include <stdint.h>

#include "base/err.h"

struct foreground;
struct process;

/*
 * Called once. err is NULL for success: the process runs, or has run; its child
 * is p's, and its exit is raised when it comes. On failure the command is dead.
 * foreground_free() is allowed inside.
 */
typedef void foreground_fn(const struct err *err, void *arg);

struct foreground_spec {
	const char *verb;     /* for error texts; static */
	const char *pid_file; /* in the bundle */
	char *const *argv;
	int stdio[3];       /* -1: /dev/null. Borrowed. */
	int64_t timeout_ns; /* until it runs */
};

int foreground_start(struct process *p, const struct foreground_spec *spec,
    foreground_fn *fn, void *arg, struct foreground **ret, struct err *err);

/* SIGKILLs the command unless the process runs; the function follows. */
void foreground_abort(struct foreground *fg);
/* Gives it at most this long from now on. */
void foreground_hurry(struct foreground *fg, int64_t timeout_ns);

/* A command that is still at it is killed and forgotten. NULL is fine. */
void foreground_free(struct foreground *fg);

#endif
