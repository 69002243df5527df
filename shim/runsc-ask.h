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
#include "base/list.h"
#include "oci/argv.h"

struct cJSON;
struct runsc_ask;
struct runsc_sandbox;

/* Who has been asked. */
enum runsc_ask_way {
	RUNSC_ASK_NOBODY, /* not yet, or it could not be reached */
	RUNSC_ASK_SOCKET,
	RUNSC_ASK_COMMAND,
};

struct runsc_answer {
	bool ok;
	const char *refusal; /* what it said when it is not ok, never NULL */
	const struct cJSON *result; /* where one was asked for */
};

/*
 * Called once, never from inside runsc_ask_start(). answer is NULL when nothing
 * could be asked, when no answer came in time, or when it is cancelled; then
 * err says so. The ask is gone by then, but for runsc_ask_way().
 */
typedef void runsc_ask_fn(
    const struct runsc_answer *answer, const struct err *err, void *arg);

struct runsc_ask_spec {
	const char *method;   /* NULL: by command only */
	const char *older;    /* before it took an argument; NULL: none */
	const char *arg;      /* JSON; NULL for none */
	size_t answer_max;    /* as of oci_urpc_spec */
	struct oci_argv argv; /* the command; emptied. Empty: by the socket
			       * only, whatever it is worth */
	/* What is done twice is not done once: it is not asked again once the
	 * sandbox may have heard of it, and waited for without a limit. */
	bool once;
	/* What is understood as a result, over the socket or as the command
	 * prints it; NULL: none is wanted. */
	bool (*fits)(const struct cJSON *result);
};

/* It is in the list asks until it ends, which is to be ahead of the sandbox's
 * end. *ret is for the functions below; ret may be NULL. */
int runsc_ask_start(struct runsc_sandbox *sandbox, struct list *asks,
    struct runsc_ask_spec *spec, runsc_ask_fn *fn, void *arg,
    struct runsc_ask **ret, struct err *err);

enum runsc_ask_way runsc_ask_way(const struct runsc_ask *ask);

/* Ends it without an answer. NULL is fine. */
void runsc_ask_drop(struct runsc_ask *ask);

/* Ends all that are in the list, with an error. */
void runsc_ask_cancel_all(struct list *asks);

#endif
