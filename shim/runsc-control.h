/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNSC_CONTROL_H
#define SHIM_RUNSC_CONTROL_H

/*
 * What is asked of a sandbox without an operation: signals, processes,
 * statistics. The functions that take a request answer it, mostly later.
 */
struct container;
struct process;
struct request;

void runsc_kill(struct process *p);
void runsc_kill_rest(struct container *c);
void runsc_thaw(struct container *c);
void runsc_signal(struct process *p, struct request *req);
void runsc_signal_all(struct container *c, struct request *req);
void runsc_pids(struct container *c, struct request *req);
void runsc_stats(struct container *c, struct request *req);

#endif
