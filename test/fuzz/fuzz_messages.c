/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes anything as any message. The first byte of the input says as which,
 * by its place in the table below: append to it, or the corpus loses its
 * meaning. What decodes is encoded again, decoded once more and encoded a
 * second time, which must give the same bytes. The place after the last message
 * is stdin of "start".
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/bootstrap.h"
#include "ipc/message.h"
#include "ipc/proto/bootstrap.pb.h"
#include "ipc/proto/cgroups_v1.pb.h"
#include "ipc/proto/cgroups_v2.pb.h"
#include "ipc/proto/events.pb.h"
#include "ipc/proto/forward.pb.h"
#include "ipc/proto/google.pb.h"
#include "ipc/proto/linux_runc.pb.h"
#include "ipc/proto/runc.pb.h"
#include "ipc/proto/runtimeoptions.pb.h"
#include "ipc/proto/sandbox.pb.h"
#include "ipc/proto/task.pb.h"
#include "ipc/proto/types.pb.h"

struct type {
	const pb_msgdesc_t *fields;
	size_t size;
};

#define TYPE(name)                                                             \
	{                                                                      \
		name##_fields, sizeof(name)                                    \
	}
#define TASK(name)    TYPE(containerd_task_v2_##name)
#define EVENT(name)   TYPE(containerd_events_##name)
#define SANDBOX(name) TYPE(containerd_runtime_sandbox_v1_##name)

static const struct type types[] = {
	TASK(StateRequest),
	TASK(StateResponse),
	TASK(CreateTaskRequest),
	TASK(CreateTaskResponse),
	TASK(StartRequest),
	TASK(StartResponse),
	TASK(DeleteRequest),
	TASK(DeleteResponse),
	TASK(PidsRequest),
	TASK(PidsResponse),
	TASK(PauseRequest),
	TASK(ResumeRequest),
	TASK(CheckpointTaskRequest),
	TASK(KillRequest),
	TASK(ExecProcessRequest),
	TASK(ResizePtyRequest),
	TASK(CloseIORequest),
	TASK(UpdateTaskRequest),
	TASK(WaitRequest),
	TASK(WaitResponse),
	TASK(StatsRequest),
	TASK(StatsResponse),
	TASK(ConnectRequest),
	TASK(ConnectResponse),
	TASK(ShutdownRequest),
	EVENT(TaskCreate),
	EVENT(TaskStart),
	EVENT(TaskDelete),
	EVENT(TaskExit),
	EVENT(TaskOOM),
	EVENT(TaskExecAdded),
	EVENT(TaskExecStarted),
	EVENT(TaskPaused),
	EVENT(TaskResumed),
	EVENT(TaskCheckpointed),
	TYPE(containerd_services_events_ttrpc_v1_ForwardRequest),
	TYPE(containerd_runtime_bootstrap_v1_BootstrapParams),
	TYPE(containerd_runtime_bootstrap_v1_BootstrapResult),
	TYPE(containerd_runc_v1_Options),
	TYPE(containerd_runc_v1_CheckpointOptions),
	TYPE(containerd_runc_v1_ProcessDetails),
	TYPE(containerd_linux_runc_RuncOptions),
	TYPE(containerd_linux_runc_CreateOptions),
	TYPE(containerd_linux_runc_CheckpointOptions),
	TYPE(containerd_linux_runc_ProcessDetails),
	TYPE(runtimeoptions_v1_Options),
	TYPE(containerd_types_Mount),
	TYPE(containerd_types_RuntimeInfo),
	TYPE(google_protobuf_Any),
	TYPE(google_protobuf_Timestamp),
	TYPE(google_protobuf_Empty),
	TYPE(io_containerd_cgroups_v1_Metrics),
	TYPE(io_containerd_cgroups_v2_Metrics),
	SANDBOX(CreateSandboxRequest),
	SANDBOX(CreateSandboxResponse),
	SANDBOX(StartSandboxRequest),
	SANDBOX(StartSandboxResponse),
	SANDBOX(PlatformRequest),
	SANDBOX(PlatformResponse),
	SANDBOX(StopSandboxRequest),
	SANDBOX(StopSandboxResponse),
	SANDBOX(UpdateSandboxRequest),
	SANDBOX(UpdateSandboxResponse),
	SANDBOX(WaitSandboxRequest),
	SANDBOX(WaitSandboxResponse),
	SANDBOX(SandboxStatusRequest),
	SANDBOX(SandboxStatusResponse),
	SANDBOX(PingRequest),
	SANDBOX(PingResponse),
	SANDBOX(ShutdownSandboxRequest),
	SANDBOX(ShutdownSandboxResponse),
	SANDBOX(SandboxMetricsRequest),
	SANDBOX(SandboxMetricsResponse),
};

#define TYPES (sizeof(types) / sizeof(types[0]))

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* False if the bytes are no such message. */
static bool
recode(
    const struct type *type, const uint8_t *data, size_t len, struct bytes *ret)
{
	void *msg = calloc(1, type->size);
	struct err err;

	must(msg);
	int r = message_decode(type->fields, data, len, msg, &err);
	if (r == 0) {
		must(message_encode(type->fields, msg, ret, &err) == 0);
		message_release(type->fields, msg);
	} else {
		must(err.msg[0] != '\0');
	}
	free(msg);
	return r == 0;
}

static void
round_trip(const struct type *type, const uint8_t *data, size_t len)
{
	struct bytes once, twice;

	if (!recode(type, data, len, &once))
		return;
	must(recode(type, once.data, once.len, &twice));
	must(once.len == twice.len);
	must(memcmp(once.data, twice.data, once.len) == 0);
	bytes_free(&once);
	bytes_free(&twice);
}

static void
bootstrap(const uint8_t *data, size_t len)
{
	struct bootstrap b = { 0 };
	struct err err;

	if (bootstrap_decode(data, len, "id", "ns", &b, &err) == 0)
		bootstrap_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t type = data[0] % (TYPES + 1);
	if (type < TYPES)
		round_trip(&types[type], data + 1, size - 1);
	else
		bootstrap(data + 1, size - 1);
	return 0;
}
