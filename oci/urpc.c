/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: connect, write, read until one JSON object is complete. The answer
 * has no length before it, so its end is found by counting braces; it is parsed
 * once it is whole.
 */
#include "oci/urpc.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define ANSWER_STEP 4096
/* cJSON takes a hundred bytes for each. A process has 11, and no sandbox more
 * than 65,535 threads. */
#define VALUES_MAX (65535 * 12)

struct oci_urpc {
	int fd;
	struct event event;    /* writable, then readable */
	struct event deadline; /* of the call */
	char *request;
	size_t request_len, sent;
	char *answer;
	size_t len, size, max;
	struct oci_urpc_scan scan;
	oci_urpc_fn *fn;
	void *arg;
};

int
oci_urpc_peer_path(struct oci_urpc_peer *ret, const char *path, pid_t pid)
{
	size_t len = strlen(path);

	if (len >= sizeof(ret->address.sun_path))
		return -ENAMETOOLONG;
	*ret = (struct oci_urpc_peer){ .address.sun_family = AF_UNIX,
		.len = (socklen_t)sizeof(ret->address),
		.pid = pid };
	memcpy(ret->address.sun_path, path, len + 1);
	return 0;
}

/* The name has a NUL at both ends: it is a file name's, terminator included,
 * behind the one that makes it abstract. */
int
oci_urpc_peer_abstract(
    struct oci_urpc_peer *ret, const char *sandbox_id, pid_t pid)
{
	struct oci_urpc_peer peer = { .address.sun_family = AF_UNIX,
		.pid = pid };
	size_t room = sizeof(peer.address.sun_path) - 1;
	int n = snprintf(
	    peer.address.sun_path + 1, room, "runsc-sandbox.%s", sandbox_id);

	if (n < 0 || (size_t)n >= room)
		return -ENAMETOOLONG;
	peer.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			       (size_t)n + 1);
	*ret = peer;
	return 0;
}

ssize_t
oci_urpc_measure(struct oci_urpc_scan *scan, const char *text, size_t len)
{
	if (len > 0 && text[0] != '{')
		return -EBADMSG;
	/* Behind a backslash that is the last it goes on beyond len. */
	for (; scan->at < len; scan->at++) {
		char c = text[scan->at];

		if (scan->quoted) {
			if (c == '\\')
				scan->at++;
			else if (c == '"')
				scan->quoted = false;
		} else if (c == '"') {
			scan->quoted = true;
		} else if (c == ',') {
			scan->values++;
		} else if (c == '{' || c == '[') {
			scan->values++;
			scan->depth++;
		} else if ((c == '}' || c == ']') && --scan->depth == 0) {
			return (ssize_t)++scan->at;
		}
	}
	return 0;
}

int
oci_urpc_parse(const char *text, size_t len, struct cJSON **ret_json,
    struct oci_urpc_reply *ret)
{
	cJSON *json = cJSON_ParseWithLength(text, len);
	const cJSON *success =
	    cJSON_GetObjectItemCaseSensitive(json, "success");
	const char *error =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "err"));

	if (!cJSON_IsBool(success) || !error) {
		cJSON_Delete(json);
		return -EBADMSG;
	}
	*ret = (struct oci_urpc_reply){
		.success = cJSON_IsTrue(success),
		.error = error,
		.result = cJSON_GetObjectItemCaseSensitive(json, "result"),
	};
	*ret_json = json;
	return 0;
}

/* ---- the end of a call; the owner may free it in here ---- */

static void
stop(struct oci_urpc *call)
{
	if (call->fd < 0)
		return;
	(void)event_del(&call->event);
	(void)event_del(&call->deadline);
	close_fd(&call->fd);
}

static void
give_up(struct oci_urpc *call, const struct err *err)
{
	stop(call);
	call->fn(NULL, err, call->arg);
}

static void
fail(struct oci_urpc *call, enum err_code code, int sys, const char *what)
{
	struct err err;

	(void)err_set(&err, code, sys, "sandbox control socket: %s", what);
	give_up(call, &err);
}

void
oci_urpc_misunderstood(struct err *ret)
{
	(void)err_set(ret, ERR_INTERNAL, EBADMSG,
	    "sandbox control socket: not an answer");
}

static void
fail_misunderstood(struct oci_urpc *call)
{
	struct err err;

	oci_urpc_misunderstood(&err);
	give_up(call, &err);
}

static void
fail_to_read(struct oci_urpc *call, int sys)
{
	fail(call, sys == ENOMEM ? ERR_RESOURCE_EXHAUSTED : ERR_INTERNAL, sys,
	    strerrordesc_np(sys));
}

static void
deliver(struct oci_urpc *call, size_t len)
{
	struct oci_urpc_reply reply;
	cJSON *json = NULL;

	/* One question, one answer. */
	if (len != call->len ||
	    oci_urpc_parse(call->answer, len, &json, &reply) < 0) {
		fail_misunderstood(call);
		return;
	}
	stop(call);
	call->fn(&reply, NULL, call->arg);
	cJSON_Delete(json);
}

/* ---- writing and reading ---- */

