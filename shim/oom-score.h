/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OOM_SCORE_H
#define SHIM_OOM_SCORE_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Gives pid an oom_score_adj of one above that of our parent (containerd), so
 * that containerd outlives its shims. Not being allowed to is no error.
 */
int oom_score_above_parent(pid_t pid, struct err *err);

#endif
