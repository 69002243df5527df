/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_RUNSC_STATE_H
#define OCI_RUNSC_STATE_H

/*
 * What runsc keeps about a container, in <root>/<id>_sandbox:<sandbox id>.state
 * (20221219, 20240729).
 */
#include <sys/types.h>

#include "base/err.h"

struct oci_runsc_state {
	char *sandbox_id;
	pid_t sandbox_pid;
	char *control_socket; /* NULL: one without a file (older builds) */
};

/* NOT_FOUND when there is no such container. Strings are the caller's. */
int oci_runsc_state_load(const char *root, const char *id,
    struct oci_runsc_state *ret, struct err *err);
void oci_runsc_state_done(struct oci_runsc_state *state);

/*
 * Removes the lock files of the sandbox's containers that are no more. "runsc
 * delete" of one container of a sandbox makes those of others anew when these
 * are deleted meanwhile (seen with 20240729). A lock that is held stays: it is
 * for whoever runs its holder to call this afterwards.
 */
void oci_runsc_remove_locks(const char *root, const char *sandbox_id);

#endif
