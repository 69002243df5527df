/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_CONSOLE_H
#define OCI_CONSOLE_H

/*
 * The socket over which a runtime hands out a terminal's master end.
 */
#include <sys/types.h>

#include "base/err.h"

struct event_base;
struct oci_console;

/* master is owned by the callee, non-blocking and close-on-exec; -1 with err
 * set when what came was no such message. oci_console_free() is allowed inside.
 */
typedef void oci_console_fn(int master, const struct err *err, void *arg);

/*
 * Makes a private directory (mode 0700, in $XDG_RUNTIME_DIR or /run or /tmp)
 * with a listening socket in it. `done` is called once, when a runtime has
 * connected and sent one terminal. It is called with an error when the first to
 * connect sends something else, hangs up, or sends nothing within 10 seconds.
 */
int oci_console_new(struct event_base *base, int priority, oci_console_fn *done,
    void *arg, struct oci_console **ret, struct err *err);

/* Path for --console-socket. Borrowed. */
const char *oci_console_path(const struct oci_console *console);

/* Closes and removes socket and directory. NULL is fine. */
void oci_console_free(struct oci_console *console);

#endif
