/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte stream into a server's connection. The first byte says how large the
 * pieces are in which it arrives.
 * Handlers answer at once, later, never, or vanish with the server. Everything
 * that is sent back must be whole, well-formed Response frames.
 */
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ipc/envelope.h"
#include "ipc/frame.h"
#include "ipc/server.h"

#define HELD_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_base *base;
static struct ttrpc_server *server;
static struct ttrpc_call *held[HELD_MAX];
static size_t held_n;

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
on_echo(struct ttrpc_call *call, void *arg)
{
	size_t len;
	const uint8_t *payload = ttrpc_call_payload(call, &len);

	(void)arg;
	ttrpc_call_reply(call, payload, len);
}

static void
fail_call(struct ttrpc_call *call)
{
	struct err err;
	size_t len;
	const uint8_t *payload = ttrpc_call_payload(call, &len);

	/* An error text as a runtime might have printed it. */
	(void)err_set(
	    &err, ERR_UNKNOWN, 0, "%.*s", (int)len, (const char *)payload);
	ttrpc_call_fail(call, &err);
}

static void
on_fail(struct ttrpc_call *call, void *arg)
{
	(void)arg;
	(void)ttrpc_call_metadata(call, "key");
	fail_call(call);
}

static void
on_cancel(struct ttrpc_call *call, enum err_code why, void *arg)
{
	size_t i = 0;

	(void)arg;
	require(why == ERR_CANCELED || why == ERR_DEADLINE_EXCEEDED);
	while (i < held_n && held[i] != call)
		i++;
	require(i < held_n);
	held[i] = held[--held_n];
	fail_call(call);
}

static void
on_hold(struct ttrpc_call *call, void *arg)
{
	(void)arg;
	if (held_n == HELD_MAX) {
		fail_call(call);
		return;
	}
	held[held_n++] = call;
	ttrpc_call_on_cancel(call, on_cancel, NULL);
}

static void
on_release(struct ttrpc_call *call, void *arg)
{
	while (held_n > 0)
		fail_call(held[--held_n]);
	on_echo(call, arg);
}

static void
on_vanish(struct ttrpc_call *call, void *arg)
{
	ttrpc_server_free(take_ptr(server));
	on_echo(call, arg);
}

static const struct ttrpc_method methods[] = {
	{ "s", "e", on_echo },
	{ "s", "f", on_fail },
	{ "s", "h", on_hold },
	{ "s", "r", on_release },
	{ "s", "v", on_vanish },
};

static void
check_output(const uint8_t *at, size_t len, bool whole)
{
	struct ttrpc_header header;
	struct envelope_response response;

	while (len >= TTRPC_HEADER_SIZE) {
		ttrpc_header_decode(at, &header);
		require(header.type == TTRPC_RESPONSE && header.flags == 0);
		require(header.length <= TTRPC_PAYLOAD_MAX);
		at += TTRPC_HEADER_SIZE;
		len -= TTRPC_HEADER_SIZE;
		if (header.length > len)
			break;
		require(envelope_response_decode(
			    (struct wire_view){ at, header.length }, &response,
			    NULL) == 0);
		at += header.length;
		len -= header.length;
	}
	require(len == 0 || !whole);
}

static uint8_t output[1 << 20];

static size_t
turn(int fd, size_t got)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	while (got < sizeof(output)) {
		ssize_t n =
		    recv(fd, output + got, sizeof(output) - got, MSG_DONTWAIT);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static void
run(int fd, const uint8_t *data, size_t size, size_t piece)
{
	size_t got = 0;

	while (size > 0) {
		ssize_t n = send(fd, data, size < piece ? size : piece,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n <= 0)
			break;
		data += n;
		size -= (size_t)n;
		got = turn(fd, got);
	}
	got = turn(fd, got);
	check_output(output, got, server && got < sizeof(output));
	(void)close(fd);
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	require(!server || ttrpc_server_connections(server) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ttrpc_server_limits limits = {
		.output_max = 4096, .calls_max = 8, .input_max = 4096
	};
	int fds[2];

	if (size == 0)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	base = event_base_new();
	require(base && event_base_priority_init(base, 2) == 0);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	require(ttrpc_server_new(base, 1, methods,
		    sizeof(methods) / sizeof(methods[0]), NULL, &limits,
		    &server, NULL) == 0);
	require(ttrpc_server_add_consume(server, fds[0], NULL) == 0);
	run(fds[1], data + 1, size - 1, (size_t)data[0] * 16 + 1);
	ttrpc_server_free(take_ptr(server));
	while (held_n > 0)
		fail_call(held[--held_n]);
	event_base_free(base);
	return 0;
}
