/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_DELETE_H
#define SHIM_DELETE_H

#include "base/err.h"
#include "shim/args.h"

/*
 * The command "delete": whatever may be left of one container is removed, and
 * how it ended is printed as a DeleteResponse. containerd runs it after every
 * container, also when nothing is left, and gives it 5 s. Idempotent; touches
 * nothing of other containers.
 */
int delete_run(const struct args *args, struct err *err);

#endif
