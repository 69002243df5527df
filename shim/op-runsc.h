/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OP_RUNSC_H
#define SHIM_OP_RUNSC_H

/* Operations of containers in a gVisor sandbox, where they differ (op.h). */
#include "shim/op.h"

op_begin_fn op_runsc_start;
op_begin_fn op_runsc_pause;
op_begin_fn op_runsc_resume;

#endif
