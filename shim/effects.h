/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_EFFECTS_H
#define SHIM_EFFECTS_H

#include <stdint.h>

struct process;
struct request;

/*
 * Carries out a step's actions, in the order of fsm/actions.def. req is the
 * request being stepped, NULL for none; if an action takes it, it is answered
 * or kept; a step that takes no request must not be given one.
 */
void effects_run(struct process *p, uint64_t actions, struct request *req);

#endif
