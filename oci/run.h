/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_RUN_H
#define OCI_RUN_H

/*
 * One run of an OCI runtime command. It is complete when the process was reaped
 * and, where output is captured, its pipe is at EOF (or a short grace after the
 * exit is over: a grandchild may hold the pipe). Both are under one deadline;
 * when it passes, the process is killed and the run fails with
 * DEADLINE_EXCEEDED, also when the process cannot die just now.
 *
 * The program ignores SIGPIPE: a runtime need not read its input.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/child.h"

struct oci_run;

struct oci_run_result {
	bool ok;        /* exit code 0 within the deadline */
	bool timed_out; /* killed by the deadline */
	bool aborted;   /* killed by oci_run_abort() */
	struct child_exit exit;
	const char *argv0;
	const char
	    *output; /* captured stdout+stderr, NUL-terminated, borrowed */
	size_t output_len;
};

/* oci_run_free() is allowed inside. */
typedef void oci_run_fn(
    struct oci_run *run, const struct oci_run_result *result, void *arg);

struct oci_run_spec {
	char *const *argv;
	int stdio[3];       /* fds for 0,1,2; -1: /dev/null. Borrowed. */
	bool capture;       /* 1 and 2 go to a buffer instead (64 KiB kept, the
			     * rest is read and dropped) */
	const char *input;  /* NULL, or text for stdin, fed without blocking */
	int64_t timeout_ns; /* 0: none */
};

int oci_run_start(struct event_base *base, int priority, struct child_set *set,
    const struct oci_run_spec *spec, oci_run_fn *done, void *arg,
    struct oci_run **ret, struct err *err);

/* SIGKILLs the runtime; the done function follows in its own turn. */
void oci_run_abort(struct oci_run *run);

/* Shortens the deadline to at most timeout_ns from now. */
void oci_run_hurry(struct oci_run *run, int64_t timeout_ns);

/* True from the moment the runtime process is dead (reaped or not). */
bool oci_run_exited(const struct oci_run *run);

/* Frees; a run that is not complete is killed and its child forgotten. */
void oci_run_free(struct oci_run *run);

/*
 * Error of a failed run in the words that clients know:
 * "<argv0> did not terminate successfully: exit status N[: <output>]"
 * ("signal: killed" instead when it was killed).
 */
void oci_run_describe(const struct oci_run_result *result, struct err *ret);

#endif
