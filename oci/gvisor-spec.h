/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_GVISOR_SPEC_H
#define OCI_GVISOR_SPEC_H

/*
 * What gVisor wants to find in a container's config.json beyond what containerd
 * and the kubelet write there.
 */
#include "base/err.h"

/*
 * Rewrites <bundle>/config.json where something is to change, atomically:
 *
 * - volumes that annotations name (dev.gvisor.spec.mount.NAME.type): their
 * place on the host in the sandbox's annotations, their type in the mounts of
 * the pod's containers;
 * - /dev/shm as a tmpfs that a pod shares;
 * - the pod's cgroup as the parent of the sandbox's (annotation
 *   dev.gvisor.spec.cgroup-parent).
 *
 * kubelet is the kubelet's directory, "/var/lib/kubelet". It looks at disks, so
 * it is not for the loop. A volume that is not there, or there twice, is an
 * error.
 */
int oci_gvisor_spec_rewrite(
    const char *bundle, const char *kubelet, struct err *err);

#endif
