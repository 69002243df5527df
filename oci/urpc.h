/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_URPC_H
#define OCI_URPC_H

/*
 * One call to a gVisor sandbox over its control socket: one JSON object there,
 * {"method":M,"arg":A}, one back, {"success":bool,"err":text,"result":value}
 * (gVisor's pkg/urpc; seen with runsc 20221219 and 20240729). It is gVisor's
 * internal interface, so nothing is taken for granted: who answers is checked
 * by pid, the answer by size, shape and time, and whatever surprises is an
 * error that the caller can tell from the sandbox's own refusal.
 *
 * Each call has a connection of its own: a sandbox serves the calls of one
 * connection one after the other, and some take as long as a container runs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/err.h"

struct cJSON;
struct event_base;
struct oci_urpc;

/* Where a sandbox listens, and the process that must be listening. */
struct oci_urpc_peer {
	struct sockaddr_un address;
	socklen_t len;
	pid_t pid;
};

/* A socket in the file system; -ENAMETOOLONG when it does not fit. */
int oci_urpc_peer_path(struct oci_urpc_peer *ret, const char *path, pid_t pid);
/* The abstract one of older builds, named after the sandbox. */
int oci_urpc_peer_abstract(
    struct oci_urpc_peer *ret, const char *sandbox_id, pid_t pid);

/* The sandbox's answer. All borrowed. */
struct oci_urpc_reply {
	bool success;
	const char *error;          /* "" on success */
	const struct cJSON *result; /* NULL when there is none */
};

/*
 * Called once. reply is NULL when there was no usable answer; then err says
 * why: UNAVAILABLE (nobody there, hung up, or somebody else),
 * DEADLINE_EXCEEDED, INTERNAL (it answered what no sandbox says), or
 * RESOURCE_EXHAUSTED, which says nothing against the sandbox (no memory or
 * descriptor for us, or too many wait there already).
 * oci_urpc_free() is allowed inside.
 */
typedef void oci_urpc_fn(
    const struct oci_urpc_reply *reply, const struct err *err, void *arg);

/*
 * What answers need at most, in bytes: a word or a number; the statistics of a
 * pod with some hundred containers; all processes that a sandbox can have,
 * which are 65,535.
 */
#define OCI_URPC_ANSWER_MAX    (4 << 10)
#define OCI_URPC_EVENT_MAX     (64 << 10)
#define OCI_URPC_PROCESSES_MAX (65535 * 256)

struct oci_urpc_spec {
	struct oci_urpc_peer peer;
	const char *method;
	const char *arg;    /* JSON; copied */
	int64_t timeout_ns; /* for the whole call; 0: none */
	size_t answer_max;  /* bytes; 0: OCI_URPC_ANSWER_MAX */
};

/* Fails with the errors above. */
int oci_urpc_call(struct event_base *base, int priority,
    const struct oci_urpc_spec *spec, oci_urpc_fn *fn, void *arg,
    struct oci_urpc **ret, struct err *err);

/* The error for a result that is not one of the method that was called. */
void oci_urpc_misunderstood(struct err *ret);

/* Hangs up. NULL is fine. */
void oci_urpc_free(struct oci_urpc *call);

/* How far a text was looked at; all zero at its beginning. */
struct oci_urpc_scan {
	size_t at, depth;
	size_t values; /* so many it has at most */
	bool quoted;
};

/*
 * Where the JSON value that begins with text ends: its length, 0 when it is not
 * complete, -EBADMSG when it is no object. Called again with the same text and
 * more of it, it goes on where it was.
 */
ssize_t oci_urpc_measure(
    struct oci_urpc_scan *scan, const char *text, size_t len);

/*
 * The answer in text, which *ret borrows from *ret_json (owned by the caller,
 * for cJSON_Delete()). -EBADMSG when it is not one.
 */
int oci_urpc_parse(const char *text, size_t len, struct cJSON **ret_json,
    struct oci_urpc_reply *ret);

#endif