static int
make_room(struct oci_urpc *call)
{
	size_t size = call->size ? 2 * call->size : ANSWER_STEP;

	if (call->len == call->max)
		return -EMSGSIZE;
	if (call->len + 1 < call->size)
		return 0;
	if (size > call->max + 1)
		size = call->max + 1;
	char *answer = realloc(call->answer, size);
	if (!answer)
		return -ENOMEM;
	call->answer = answer;
	call->size = size;
	return 0;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct oci_urpc *call = arg;

	(void)what;
	int r = make_room(call);
	if (r < 0) {
		fail_to_read(call, -r);
		return;
	}
	ssize_t n =
	    read(fd, call->answer + call->len, call->size - call->len - 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(call, ERR_UNAVAILABLE, ECONNRESET, "hung up");
		return;
	}
	call->len += (size_t)n;
	ssize_t end = oci_urpc_measure(&call->scan, call->answer, call->len);
	if (end < 0)
		fail_misunderstood(call);
	else if (call->scan.values > VALUES_MAX)
		fail_to_read(call, EMSGSIZE);
	else if (end > 0)
		deliver(call, (size_t)end);
}

static void
listen_for_answer(struct oci_urpc *call)
{
	struct event_base *base = event_get_base(&call->event);
	int priority = event_get_priority(&call->event);

	(void)event_del(&call->event);
	(void)event_assign(&call->event, base, call->fd, EV_READ | EV_PERSIST,
	    on_readable, call);
	(void)event_priority_set(&call->event, priority);
	if (event_add(&call->event, NULL) < 0)
		fail(call, ERR_INTERNAL, errno, "cannot be watched");
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct oci_urpc *call = arg;

	(void)what;
	ssize_t n = send(fd, call->request + call->sent,
	    call->request_len - call->sent, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail(call, ERR_UNAVAILABLE, errno, strerrordesc_np(errno));
		return;
	}
	call->sent += (size_t)n;
	if (call->sent == call->request_len)
		listen_for_answer(call);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail(arg, ERR_DEADLINE_EXCEEDED, ETIMEDOUT, "no answer in time");
}

/* ---- beginning ---- */

static char *
request_text(const struct oci_urpc_spec *spec)
{
	char *text;

	return asprintf(&text, "{\"method\":\"%s\",\"arg\":%s}", spec->method,
		   spec->arg) < 0
		   ? NULL
		   : text;
}

/* Whoever has bound the name is not by that the sandbox. */
static int
check_peer(int fd, pid_t pid, struct err *err)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return err_set_errno(err, errno, "sandbox control socket");
	if (peer.pid != pid)
		return err_set(err, ERR_UNAVAILABLE, EPERM,
		    "sandbox control socket: process %d answers, not %d",
		    (int)peer.pid, (int)pid);
	return 0;
}

/* A unix socket is connected at once or, when too many wait there, not. */
static int
open_connection(const struct oci_urpc_peer *peer, int *ret_fd, struct err *err)
{
	cleanup_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set_errno(err, errno, "sandbox control socket");
	if (connect(fd, (const struct sockaddr *)&peer->address, peer->len) < 0)
		return err_set(err,
		    errno == EAGAIN ? ERR_RESOURCE_EXHAUSTED : ERR_UNAVAILABLE,
		    errno, "sandbox control socket: %s",
		    strerrordesc_np(errno));
	int r = check_peer(fd, peer->pid, err);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

static int
watch(struct oci_urpc *call, struct event_base *base, int priority,
    int64_t timeout_ns, struct err *err)
{
	struct timeval tv = clock_timeval(timeout_ns);

	(void)event_assign(&call->event, base, call->fd, EV_WRITE | EV_PERSIST,
	    on_writable, call);
	(void)event_assign(&call->deadline, base, -1, 0, on_deadline, call);
	(void)event_priority_set(&call->event, priority);
	(void)event_priority_set(&call->deadline, priority);
	if (event_add(&call->event, NULL) < 0 ||
	    (timeout_ns && event_add(&call->deadline, &tv) < 0))
		return err_set_errno(err, ENOMEM, "sandbox control socket");
	return 0;
}

int
oci_urpc_call(struct event_base *base, int priority,
    const struct oci_urpc_spec *spec, oci_urpc_fn *fn, void *arg,
    struct oci_urpc **ret, struct err *err)
{
	struct oci_urpc *call = calloc(1, sizeof(*call));

	if (!call)
		return err_set_errno(err, ENOMEM, "sandbox control socket");
	call->fd = -1;
	call->fn = fn;
	call->arg = arg;
	call->max = spec->answer_max ? spec->answer_max : OCI_URPC_ANSWER_MAX;
	call->request = request_text(spec);
	int r = call->request ? open_connection(&spec->peer, &call->fd, err)
			      : err_set_errno(err, ENOMEM, "make a call");
	if (r == 0) {
		call->request_len = strlen(call->request);
		r = watch(call, base, priority, spec->timeout_ns, err);
	}
	if (r < 0) {
		oci_urpc_free(call);
		return r;
	}
	*ret = call;
	return 0;
}

void
oci_urpc_free(struct oci_urpc *call)
{
	if (!call)
		return;
	stop(call);
	free(call->request);
	free(call->answer);
	free(call);
}
