/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNSC_ASK_H
#define SHIM_RUNSC_ASK_H

/*
 * A question to a sandbox: over its control socket where that answers as
 * expected, else by a runsc command, which takes a hundred times as long. The
 * first surprise on the socket, garbage or silence or a hang-up, is logged and
 * ends its use for this sandbox; the question itself is then asked again by
 * command.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/argv.h"

struct cJSON;
struct container;
struct runsc_ask;

struct runsc_answer {
	bool ok;
	const char *refusal; /* what it said when it is not ok, never NULL */
	const struct cJSON *result; /* where one was asked for */
};

/*
 * Called once, never from inside runsc_ask_start(). answer is NULL when nothing
 * could be asked, when no answer came in time, or when the container is freed;
 * then err says so. The ask is gone by then.
 */
typedef void runsc_ask_fn(
    const struct runsc_answer *answer, const struct err *err, void *arg);

struct runsc_ask_spec {
	const char *method;   /* NULL: by command only */
	const char *older;    /* before it took an argument; NULL: none */
	const char *arg;      /* JSON; NULL for none */
	size_t answer_max;    /* as of oci_urpc_spec */
	struct oci_argv argv; /* the command; emptied */
	/* What is understood as a result, over the socket or as the command
	 * prints it; NULL: none is wanted. */
	bool (*fits)(const struct cJSON *result);
};

/* Of a container that has joined its sandbox. *ret may be NULL; it is for
 * runsc_ask_drop(). */
int runsc_ask_start(struct container *c, struct runsc_ask_spec *spec,
    runsc_ask_fn *fn, void *arg, struct runsc_ask **ret, struct err *err);

/* Ends it without an answer. NULL is fine. */
void runsc_ask_drop(struct runsc_ask *ask);
/* Kills the command; the function follows. Without effect on the socket, which
 * has a bound of its own. */
void runsc_ask_hurry(struct runsc_ask *ask, int64_t timeout_ns);

/* Ends all questions of a container, with an error. */
void runsc_ask_cancel_all(struct container *c);

#endif
