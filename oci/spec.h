/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_SPEC_H
#define OCI_SPEC_H

/*
 * What a supervisor needs to know of config.json, and the process documents of
 * execs.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define OCI_SPEC_MAX (16 << 20) /* bytes of config.json or process JSON */

struct oci_spec {
	bool terminal; /* process.terminal */
	bool
	    private_pidns; /* linux.namespaces has a pid entry without a path */
	bool in_sandbox; /* an annotation says that it is one of the containers
			  * of a pod, not the pod's sandbox */
	bool is_pod_sandbox; /* an annotation says that it is a pod's sandbox */
	char *log_directory; /* of the pod, by an annotation; NULL if none */
	char *root_path;     /* root.path, may be NULL */
	char *cgroups_path;  /* linux.cgroupsPath, may be NULL */
	char *group; /* value of the first grouping annotation, NULL if none:
		      * io.containerd.runc.v2.group, then
		      * io.kubernetes.cri.sandbox-id, then
		      * io.kubernetes.cri-o.SandboxID */
};

/* Reads <bundle>/config.json. A document that is not a JSON object is an error;
 * a member of the wrong type is taken as absent. */
int oci_spec_load(const char *bundle, struct oci_spec *ret, struct err *err);
/* The same from memory (not NUL-terminated). */
int oci_spec_parse(
    const char *json, size_t len, struct oci_spec *ret, struct err *err);
void oci_spec_done(struct oci_spec *spec);

/*
 * Checks that json is a JSON object, sets its "terminal", and gives back the
 * document as text (owned by the caller).
 */
int oci_process_prepare(
    const char *json, size_t len, bool terminal, char **ret, struct err *err);

#endif
