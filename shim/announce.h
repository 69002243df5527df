/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_ANNOUNCE_H
#define SHIM_ANNOUNCE_H

/*
 * Events of a process, put into the publish queue. One that cannot be queued
 * for want of memory is logged as lost: nothing else can be done by then.
 */
struct process;

void announce_create(struct process *p);
void announce_exec_added(struct process *p);
void announce_start(struct process *p);
void announce_paused(struct process *p);
void announce_resumed(struct process *p);
void announce_oom(struct process *p);
void announce_exit(struct process *p);
void announce_delete(struct process *p);

#endif
