/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_STDIO_INTERNAL_H
#define OCI_STDIO_INTERNAL_H

/*
 * Between stdio-open.c (what the client's URIs lead to) and stdio.c (what goes
 * through it).
 */
#include <stdbool.h>

#include "oci/stdio.h"

struct oci_logger;
struct oci_relay;
struct oci_unread;

enum {
	IN,
	OUT,
	ERR,
	STREAMS,
};

struct stream {
	struct oci_stdio *io;
	int child;    /* the container's end of the pipe */
	int pipe;     /* our end of it */
	int client;   /* our end towards the client */
	int held;     /* the client FIFO's other end; a logger's idle stderr */
	char *name;   /* of the client's side when it is no FIFO */
	bool rotates; /* name is a path that may be made anew */
	bool busy;    /* an output that is not at EOF, or not read */
	struct oci_relay *relay;
	struct oci_unread *unread;
};

struct oci_stdio {
	struct event_base *base;
	int priority;
	bool terminal;
	bool exited;
	int master;
	struct stream streams[STREAMS];
	struct oci_logger *logger;
	bool finishing;
	oci_stdio_ready_fn *ready;
	void *ready_arg;
	oci_stdio_drained_fn *drained;
	void *arg;
};

/* Opens all that the specification names, into the streams of a new io. What is
 * open when it fails is left to oci_stdio_free(). */
int stdio_open_all(
    struct oci_stdio *io, const struct oci_stdio_spec *spec, struct err *err);

/* The logger, if any, has become ready or has ended; arg is the io. */
void stdio_logger_changed(void *arg);

#endif
