/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SANDBOX_H
#define SHIM_SANDBOX_H

/*
 * The sandbox of containerd's Sandbox service, at most one for each shim: a
 * small process of our own that holds a pod's namespaces (ipc and uts of its
 * own, and the network that was prepared for it), as a pause container does,
 * with no image and no runtime. Its pid, its state and its end are real: kill
 * it, and the sandbox is not ready any more.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "fsm/sandbox.h"

struct child;
struct event;
struct shim;
struct ttrpc_call;

struct sandbox {
	struct shim *shim;
	char *id;
	char *netns; /* "" for the shim's own */
	enum fsm_sandbox_state state;
	pid_t pid; /* 0 while it does not run */
	struct child *child;
	int64_t created_ns, exited_ns; /* wall clock; 0: not yet */
	uint32_t status;
	struct ttrpc_call *starting; /* Start, until its process is ready */
	int ready_fd;                /* it says so there; -1: nobody waits */
	struct event *ready;
	struct list waiting; /* struct sandbox_call: Wait and Stop */
	int64_t timeout_ns;  /* of a Stop: from SIGTERM to SIGKILL */
	struct event *grace;
};

int sandbox_new(struct shim *shim, const char *id, const char *netns,
    struct sandbox **ret, struct err *err);
/* Kills what still runs. NULL is fine. */
void sandbox_free(struct sandbox *sandbox);

/* Makes its process, where the state allows it. The call is answered once that
 * has its namespaces, or cannot get them. */
void sandbox_start(struct sandbox *sandbox, struct ttrpc_call *call);

/*
 * Kills all containers of the shim, with what is being created, asks the
 * process to end, and kills it after timeout_ns. The call is answered once the
 * process is dead.
 */
void sandbox_stop(
    struct sandbox *sandbox, struct ttrpc_call *call, int64_t timeout_ns);
/* The call is answered once the process is dead. */
void sandbox_wait(struct sandbox *sandbox, struct ttrpc_call *call);

/* NULL when the shim has none of that id. */
struct sandbox *sandbox_find(const struct shim *shim, const char *id);

#endif
