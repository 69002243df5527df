/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

/*
 * One process of a container: its init or an exec. Its state is changed in one
 * place, process_event(), and nowhere else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "shim/tombstone.h"

struct child;
struct child_exit;
struct container;
struct launch;
struct oci_stdio;
struct op;
struct request;
struct runsc_process;

struct process {
	struct list link; /* in its container's execs, or in the shim's dead */
	struct container *container;
	bool is_init;
	uint8_t state;       /* enum fsm_init_state or fsm_exec_state */
	uint32_t slot;       /* its number in the recorder; 0 is init */
	char *id;            /* exec id; the container's id for init */
	pid_t pid;           /* 0 while there is none */
	pid_t inner_pid;     /* in the sandbox; 0: it is the host's process */
	struct child *child; /* NULL while there is none of our own */
	bool exit_seen;
	struct runsc_process *runsc; /* its driver's; NULL for none */
	struct exit_status exit;
	struct oci_stdio *io;
	char *in, *out, *err; /* stdio URIs as given, "" for none */
	bool terminal;
	bool stdin_closed;      /* asked before there was a stream */
	uint16_t width, height; /* likewise; 0 when never asked */
	char *spec;             /* of an exec: the OCI process document */
	struct op *op;          /* the operation in flight */
	struct launch *launch;  /* the command that is making it, in flight */
	struct list waiters;    /* struct request: Wait */
	struct list queue; /* struct request: whatever the table told to wait */
};

/* Prepares an embedded or allocated process. Strings are set by the caller. */
void process_init(struct process *p, struct container *container, bool is_init);
/* Frees what it holds, not itself; whoever still waits is told that it is gone.
 */
void process_done(struct process *p);

/*
 * The only place where a state changes: steps the machine with the event,
 * records the step, logs it, carries out its actions in their order, and then
 * offers waiting requests to the new state. req (may be NULL) is the request
 * that the event stands for; it is answered, kept or queued here.
 */
void process_event(struct process *p, unsigned event, struct request *req);

/* The names of its machine. */
const char *process_state_name(const struct process *p, uint8_t state);
const char *process_event_name(const struct process *p, unsigned event);

/* Raises OP_OK or OP_FAIL, EXITED: the events that both machines share. */
enum process_common_event {
	PROCESS_OP_OK,
	PROCESS_OP_FAIL,
	PROCESS_EXITED,
};
void process_raise(struct process *p, enum process_common_event event);

/*
 * Takes a child that exists as this process's; its exit is raised when it
 * comes.
 */
int process_adopt(struct process *p, pid_t pid, struct err *err);

/* The same with a child that is registered already, which is p's from here on.
 */
void process_take(struct process *p, struct child *child);

/* A child_exit_fn for p's child; frees it, and raises the exit. */
void process_child_exited(
    struct child *child, const struct child_exit *exit, void *p);

/*
 * The exit of a process that is not our child, as somebody told us. Without
 * effect when an exit was raised before.
 */
void process_exited(struct process *p, uint32_t status);

/* Raises the exit in p->exit, which a driver had held back. */
void process_tell_exit(struct process *p);

#endif
