/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_ANY_H
#define IPC_ANY_H

/*
 * google.protobuf.Any. containerd writes bare type names, Go's anypb puts
 * "type.googleapis.com/" in front: only what follows the last '/' is compared.
 */
#include <stdbool.h>

#include "ipc/proto/google.pb.h"

/* Options of Create, Checkpoint and "start" */
#define ANY_RUNC_OPTIONS             "containerd.runc.v1.Options"
#define ANY_RUNC_CHECKPOINT_OPTIONS  "containerd.runc.v1.CheckpointOptions"
#define ANY_RUNTIME_OPTIONS          "runtimeoptions.v1.Options"
#define ANY_LINUX_RUNC_OPTIONS       "containerd.linux.runc.RuncOptions"
#define ANY_LINUX_CREATE_OPTIONS     "containerd.linux.runc.CreateOptions"
#define ANY_LINUX_CHECKPOINT_OPTIONS "containerd.linux.runc.CheckpointOptions"
/* Answers of Pids and Stats */
#define ANY_PROCESS_DETAILS    "containerd.runc.v1.ProcessDetails"
#define ANY_CGROUPS_V1_METRICS "io.containerd.cgroups.v1.Metrics"
#define ANY_CGROUPS_V2_METRICS "io.containerd.cgroups.v2.Metrics"
/* JSON in the answer of "-info" */
#define ANY_OCI_FEATURES                                                       \
	"types.containerd.io/opencontainers/runtime-spec/1/features/Features"

/* What follows the last '/'; "" for NULL. */
const char *any_type_name(const char *type_url);

/* name is a type name, without any '/'. */
bool any_is(const google_protobuf_Any *any, const char *name);

#endif
