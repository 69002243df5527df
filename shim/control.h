/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_CONTROL_H
#define SHIM_CONTROL_H

/*
 * What is done to processes without a runtime command, at once. The functions
 * that take a request answer or keep it.
 */
struct container;
struct process;
struct request;

/* SIGKILL by pidfd; a process that is dead already is fine. */
void control_kill(struct process *p);
/* The request's signal, by pidfd. */
void control_signal(struct process *p, struct request *req);
/* The same to everything in the container's cgroup. */
void control_signal_all(struct container *c, struct request *req);
/* After init's death: SIGKILL to what shares a pid namespace with others. */
void control_kill_rest(struct container *c);
/* Thaws what a freezer may still hold. */
void control_thaw(struct container *c);

void control_resize(struct process *p, struct request *req);
void control_close_stdin(struct process *p, struct request *req);
void control_add_waiter(struct process *p, struct request *req);
/* Adds the exec that a request (REQUEST_EXEC) describes. */
void control_admit(struct container *c, struct request *req);

/* Applies to a stream that has just come to be what was asked before. */
void control_catch_up(struct process *p);

#endif
