/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service containerd.services.events.ttrpc.v1.Events, method Forward, on
 * the socket that shims find in TTRPC_ADDRESS. An event is answered at once, so
 * that no shim's queue waits for this program.
 */
#include "test/tool/bench/sink.h"

#include <err.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "ipc/any.h"
#include "ipc/message.h"
#include "ipc/proto/events.pb.h"
#include "ipc/proto/forward.pb.h"
#include "ipc/server.h"

#define FORWARD containerd_services_events_ttrpc_v1_ForwardRequest_fields

struct sink {
	struct ttrpc_server *server;
	const char *expected;
	int64_t exit_at;
};

static void
on_exit_event(struct sink *sink, const struct bytes *body, int64_t now)
{
	containerd_events_TaskExit event = { 0 };
	struct err e;

	if (message_decode(containerd_events_TaskExit_fields, body->data,
		body->len, &event, &e) < 0)
		errx(1, "TaskExit: %s", e.msg);
	if (sink->expected &&
	    strcmp(message_str(event.container_id), sink->expected) == 0 &&
	    strcmp(message_str(event.id), sink->expected) == 0)
		sink->exit_at = now;
	message_release(containerd_events_TaskExit_fields, &event);
}

static void
on_forward(struct ttrpc_call *call, void *arg)
{
	int64_t now = clock_monotonic_ns();
	containerd_services_events_ttrpc_v1_ForwardRequest request = { 0 };
	struct err e;
	size_t len = 0;
	const uint8_t *data = ttrpc_call_payload(call, &len);

	if (message_decode(FORWARD, data, len, &request, &e) < 0)
		errx(1, "Forward: %s", e.msg);
	if (any_is(&request.envelope.event, "containerd.events.TaskExit"))
		on_exit_event(arg, &request.envelope.event.value, now);
	message_release(FORWARD, &request);
	ttrpc_call_reply(call, NULL, 0);
}

static const struct ttrpc_method methods[] = {
	{ "containerd.services.events.ttrpc.v1.Events", "Forward", on_forward },
};

static int
listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long for a socket", path);
	(void)strcpy(address.sun_path, path);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		err(1, "%s", path);
	return fd;
}

struct sink *
sink_new(struct event_base *base, const char *path)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	struct err e;

	if (!sink)
		errx(1, "out of memory");
	if (ttrpc_server_new(base, 0, methods, 1, sink,
		&TTRPC_SERVER_LIMITS_DEFAULT, &sink->server, &e) < 0 ||
	    ttrpc_server_listen_consume(sink->server, listen_at(path), &e) < 0)
		errx(1, "%s", e.msg);
	return sink;
}

void
sink_free(struct sink *sink)
{
	if (!sink)
		return;
	ttrpc_server_free(sink->server);
	free(sink);
}

void
sink_expect_exit(struct sink *sink, const char *id)
{
	sink->expected = id;
	sink->exit_at = 0;
}

int64_t
sink_exit_at(const struct sink *sink)
{
	return sink->exit_at;
}
