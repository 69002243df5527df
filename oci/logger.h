/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_LOGGER_H
#define OCI_LOGGER_H

/*
 * A logging binary: a child of ours that reads a container's output from
 * descriptors 3 (stdout) and 4 (stderr) until EOF and says by descriptor 5 that
 * it is ready to.
 *
 * It gets the output from us, not from the container: what it does not read
 * holds up a relay (oci/relay.h), never the container for long.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct child_set;
struct event_base;
struct oci_logger;

/* In nanoseconds. */
struct oci_logger_times {
	int64_t ready; /* it has this long to get ready */
	int64_t term;  /* from its EOF, or the wish to end it, to SIGTERM */
	int64_t kill;  /* from there to SIGKILL */
};
/* Clients know of 12 s between a Delete and SIGKILL. */
#define OCI_LOGGER_TERM_TIME (2 * NSEC_PER_SEC)
#define OCI_LOGGER_KILL_TIME (10 * NSEC_PER_SEC)

/* Whose logger it is. All borrowed; the first two for the logger's life. */
struct oci_logger_owner {
	struct child_set *children;
	/* Where loggers wait for their end once they were released. */
	struct list *lingering;
	const char *id; /* the container's, or the exec's own */
	const char *ns;
	struct oci_logger_times times;
};

/*
 * Called out of the loop when oci_logger_ready() or oci_logger_gone() has
 * changed. oci_logger_release() is allowed inside.
 */
typedef void oci_logger_changed_fn(void *arg);

/*
 * Starts the program at path, with the pairs of uri's query as its arguments
 * and nothing but CONTAINER_ID and CONTAINER_NAMESPACE in its environment.
 * strict: it must write a byte to be ready; otherwise it may as well close the
 * descriptor, or die.
 *
 * ret_fds: our ends of its stdout and stderr pipe, non-blocking, owned by the
 * caller.
 */
int oci_logger_start(struct event_base *base, int priority,
    const struct oci_logger_owner *owner, const char *uri, const char *path,
    bool strict, oci_logger_changed_fn *changed, void *arg, int ret_fds[2],
    struct oci_logger **ret, struct err *err);

/* 1 when it is ready, 0 when that is not known yet; else why it never will be.
 */
int oci_logger_ready(const struct oci_logger *logger, struct err *err);

/* True once it was reaped. If it was not to be expected, that was logged. */
bool oci_logger_gone(const struct oci_logger *logger);

/* Both its pipes are closed: from now on it may end. */
void oci_logger_closed(struct oci_logger *logger);

/* It is closed, and should end: soon it gets SIGTERM, and later SIGKILL. */
void oci_logger_end(struct oci_logger *logger);

/*
 * Nobody is interested in it any more, and the caller has closed its pipes. A
 * logger that was ready is ended as by oci_logger_end() and waits for that
 * among its owner's lingering ones; any other is killed. NULL is fine.
 */
void oci_logger_release(struct oci_logger *logger);

/* Frees those that linger. One that has not heeded SIGTERM is killed; others
 * are left to their EOF. */
void oci_logger_free_lingering(struct list *lingering);

#endif
