/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNTIME_KIND_H
#define SHIM_RUNTIME_KIND_H

/*
 * Which driver a container has: by its runtime's name, or else by asking the
 * runtime, once for each binary that a shim meets.
 */
#include <stdbool.h>

#include "base/err.h"
#include "oci/kind.h"

struct config;
struct container;
struct runtime_kind;
struct task_options;

/* The binary that a shim asked last, and what it said. */
struct runtime_known {
	char *binary;
	enum oci_kind kind;
};

/*
 * Completes options from gVisor's configuration, where our name asks for that,
 * and from our own defaults.
 */
int runtime_kind_complete(const struct config *config, const char *bundle,
    struct task_options *options, struct err *err);

/*
 * Completes c's options and gives c its driver and root: 1, or 0 when its
 * runtime has to be asked first. What results is kept in the bundle.
 */
int runtime_kind_find(struct container *c, struct err *err);

/*
 * Runs the runtime to ask it; the function is called out of the loop, with c
 * completed as above, or with an error. A runtime that says nothing of use has
 * runc's command line. runtime_kind_free() is allowed inside.
 */
typedef void runtime_kind_fn(const struct err *err, void *arg);
int runtime_kind_ask(struct container *c, runtime_kind_fn *fn, void *arg,
    struct runtime_kind **ret, struct err *err);

/* NULL is fine. */
void runtime_kind_free(struct runtime_kind *ask);

#endif
