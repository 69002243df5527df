/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_STDIO_H
#define OCI_STDIO_H

/*
 * A process's standard streams: what the client's URIs mean, the descriptors
 * that the runtime gets, and the copying between the two. Bytes between pipes
 * are moved by splice(2) and never enter this process.
 *
 * Nothing here waits: a FIFO is opened for reading and writing at once, so no
 * open blocks, a client that comes late finds up to a pipe full of data, and a
 * client that vanishes causes no EPIPE: output waits for the next one. What was
 * not read when the process has ended stays readable until oci_stdio_free().
 * A logger and a file are no clients that come back: they get their EOF as soon
 * as there is no more output, and what they do not take in time is dropped.
 *
 * The process must ignore SIGPIPE.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct oci_logger_owner;
struct oci_stdio;

/* As in CreateTaskRequest and ExecProcessRequest. All borrowed, "" for none. */
struct oci_stdio_spec {
	const char *in, *out, *err;
	bool terminal;
	uint32_t uid, gid; /* owner of the container's pipe ends */
	/* Who may have a logging binary; NULL: nobody. */
	const struct oci_logger_owner *logger;
};

/*
 * Opens everything that can be opened before the runtime runs: FIFOs, file://
 * targets (directories made, 0755; file 0644, appended; stdout and stderr share
 * it), pipes. Errors have the Go shim's texts ("unknown STDIO scheme X", ...).
 * binary:// and binary-v2:// start a logger (oci/logger.h), or are refused as
 * UNIMPLEMENTED where there may be none.
 *
 * Any of the three may be missing: its stream is /dev/null, the others work. A
 * terminal's output is then read and thrown away; its stderr is not looked at.
 * With file:// stderr always goes to the file, with binary:// to the logger.
 *
 * An output path that is no FIFO must exist and is appended to. What cannot be
 * written to it, or to a file:// target (full disk, ...), is dropped: the
 * process goes on, and each such outage is logged once, as a warning.
 */
int oci_stdio_open(struct event_base *base, int priority,
    const struct oci_stdio_spec *spec, struct oci_stdio **ret, struct err *err);

/* 1 when the runtime may be run, 0 when a logger has yet to say that it is
 * ready; an error when it never will. err is not NULL. */
int oci_stdio_ready(const struct oci_stdio *io, struct err *err);

/* Called once, out of the loop, when oci_stdio_ready() is 0 no more; not when
 * it is not. NULL fn: no more. oci_stdio_free() is allowed inside. */
typedef void oci_stdio_ready_fn(void *arg);
void oci_stdio_on_ready(
    struct oci_stdio *io, oci_stdio_ready_fn *fn, void *arg);

/* Descriptors for the runtime's 0, 1, 2 (-1: /dev/null). Borrowed. For a
 * terminal all are -1. */
void oci_stdio_child_fds(const struct oci_stdio *io, int ret_fds[3]);

/* To be called once the runtime was spawned: closes our copies of the
 * container's ends and starts copying. */
int oci_stdio_started(struct oci_stdio *io, struct err *err);

/*
 * For terminals: takes the pty master received from the runtime and starts
 * copying; it is closed on failure too, at the latest by oci_stdio_free(). EOF
 * of stdin hangs the terminal up once all input was written to it; what it
 * holds then is still copied out. May come after oci_stdio_process_exited().
 */
int oci_stdio_set_console_consume(
    struct oci_stdio *io, int master, struct err *err);

/* TIOCSWINSZ; success without effect when there is no console. */
int oci_stdio_resize(
    struct oci_stdio *io, uint16_t width, uint16_t height, struct err *err);

/* Closes our writer end of the stdin FIFO; any number of times. The process
 * reads EOF when the client has closed its end too. */
void oci_stdio_close_stdin(struct oci_stdio *io);

/*
 * The process has exited: what its terminal holds at this moment is the last of
 * its output, even if some other process has it open. Pipes end when their last
 * writer is gone. What it wrote is given to the client here, as far as that
 * takes it, so that nobody hears of the exit before the output: ctr 1.6 closes
 * its ends as soon as it does. Any number of times.
 */
void oci_stdio_process_exited(struct oci_stdio *io);

/*
 * True when stdout and stderr have reached EOF and all of it was read from the
 * FIFOs, or lay there for a second (oci/unread.h). A reader of the FIFOs sees
 * EOF at that moment; a logger must have ended, too. A background process that
 * holds stdout open, or a reader that does not read, can put it off for ever:
 * whoever waits must bound that.
 */
bool oci_stdio_drained(const struct oci_stdio *io);

/* Called once, out of the loop, when oci_stdio_drained() turns true; not when
 * it is already. NULL fn: no more. oci_stdio_free() is allowed inside. */
typedef void oci_stdio_drained_fn(void *arg);
void oci_stdio_on_drained(
    struct oci_stdio *io, oci_stdio_drained_fn *fn, void *arg);

/* The process is being deleted: a logger that does not end by itself once it
 * has its EOF is ended, by SIGTERM after 2 s and by SIGKILL 10 s later. Any
 * number of times. */
void oci_stdio_finish(struct oci_stdio *io);

/* Closes everything, drained or not; a logger lingers. NULL is fine. */
void oci_stdio_free(struct oci_stdio *io);

#endif
