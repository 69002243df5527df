/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containerd does around a task: runs the shim's "start" in the bundle,
 * reads its log, connects to the address it prints, and calls the Task service
 * in version 2, which both shims have. This program is a subreaper, so the shim
 * becomes its child, and nobody else's zombie.
 */
#include "test/tool/bench/rig.h"

#include <err.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/client.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"
#include "test/tool/bench/command.h"

#define NAMESPACE "chock-bench"
#define SERVICE   "containerd.task.v2.Task"
#define TARGET    containerd_task_v2_StateRequest_fields

enum side
bench_turn(unsigned n)
{
	return (n + n / SIDES) % SIDES == 0 ? OURS : THEIRS;
}

/* ---- calls ---- */

static void
on_reply(const struct err *e, const uint8_t *payload, size_t len, void *arg)
{
	struct call *call = arg;

	call->at = clock_monotonic_ns();
	if (e)
		errx(1, "%s: %s", call->what, e->msg);
	call->reply.data = malloc(len + 1);
	if (!call->reply.data)
		errx(1, "out of memory");
	if (len > 0)
		(void)memcpy(call->reply.data, payload, len);
	call->reply.len = len;
	call->done = true;
	if (call->then)
		call->then(call, call->arg);
}

static void
send_to(struct rig *rig, const char *method, const pb_msgdesc_t *fields,
    const void *request, ttrpc_reply_fn *done, void *arg)
{
	struct err e;
	cleanup_bytes struct bytes payload = { 0 };

	if (message_encode(fields, request, &payload, &e) < 0 ||
	    ttrpc_client_call(rig->client, SERVICE, method, NAMESPACE,
		payload.data, payload.len, 0, done, arg, &e) < 0)
		errx(1, "%s: %s", method, e.msg);
}

void
rig_send(struct rig *rig, const char *method, const pb_msgdesc_t *fields,
    const void *request, struct call *call)
{
	call->what = method;
	send_to(rig, method, fields, request, on_reply, call);
}

static void
turn(struct rig *rig)
{
	if (event_base_loop(rig->bench->base, EVLOOP_ONCE) < 0)
		errx(1, "the event loop failed");
}

void
rig_await(struct rig *rig, struct call *call)
{
	while (!call->done)
		turn(rig);
}

double
rig_call(struct rig *rig, const char *method, const pb_msgdesc_t *fields,
    const void *request, struct bytes *ret_reply)
{
	struct call call = { 0 };
	int64_t began = clock_monotonic_ns();

	rig_send(rig, method, fields, request, &call);
	rig_await(rig, &call);
	*ret_reply = call.reply;
	return (double)(call.at - began) / NSEC_PER_MSEC;
}

double
rig_call_id(struct rig *rig, const char *method)
{
	containerd_task_v2_StateRequest request = { .id = rig->id };
	cleanup_bytes struct bytes reply = { 0 };

	return rig_call(rig, method, TARGET, &request, &reply);
}

double
rig_create(struct rig *rig, const char *out, const char *errors)
{
	containerd_task_v2_CreateTaskRequest request = {
		.id = rig->id,
		.bundle = rig->bundle,
		.stdout = message_borrow(out),
		.stderr = message_borrow(errors),
	};
	containerd_task_v2_CreateTaskResponse response = { 0 };
	cleanup_bytes struct bytes reply = { 0 };
	struct err e;
	double took = rig_call(rig, "Create",
	    containerd_task_v2_CreateTaskRequest_fields, &request, &reply);

	if (message_decode(containerd_task_v2_CreateTaskResponse_fields,
		reply.data, reply.len, &response, &e) < 0)
		errx(1, "Create: %s", e.msg);
	rig->init_pid = (pid_t)response.pid;
	return took;
}

/* ---- the shim's life ---- */

static void
on_log(evutil_socket_t fd, short what, void *arg)
{
	const struct rig *rig = arg;
	char buf[4096];
	ssize_t len;

	(void)what;
	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		if (fd_write_full(rig->bench->log_fd, buf, (size_t)len) < 0)
			err(1, "write the log");
	}
}

