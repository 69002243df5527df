/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_START_H
#define SHIM_START_H

#include "base/err.h"
#include "shim/args.h"

/* The command "start": a serving process is found or made, and its address is
 * printed on stdout in the form that whoever asks can read. */
int start_run(const struct args *args, struct err *err);

#endif
