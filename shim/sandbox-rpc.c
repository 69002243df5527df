/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Sandbox service: from calls to the sandbox, and its answers. What
 * containerd expects of each is in its api/runtime/sandbox/v1 and its
 * plugins/sandbox.
 */
#include "shim/sandbox-rpc.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "ipc/message.h"
#include "ipc/proto/sandbox.pb.h"
#include "ipc/timestamp.h"
#include "shim/identifier.h"
#include "shim/reply.h"
#include "shim/rpc.h"
#include "shim/sandbox.h"
#include "shim/shim.h"
#include "shim/stats.h"

#define M(name)      containerd_runtime_sandbox_v1_##name
#define FIELDS(name) containerd_runtime_sandbox_v1_##name##_fields

/* NULL: there is no such sandbox, and the call was answered. */
static struct sandbox *
find(struct shim *shim, struct ttrpc_call *call, const char *id)
{
	struct err err;

	struct sandbox *sandbox = sandbox_find(shim, message_str(id));
	if (sandbox)
		return sandbox;
	(void)err_set(&err, ERR_NOT_FOUND, ENOENT,
	    "sandbox %s does not exist: not found", message_str(id));
	ttrpc_call_fail(call, &err);
	return NULL;
}

static int
create(struct shim *shim, const M(CreateSandboxRequest) * m, struct err *err)
{
	const char *id = message_str(m->sandbox_id);

	int r = identifier_check(id, err);
	if (r < 0)
		return r;
	if (shim->sandbox)
		return err_set(err, ERR_ALREADY_EXISTS, EEXIST,
		    "sandbox %s: already exists", shim->sandbox->id);
	return sandbox_new(
	    shim, id, message_str(m->netns_path), &shim->sandbox, err);
}

void
sandbox_on_create(struct ttrpc_call *call, void *arg)
{
	M(CreateSandboxRequest) m = { 0 };
	struct err err;

	if (!rpc_decode(call, FIELDS(CreateSandboxRequest), &m))
		return;
	if (create(arg, &m, &err) < 0)
		ttrpc_call_fail(call, &err);
	else
		ttrpc_call_reply(call, NULL, 0);
	message_release(FIELDS(CreateSandboxRequest), &m);
}

void
sandbox_on_start(struct ttrpc_call *call, void *arg)
{
	M(StartSandboxRequest) m = { 0 };

	if (!rpc_decode(call, FIELDS(StartSandboxRequest), &m))
		return;
	struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(StartSandboxRequest), &m);
	if (sandbox)
		sandbox_start(sandbox, call);
}

/* The kernel's name of a machine, and Go's. */
static void
name_machine(
    const char *machine, const char **ret_arch, const char **ret_variant)
{
	static const struct {
		const char *machine, *arch, *variant;
	} known[] = {
		{ "x86_64", "amd64", "" },
		{ "aarch64", "arm64", "v8" },
		{ "armv7l", "arm", "v7" },
		{ "armv6l", "arm", "v6" },
		{ "i686", "386", "" },
		{ "ppc64le", "ppc64le", "" },
		{ "riscv64", "riscv64", "" },
		{ "s390x", "s390x", "" },
		{ "loongarch64", "loong64", "" },
	};

	*ret_arch = machine;
	*ret_variant = "";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(machine, known[i].machine) != 0)
			continue;
		*ret_arch = known[i].arch;
		*ret_variant = known[i].variant;
	}
}

void
sandbox_on_platform(struct ttrpc_call *call, void *arg)
{
	M(PlatformRequest) m = { 0 };
	const char *arch, *variant;
	struct utsname host;

	if (!rpc_decode(call, FIELDS(PlatformRequest), &m))
		return;
	const struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(PlatformRequest), &m);
	if (!sandbox)
		return;
	(void)uname(&host);
	name_machine(host.machine, &arch, &variant);
	M(PlatformResponse)
	reply = {
		.has_platform = true,
		.platform = { .os = message_borrow("linux"),
		    .architecture = message_borrow(arch),
		    .variant = message_borrow(variant) },
	};
	reply_call(call, FIELDS(PlatformResponse), &reply);
}