/* Open for writing too, so that it has no end. */
static void
open_log(struct rig *rig)
{
	char path[192];

	(void)snprintf(path, sizeof(path), "%s/log", rig->bundle);
	rig->log_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (rig->log_fd < 0)
		err(1, "%s", path);
	rig->log_event = event_new(
	    rig->bench->base, rig->log_fd, EV_READ | EV_PERSIST, on_log, rig);
	if (!rig->log_event || event_add(rig->log_event, NULL) < 0)
		errx(1, "out of memory");
}

static void
start(struct rig *rig)
{
	char grpc[192], address[256];
	const char *shim = rig->bench->shim[rig->side];
	struct err e;

	(void)snprintf(
	    grpc, sizeof(grpc), "%s/containerd.sock", rig->bench->dir);
	const char *argv[] = { shim, "-namespace", NAMESPACE, "-address", grpc,
		"-publish-binary", "/bin/true", "-id", rig->id, "start", NULL };
	rig->start_ms =
	    command_run(argv, rig->bundle, address, sizeof(address));
	if (ttrpc_client_connect(
		rig->bench->base, 0, address, &rig->client, &e) < 0)
		errx(1, "connect to '%s': %s", address, e.msg);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;

	(void)fd;
	(void)what;
	rig->ended = true;
}

static void
watch_end(struct rig *rig)
{
	rig->pidfd = pidfd_open(rig->shim_pid, 0);
	if (rig->pidfd < 0)
		err(1, "shim %d", rig->shim_pid);
	rig->end_event =
	    event_new(rig->bench->base, rig->pidfd, EV_READ, on_end, rig);
	if (!rig->end_event || event_add(rig->end_event, NULL) < 0)
		errx(1, "out of memory");
}

static void
learn_pid(struct rig *rig)
{
	containerd_task_v2_ConnectRequest request = { .id = rig->id };
	containerd_task_v2_ConnectResponse response = { 0 };
	cleanup_bytes struct bytes reply = { 0 };
	struct err e;

	(void)rig_call(rig, "Connect", containerd_task_v2_ConnectRequest_fields,
	    &request, &reply);
	if (message_decode(containerd_task_v2_ConnectResponse_fields,
		reply.data, reply.len, &response, &e) < 0)
		errx(1, "Connect: %s", e.msg);
	rig->shim_pid = (pid_t)response.shim_pid;
	message_release(containerd_task_v2_ConnectResponse_fields, &response);
}

void
rig_open(
    struct rig *rig, struct bench *bench, enum side side, const char *config)
{
	*rig = (struct rig){ .bench = bench, .side = side };
	bundle_make(bench, config, rig->id, rig->bundle);
	open_log(rig);
	start(rig);
	learn_pid(rig);
	watch_end(rig);
}

/* A shim may end before its answer is written. */
static void
on_shutdown(const struct err *e, const uint8_t *payload, size_t len, void *arg)
{
	(void)payload;
	(void)len;
	(void)arg;
	if (e && e->code != ERR_UNAVAILABLE)
		errx(1, "Shutdown: %s", e->msg);
}

void
rig_close(struct rig *rig)
{
	containerd_task_v2_ShutdownRequest request = { .id = rig->id };

	send_to(rig, "Shutdown", containerd_task_v2_ShutdownRequest_fields,
	    &request, on_shutdown, NULL);
	while (!rig->ended)
		turn(rig);
	if (waitpid(rig->shim_pid, NULL, 0) < 0)
		err(1, "wait for shim %d", rig->shim_pid);
	ttrpc_client_free(rig->client);
	event_free(rig->end_event);
	event_free(rig->log_event);
	(void)close(rig->pidfd);
	(void)close(rig->log_fd);
	bundle_remove(rig->bundle);
}

void
rig_end(struct rig *rig)
{
	if (kill(rig->init_pid, SIGKILL) < 0)
		err(1, "kill %d", rig->init_pid);
	(void)rig_call_id(rig, "Wait");
	(void)rig_call_id(rig, "Delete");
	rig_close(rig);
}
