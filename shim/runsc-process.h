/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNSC_PROCESS_H
#define SHIM_RUNSC_PROCESS_H

/*
 * How the exit of a process in a sandbox is learnt.
 *
 * The sandbox's own container: the sandbox is our child, and its exit status is
 * the container's. An exec: its runsc stays in the foreground as our child and
 * ends with its status. Another container of a pod: the sandbox is asked to
 * tell, over its control socket, which costs a descriptor; only where that does
 * not work is there a resident `runsc wait`.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct process;
struct runsc_process;

/*
 * A container that is not the sandbox's own was started: asks for its exit,
 * which is raised when it comes. An answer that nobody can give is an exit with
 * status 128 (gVisor's shim says the same).
 */
int runsc_process_await(struct process *p, struct err *err);

/*
 * A child's exit status is in p->exit: true when it is the process's. False:
 * that is still to be found out, and the exit is raised later.
 */
bool runsc_process_exited(struct process *p);

/* Raises an exit with this status, out of the loop. */
void runsc_process_end(struct process *p, uint32_t status);

/* NULL is fine. */
void runsc_process_free(struct runsc_process *self);

#endif
