/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_RELAY_H
#define OCI_RELAY_H

/*
 * Copies one direction between two descriptors inside the event loop. Between
 * two pipes the bytes are moved by splice(2); everything else (terminals, files
 * opened for appending, devices) goes through a buffer that exists only while
 * it holds data.
 *
 * The process must ignore SIGPIPE: a sink without a reader is an error, -EPIPE.
 */
#include <stdint.h>

struct event_base;
struct oci_relay;

/*
 * The relay is over and has closed both descriptors: status is 0 when all up to
 * the source's EOF was written, else -errno. Called once, always out of the
 * loop. oci_relay_free() is allowed inside.
 */
typedef void oci_relay_done_fn(int status, void *arg);

struct oci_relay_sink {
	/* NULL, or the name of a sink whose failures must neither end nor block
	 * the source, such as a log file on a full disk: what cannot be written
	 * is dropped, by whole lines, and counted; beginning and end of each
	 * outage are logged, and so is the sum in the end (oci/loss.h). A pipe
	 * may be full for 5 s, or have lost its reader: the same. */
	const char *lossy;
	/* NULL, or the path of a log file that others rotate: at a line's start
	 * it is looked up, and made anew where dst is not it any more. */
	const char *path;
};

/*
 * Starts copying from src to dst, both non-blocking; both are owned by the
 * relay from now on, and closed on failure too. The sink's strings are copied.
 * -ENOMEM, or what fstat(2) said.
 *
 * The EIO of a terminal none of whose slave ends is open is no EOF: it may be
 * opened again. Only oci_relay_cut() ends a relay from a terminal.
 */
int oci_relay_new_consume(struct event_base *base, int priority, int src,
    int dst, const struct oci_relay_sink *sink, oci_relay_done_fn *done,
    void *arg, struct oci_relay **ret);

/*
 * Takes what the source holds at this moment (at most 64 KiB, more than a
 * terminal holds), closes the source, and treats it as EOF. `done` comes when
 * that is written, never inside of this call. No effect once there was an EOF.
 */
void oci_relay_cut(struct oci_relay *relay);

/*
 * Copies at once what the source holds and the sink takes, at most a few times
 * what a pipe holds. `done` is never called inside. No effect on a relay that
 * is over.
 */
void oci_relay_hurry(struct oci_relay *relay);

/* Bytes that a lossy sink has not taken. */
uint64_t oci_relay_dropped(const struct oci_relay *relay);

/* Closes both descriptors; `done` is not called any more. NULL is fine. */
void oci_relay_free(struct oci_relay *relay);

#endif
