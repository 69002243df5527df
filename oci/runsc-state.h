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

#endif
