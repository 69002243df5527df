/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_INFO_H
#define SHIM_INFO_H

#include "base/err.h"
#include "shim/args.h"

/* The command "-info": what this shim and its runtime can do, as a RuntimeInfo.
 */
int info_run(const struct args *args, struct err *err);

#endif
