/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SERVE_H
#define SHIM_SERVE_H

#include "base/err.h"
#include "shim/args.h"

#define SERVE_SOCKET_FD 3 /* the listening socket, unless -socket is given */

/* The serving process: runs until it is told to end. */
int serve_run(const struct args *args, struct err *err);

#endif