void
sandbox_on_stop(struct ttrpc_call *call, void *arg)
{
	M(StopSandboxRequest) m = { 0 };

	if (!rpc_decode(call, FIELDS(StopSandboxRequest), &m))
		return;
	struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(StopSandboxRequest), &m);
	if (sandbox)
		sandbox_stop(sandbox, call, m.timeout_secs * NSEC_PER_SEC);
}

void
sandbox_on_wait(struct ttrpc_call *call, void *arg)
{
	M(WaitSandboxRequest) m = { 0 };

	if (!rpc_decode(call, FIELDS(WaitSandboxRequest), &m))
		return;
	struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(WaitSandboxRequest), &m);
	if (sandbox)
		sandbox_wait(sandbox, call);
}

void
sandbox_on_status(struct ttrpc_call *call, void *arg)
{
	M(SandboxStatusRequest) m = { 0 };

	if (!rpc_decode(call, FIELDS(SandboxStatusRequest), &m))
		return;
	const struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(SandboxStatusRequest), &m);
	if (!sandbox)
		return;
	bool ready = sandbox->state == FSM_SANDBOX_READY;
	M(SandboxStatusResponse)
	reply = {
		.sandbox_id = sandbox->id,
		.pid = (uint32_t)sandbox->pid,
		.state = message_borrow(
		    ready ? "SANDBOX_READY" : "SANDBOX_NOTREADY"),
		.has_created_at = sandbox->created_ns != 0,
		.created_at = timestamp_from_ns(sandbox->created_ns),
		.has_exited_at = sandbox->exited_ns != 0,
		.exited_at = timestamp_from_ns(sandbox->exited_ns),
	};
	reply_call(call, FIELDS(SandboxStatusResponse), &reply);
}

void
sandbox_on_ping(struct ttrpc_call *call, void *arg)
{
	M(PingRequest) m = { 0 };

	if (!rpc_decode(call, FIELDS(PingRequest), &m))
		return;
	if (find(arg, call, m.sandbox_id))
		ttrpc_call_reply(call, NULL, 0);
	message_release(FIELDS(PingRequest), &m);
}

/* With containers left the shim is still needed, whatever is asked. */
void
sandbox_on_shutdown(struct ttrpc_call *call, void *arg)
{
	M(ShutdownSandboxRequest) m = { 0 };
	struct shim *shim = arg;
	struct err err;

	if (!rpc_decode(call, FIELDS(ShutdownSandboxRequest), &m))
		return;
	const struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(ShutdownSandboxRequest), &m);
	if (!sandbox)
		return;
	if (!list_empty(&shim->containers)) {
		(void)err_set(&err, ERR_FAILED_PRECONDITION, EBUSY,
		    "sandbox %s has containers: failed precondition",
		    sandbox->id);
		ttrpc_call_fail(call, &err);
		return;
	}
	ttrpc_call_reply(call, NULL, 0);
	shim_end(shim);
}

/* The sandbox itself uses next to nothing: it is what its containers use. */
void
sandbox_on_metrics(struct ttrpc_call *call, void *arg)
{
	M(SandboxMetricsRequest) m = { 0 };
	cleanup_bytes struct bytes value = { 0 };
	const char *type_url;
	struct err err;

	if (!rpc_decode(call, FIELDS(SandboxMetricsRequest), &m))
		return;
	const struct sandbox *sandbox = find(arg, call, m.sandbox_id);
	message_release(FIELDS(SandboxMetricsRequest), &m);
	if (!sandbox)
		return;
	if (stats_encode_sum(arg, &type_url, &value, &err) < 0) {
		ttrpc_call_fail(call, &err);
		return;
	}
	M(SandboxMetricsResponse)
	reply = {
		.has_metrics = true,
		.metrics = { .has_timestamp = true,
		    .timestamp = timestamp_from_ns(clock_realtime_ns()),
		    .id = sandbox->id,
		    .has_data = true,
		    .data = { .type_url = message_borrow(type_url),
			.value = value } },
	};
	reply_call(call, FIELDS(SandboxMetricsResponse), &reply);
}
