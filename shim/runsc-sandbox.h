/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNSC_SANDBOX_H
#define SHIM_RUNSC_SANDBOX_H

/*
 * A gVisor sandbox: one process of the host, in which all containers of a pod
 * live. Shared by those of them that this shim serves.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/list.h"
#include "oci/urpc.h"
#include "shim/runsc-freeze.h"

struct container;
struct shim;

struct runsc_sandbox {
	struct list link; /* in the shim's sandboxes */
	struct shim *shim;
	char *id;
	unsigned refs; /* containers */
	pid_t pid;
	int pidfd;
	struct event *death;
	struct oci_urpc_peer peer;
	struct runsc_freezer freezer;
	bool use_socket; /* it answers there as expected, as far as we know */
	bool dead;
};

/*
 * The sandbox that runsc has put the container into. From here on its death
 * ends all processes of the container. -ESRCH when it is dead already.
 */
int runsc_sandbox_join(struct container *c, struct err *err);
/* One that is in none is fine. */
void runsc_sandbox_leave(struct container *c);

/* True from the moment that its process is dead, seen or not. */
bool runsc_sandbox_is_dead(const struct runsc_sandbox *sandbox);

/*
 * Its process is dead: whatever lived in it is told to have been killed, execs
 * before the init of their container, and the sandbox's own container (NULL:
 * none of ours) not at all, since that one's status is the sandbox's. Any
 * number of times.
 */
void runsc_sandbox_died(
    struct runsc_sandbox *sandbox, const struct container *own);

/* Its socket did not answer as it should: commands are used from here on,
 * unless that was for want of something. */
void runsc_sandbox_distrust(
    struct runsc_sandbox *sandbox, const struct err *why);

#endif
