/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publish queue against a ttrpc client made of paper: this file defines the
 * ttrpc_client functions itself, records each call, and gives the answers that
 * a test wants. Time is only waited for where a backoff is to end, and then by
 * running the loop until it has.
 */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/client.h"
#include "ipc/message.h"
#include "ipc/proto/forward.pb.h"
#include "ipc/publish.h"
#include "ipc/timestamp.h"

typedef containerd_services_events_ttrpc_v1_ForwardRequest forward_request;
#define FORWARD_FIELDS containerd_services_events_ttrpc_v1_ForwardRequest_fields

/* ---- the client ---- */

struct ttrpc_client {
	bool alive;
};

static struct {
	unsigned connects, frees, calls;
	int refuse_connects; /* so many are yet to fail */
	int refuse_calls;
	struct ttrpc_client *client; /* at most one at a time */
	ttrpc_reply_fn *done;        /* of the call in flight */
	void *arg;
	forward_request msg; /* of the last call */
	uint8_t *payload;
	size_t len;
	int64_t timeout_ns;
	char address[64], ns[64], service[64], method[64];
	bool in_reply;
} fake;

int
ttrpc_client_connect(struct event_base *base, int priority, const char *address,
    struct ttrpc_client **ret, struct err *err)
{
	assert_non_null(base);
	assert_int_equal(priority, 0);
	assert_null(fake.client);
	assert_false(fake.in_reply);
	fake.connects++;
	(void)snprintf(fake.address, sizeof(fake.address), "%s", address);
	if (fake.refuse_connects > 0) {
		fake.refuse_connects--;
		return err_set_errno(err, ECONNREFUSED, "connect");
	}
	fake.client = calloc(1, sizeof(*fake.client));
	assert_non_null(fake.client);
	fake.client->alive = true;
	*ret = fake.client;
	return 0;
}

static void
answer(enum err_code code, const char *text)
{
	struct err err = { .code = code };
	ttrpc_reply_fn *done = fake.done;

	assert_non_null(done);
	(void)snprintf(err.msg, sizeof(err.msg), "%s", text);
	fake.done = NULL;
	fake.in_reply = true;
	done(code == ERR_OK ? NULL : &err, NULL, 0, fake.arg);
	fake.in_reply = false;
}

void
ttrpc_client_free(struct ttrpc_client *client)
{
	if (!client)
		return;
	assert_ptr_equal(client, fake.client);
	assert_false(fake.in_reply);
	fake.frees++;
	if (fake.done)
		answer(ERR_UNAVAILABLE, "ttrpc: closed");
	fake.client = NULL;
	free(client);
}

bool
ttrpc_client_alive(const struct ttrpc_client *client)
{
	assert_ptr_equal(client, fake.client);
	return client->alive;
}

static void
forget_call(void)
{
	message_release(FORWARD_FIELDS, &fake.msg);
	fake.msg = (forward_request){ 0 };
	free(fake.payload);
	fake.payload = NULL;
}

static void
record_call(const uint8_t *payload, size_t len)
{
	struct err err;

	forget_call();
	fake.payload = malloc(len + 1);
	assert_non_null(fake.payload);
	memcpy(fake.payload, payload, len);
	fake.len = len;
	assert_int_equal(
	    message_decode(FORWARD_FIELDS, fake.payload, len, &fake.msg, &err),
	    0);
}

int
ttrpc_client_call(struct ttrpc_client *client, const char *service,
    const char *method, const char *ns, const uint8_t *payload, size_t len,
    int64_t timeout_ns, ttrpc_reply_fn *done, void *arg, struct err *err)
{
	assert_ptr_equal(client, fake.client);
	assert_true(client->alive);
	assert_null(fake.done); /* one at a time */
	assert_false(fake.in_reply);
	fake.calls++;
	if (fake.refuse_calls > 0) {
		fake.refuse_calls--;
		return err_set(err, ERR_UNAVAILABLE, ENOTCONN, "ttrpc: closed");
	}
	(void)snprintf(fake.service, sizeof(fake.service), "%s", service);
	(void)snprintf(fake.method, sizeof(fake.method), "%s", method);
	(void)snprintf(fake.ns, sizeof(fake.ns), "%s", ns);
	fake.timeout_ns = timeout_ns;
	fake.done = done;
	fake.arg = arg;
	record_call(payload, len);
	return 0;
}

/* ---- helpers ---- */

static int log_fd;

static void
capture_log(enum log_level level)
{
	log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(log_fd >= 0);
	log_init(log_fd, level, NULL);
}

/* The whole log so far: free() it. */
static char *
captured(void)
{
	char *text = NULL;

	assert_int_equal(lseek(log_fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(log_fd, 1 << 20, &text, NULL), 0);
	return text;
}

static void
restore_log(void)
{
	log_init(STDERR_FILENO, LOG_LEVEL_ERROR, NULL);
	(void)close(log_fd);
}

static unsigned
occurrences(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *s = text; (s = strstr(s, what)); s++)
		n++;
	return n;
}

static struct event_base *base;
static struct publisher *publisher;
static unsigned empties;

static void
on_empty(void *arg)
{
	assert_ptr_equal(arg, &empties);
	assert_int_equal(publisher_queued(publisher), 0);
	empties++;
}

/* Backoffs so short that they can be waited for. */
static const struct publish_limits quick = { .droppable_max = 4,
	.call_timeout_ns = 5 * NSEC_PER_SEC,
	.retry_min_ns = NSEC_PER_MSEC,
	.retry_max_ns = 2 * NSEC_PER_MSEC };

static int
setup_with(const struct publish_limits *limits)
{
	struct err err;

	memset(&fake, 0, sizeof(fake));
	empties = 0;
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(publisher_new(base, 0, "/run/c.sock.ttrpc", "k8s.io",
			     limits, &publisher, &err),
	    0);
	publisher_on_empty(publisher, on_empty, &empties);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return setup_with(&quick);
}

static int
teardown(void **state)
{
	(void)state;
	publisher_free(publisher);
	publisher = NULL;
	assert_null(fake.client);
	forget_call();
	event_base_free(base);
	return 0;
}

static void
push(enum publish_class class, const char *id, const char *topic)
{
	struct err err;

	assert_int_equal(publisher_push(publisher, class, id, topic, "T.U",
			     (const uint8_t *)topic, strlen(topic), &err),
	    0);
}

/* Runs what is due now. */
static void
turn(void)
{
	assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

/* Runs until the number of calls, or of connects, has grown. */
static void
run_until_call(void)
{
	unsigned before = fake.calls;

	while (fake.calls == before)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
run_until_connect(void)
{
	unsigned before = fake.connects;

	while (fake.connects == before)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
expect_in_flight(const char *topic)
{
	assert_non_null(fake.done);
	assert_string_equal(fake.msg.envelope.topic, topic);
}

/* Answers OK to everything and compares the topics that come, in order. */
static void
expect_topics(const char *const *topics, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (!fake.done)
			run_until_call();
		expect_in_flight(topics[i]);
		answer(ERR_OK, "");
	}
	turn();
	assert_null(fake.done);
	assert_int_equal(publisher_queued(publisher), 0);
}

/* ---- tests ---- */

static void
test_envelope(void **state)
{
	int64_t before = clock_realtime_ns();
	struct err err;

	(void)state;
	assert_int_equal(publisher_push(publisher, PUBLISH_KEEP, "c1",
			     "/tasks/oom", "containerd.events.TaskOOM",
			     (const uint8_t *)"\012\002c1", 4, &err),
	    0);
	assert_int_equal(fake.calls, 0); /* never from inside push */
	turn();
	assert_string_equal(fake.address, "/run/c.sock.ttrpc");
	assert_string_equal(
	    fake.service, "containerd.services.events.ttrpc.v1.Events");
	assert_string_equal(fake.method, "Forward");
	assert_string_equal(fake.ns, "k8s.io");
	assert_true(fake.timeout_ns == quick.call_timeout_ns);
	assert_true(fake.msg.has_envelope && fake.msg.envelope.has_event);
	assert_string_equal(fake.msg.envelope.namespace, "k8s.io");
	assert_string_equal(fake.msg.envelope.topic, "/tasks/oom");
	assert_string_equal(
	    fake.msg.envelope.event.type_url, "containerd.events.TaskOOM");
	assert_int_equal(fake.msg.envelope.event.value.len, 4);
	assert_memory_equal(
	    fake.msg.envelope.event.value.data, "\012\002c1", 4);
	int64_t at = timestamp_to_ns(&fake.msg.envelope.timestamp);
	assert_true(at >= before && at <= clock_realtime_ns());
}

static void
test_order(void **state)
{
	static const char *const topics[] = { "/1", "/2", "/3" };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		push(PUBLISH_KEEP, "c", topics[i]);
	assert_int_equal(publisher_queued(publisher), 3);
	turn();
	turn();
	expect_in_flight("/1"); /* and nothing else is sent meanwhile */
	assert_int_equal(fake.calls, 1);
	assert_int_equal(publisher_queued(publisher), 3);
	expect_topics(topics, 3);
	assert_int_equal(fake.connects, 1);
	assert_int_equal(empties, 1);
	push(PUBLISH_KEEP, "c", topics[0]);
	expect_topics(topics, 1);
	assert_int_equal(fake.connects, 1);
	assert_int_equal(empties, 2);
	assert_true(publisher_dropped(publisher) == 0);
}

static void
test_nobody_listens_yet(void **state)
{
	static const char *const topics[] = { "/1", "/2" };

	(void)state;
	fake.refuse_connects = 5;
	push(PUBLISH_KEEP, "c", "/1");
	push(PUBLISH_KEEP, "c", "/2");
	for (int i = 0; i < 5; i++) {
		run_until_connect();
		assert_int_equal(fake.calls, 0);
	}
	expect_topics(topics, 2);
	assert_int_equal(fake.connects, 6);
	assert_int_equal(empties, 1);
}

static void
test_push_does_not_cut_backoff(void **state)
{
	struct publish_limits slow = quick;

	(void)state;
	slow.retry_min_ns = slow.retry_max_ns = 3600 * NSEC_PER_SEC;
	setup_with(&slow);
	fake.refuse_connects = 1;
	push(PUBLISH_KEEP, "c", "/1");
	turn();
	push(PUBLISH_KEEP, "c", "/2");
	turn();
	turn();
	assert_int_equal(fake.connects, 1);
	assert_int_equal(publisher_queued(publisher), 2);
}

/* 1, 2, 4, 4 ms; and from the start again after a success. */
static void
test_backoff(void **state)
{
	static const char *const topics[] = { "/1" };
	struct publish_limits limits = quick;
	char *text;

	(void)state;
	limits.retry_max_ns = 4 * NSEC_PER_MSEC;
	setup_with(&limits);
	capture_log(LOG_LEVEL_DEBUG);
	fake.refuse_connects = 4;
	push(PUBLISH_KEEP, "c", "/1");
	expect_topics(topics, 1);
	fake.client->alive = false;
	fake.refuse_connects = 1;
	push(PUBLISH_KEEP, "c", "/1");
	expect_topics(topics, 1);
	text = captured();
	restore_log();
	assert_int_equal(occurrences(text, "again in"), 5);
	assert_int_equal(occurrences(text, "again in 1 ms"), 2);
	assert_int_equal(occurrences(text, "again in 2 ms"), 1);
	assert_int_equal(occurrences(text, "again in 4 ms"), 2);
	free(text);
}

static void
test_repetition_is_logged_once(void **state)
{
	static const char *const topics[] = { "/1" };
	char *text;

	(void)state;
	capture_log(LOG_LEVEL_WARN);
	fake.refuse_connects = 2; /* not worth a line */
	push(PUBLISH_KEEP, "c7", "/1");
	for (int i = 0; i < 3; i++) {
		run_until_call();
		answer(ERR_DEADLINE_EXCEEDED, "context deadline exceeded");
	}
	expect_topics(topics, 1);
	text = captured();
	restore_log();
	assert_int_equal(occurrences(text, "\n"), 1);
	assert_int_equal(occurrences(text, "event /1 not acknowledged"), 1);
	assert_int_equal(occurrences(text, "id=\"c7\""), 1);
	free(text);
}

/* The answer was lost: the same bytes again, before anything later. */
static void
test_connection_lost(void **state)
{
	static const char *const topics[] = { "/1", "/2" };
	uint8_t first[256];
	size_t len;

	(void)state;
	push(PUBLISH_KEEP, "c", "/1");
	push(PUBLISH_KEEP, "c", "/2");
	turn();
	len = fake.len;
	assert_true(len <= sizeof(first));
	memcpy(first, fake.payload, len);
	fake.client->alive = false;
	answer(ERR_UNAVAILABLE, "ttrpc: closed");
	run_until_call();
	assert_int_equal(fake.connects, 2);
	assert_int_equal(fake.frees, 1);
	assert_int_equal(fake.len, len);
	assert_memory_equal(fake.payload, first, len);
	expect_topics(topics, 2);
}

/* containerd was stopped: it took the connection, and gives no answer. */
static void
test_timeout(void **state)
{
	static const char *const topics[] = { "/1", "/2" };

	(void)state;
	push(PUBLISH_KEEP, "c", "/1");
	push(PUBLISH_KEEP, "c", "/2");
	turn();
	for (unsigned i = 1; i <= 3; i++) {
		expect_in_flight("/1");
		assert_int_equal(fake.connects, i);
		answer(ERR_DEADLINE_EXCEEDED, "context deadline exceeded");
		assert_int_equal(fake.frees, i - 1);
		run_until_call();
	}
	expect_topics(topics, 2);
}

static void
test_lost_while_idle(void **state)
{
	static const char *const topics[] = { "/1" };

	(void)state;
	push(PUBLISH_KEEP, "c", "/1");
	expect_topics(topics, 1);
	fake.client->alive = false;
	push(PUBLISH_KEEP, "c", "/1");
	turn(); /* without any backoff */
	expect_in_flight("/1");
	assert_int_equal(fake.connects, 2);
	answer(ERR_OK, "");
}

static void
test_call_fails_at_once(void **state)
{
	static const char *const topics[] = { "/1" };

	(void)state;
	fake.refuse_calls = 2;
	push(PUBLISH_KEEP, "c", "/1");
	expect_topics(topics, 1);
	assert_int_equal(fake.connects, 3);
	assert_int_equal(fake.calls, 3);
}

/* Errors that are not about the event. The connection is good, and is kept. */
static void
test_other_errors(void **state)
{
	static const enum err_code codes[] = { ERR_UNKNOWN, ERR_UNIMPLEMENTED,
		ERR_INTERNAL, ERR_UNAVAILABLE, ERR_CANCELED };
	static const char *const topics[] = { "/1" };

	(void)state;
	push(PUBLISH_KEEP, "c", "/1");
	turn();
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		expect_in_flight("/1");
		answer(codes[i], codes[i] == ERR_INTERNAL ? "no" : "unmarshal");
		run_until_call();
	}
	expect_topics(topics, 1);
	assert_int_equal(fake.connects, 1);
	assert_true(publisher_dropped(publisher) == 0);
}

static void
test_refused(void **state)
{
	static const char *const topics[] = { "/3" };

	(void)state;
	push(PUBLISH_KEEP, "c", "/1");
	push(PUBLISH_KEEP, "c", "/2");
	push(PUBLISH_KEEP, "c", "/3");
	turn();
	expect_in_flight("/1");
	answer(ERR_INVALID_ARGUMENT, "invalid argument");
	turn();
	expect_in_flight("/2");
	answer(ERR_INTERNAL, "ttrpc: error unmarshalling payload: proto");
	expect_topics(topics, 1);
	assert_true(publisher_dropped(publisher) == 2);
	assert_int_equal(empties, 1);
}

static void
test_refused_last(void **state)
{
	(void)state;
	push(PUBLISH_KEEP, "c", "/1");
	turn();
	answer(ERR_INVALID_ARGUMENT, "invalid argument");
	turn();
	assert_int_equal(empties, 1);
	assert_int_equal(publisher_queued(publisher), 0);
}

static void
test_kept_when_full(void **state)
{
	(void)state;
	fake.refuse_connects = 1000000;
	for (int i = 0; i < 5000; i++)
		push(PUBLISH_KEEP, "c", "/tasks/exit");
	assert_int_equal(publisher_queued(publisher), 5000);
	fake.refuse_connects = 0;
	for (int i = 0; i < 5000; i++) {
		while (!fake.done)
			run_until_call();
		answer(ERR_OK, "");
	}
	turn();
	assert_int_equal(publisher_queued(publisher), 0);
	assert_true(publisher_dropped(publisher) == 0);
}

/* Fills the queue, with "/k" in flight and three more behind it. */
static void
fill(void)
{
	for (int i = 0; i < 4; i++)
		push(PUBLISH_KEEP, "k", "/k");
	turn();
	expect_in_flight("/k");
}

static void
test_oom_merged_when_full(void **state)
{
	static const char *const topics[] = { "/k", "/k", "/k", "/k", "/a",
		"/b", "/exit" };

	(void)state;
	fill();
	push(PUBLISH_OOM, "a", "/a");
	push(PUBLISH_OOM, "b", "/b");
	push(PUBLISH_OOM, "a", "/a2");
	push(PUBLISH_OOM, "b", "/b2");
	push(PUBLISH_OOM, "a", "/a3");
	push(PUBLISH_KEEP, "a", "/exit");
	assert_true(publisher_dropped(publisher) == 3);
	expect_topics(topics, 7);
}

/* The limit itself is full. */
static void
test_full_at_the_limit(void **state)
{
	(void)state;
	push(PUBLISH_OOM, "a", "/1");
	push(PUBLISH_OOM, "a", "/2");
	push(PUBLISH_OOM, "a", "/3");
	push(PUBLISH_OOM, "a", "/4");
	assert_int_equal(publisher_queued(publisher), 4);
	push(PUBLISH_OOM, "a", "/5");
	assert_int_equal(publisher_queued(publisher), 4);
	assert_true(publisher_dropped(publisher) == 1);
}

static void
test_nothing_merged_when_not_full(void **state)
{
	static const char *const topics[] = { "/o1", "/o2", "/p", "/r" };

	(void)state;
	push(PUBLISH_OOM, "a", "/o1");
	push(PUBLISH_OOM, "a", "/o2");
	push(PUBLISH_PAUSED, "a", "/p");
	push(PUBLISH_RESUMED, "a", "/r");
	expect_topics(topics, 4);
	assert_true(publisher_dropped(publisher) == 0);
}

static void
test_pairs_cancel_when_full(void **state)
{
	static const char *const topics[] = { "/k", "/k", "/k", "/k", "/pb",
		"/rc", "/pa" };

	(void)state;
	fill();
	push(PUBLISH_PAUSED, "b", "/pb");
	push(PUBLISH_RESUMED, "c", "/rc"); /* nothing to cancel with */
	for (int i = 0; i < 1000; i++) {
		push(PUBLISH_PAUSED, "a", "/pa");
		push(PUBLISH_RESUMED, "a", "/ra");
	}
	push(PUBLISH_PAUSED, "a", "/pa");
	assert_int_equal(publisher_queued(publisher), 7);
	assert_true(publisher_dropped(publisher) == 2000);
	expect_topics(topics, 7);
}

/* Only the last of a container's pauses and resumes counts. */
static void
test_resumed_twice(void **state)
{
	static const char *const topics[] = { "/k", "/p", "/r", "/k", "/r2" };

	(void)state;
	push(PUBLISH_KEEP, "k", "/k");
	push(PUBLISH_PAUSED, "a", "/p");
	push(PUBLISH_RESUMED, "a", "/r");
	push(PUBLISH_KEEP, "k", "/k");
	push(PUBLISH_RESUMED, "a", "/r2");
	assert_true(publisher_dropped(publisher) == 0);
	expect_topics(topics, 5);
}

/* containerd may have seen what was sent, so that it must see the end of it. */
static void
test_sent_is_not_cancelled(void **state)
{
	struct publish_limits none = quick;
	static const char *const topics[] = { "/p", "/o", "/r", "/o2" };

	(void)state;
	none.droppable_max = 0;
	setup_with(&none);
	push(PUBLISH_PAUSED, "a", "/p");
	turn();
	expect_in_flight("/p");
	push(PUBLISH_OOM, "a", "/o");
	push(PUBLISH_RESUMED, "a", "/r");
	answer(ERR_DEADLINE_EXCEEDED, "context deadline exceeded");
	push(PUBLISH_OOM, "a", "/o1"); /* merged with the one that waits */
	run_until_call();
	answer(ERR_OK, "");
	run_until_call();
	expect_in_flight("/o");
	push(PUBLISH_OOM, "a", "/o2");
	expect_topics(topics + 1, 3);
	assert_true(publisher_dropped(publisher) == 1);
}

/* A pair that cancels out may leave the queue empty. */
static void
test_cancel_to_empty(void **state)
{
	struct publish_limits none = quick;

	(void)state;
	none.droppable_max = 0;
	setup_with(&none);
	push(PUBLISH_PAUSED, "a", "/p");
	push(PUBLISH_RESUMED, "a", "/r");
	assert_int_equal(publisher_queued(publisher), 0);
	turn();
	assert_int_equal(empties, 1);
	assert_int_equal(fake.calls, 0);
}

static void
test_too_large(void **state)
{
	size_t len = 4194304;
	uint8_t *body = calloc(1, len);
	struct err err;

	(void)state;
	assert_non_null(body);
	assert_int_equal(publisher_push(publisher, PUBLISH_KEEP, "c", "/big",
			     "T.U", body, len, &err),
	    0);
	assert_true(publisher_dropped(publisher) == 1);
	assert_int_equal(publisher_queued(publisher), 0);
	assert_int_equal(publisher_push(publisher, PUBLISH_KEEP, "c", "/big",
			     "T.U", body, len - 8192, &err),
	    0);
	turn();
	expect_in_flight("/big");
	assert_int_equal(fake.msg.envelope.event.value.len, len - 8192);
	free(body);
}

static void
test_nobody_to_tell(void **state)
{
	static const char *const addresses[] = { NULL, "" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct publisher *p;
		struct err err;

		assert_int_equal(
		    publisher_new(base, 0, addresses[i], "n", &quick, &p, &err),
		    0);
		assert_int_equal(publisher_push(p, PUBLISH_KEEP, "c", "/1",
				     "T.U", NULL, 0, &err),
		    0);
		turn();
		assert_int_equal(publisher_queued(p), 0);
		assert_true(publisher_dropped(p) == 1);
		assert_int_equal(fake.connects, 0);
		publisher_free(p);
	}
}

/* What freeing does to the call is no failure to be told of. */
static void
test_free_with_call_in_flight(void **state)
{
	char *text;

	(void)state;
	capture_log(LOG_LEVEL_DEBUG);
	push(PUBLISH_KEEP, "c", "/1");
	push(PUBLISH_KEEP, "c", "/2");
	turn();
	expect_in_flight("/1");
	publisher_free(publisher);
	publisher = NULL;
	assert_int_equal(fake.frees, 1);
	turn();
	assert_int_equal(fake.calls, 1);
	text = captured();
	assert_string_equal(text, "");
	free(text);
	restore_log();
}

static void
free_on_empty(void *arg)
{
	struct publisher **p = arg;

	publisher_free(*p);
	*p = NULL;
}

static void
test_free_when_empty(void **state)
{
	(void)state;
	publisher_on_empty(publisher, free_on_empty, &publisher);
	push(PUBLISH_KEEP, "c", "/1");
	turn();
	answer(ERR_OK, "");
	assert_non_null(publisher); /* not from inside the reply */
	turn();
	assert_null(publisher);
}

static void
push_on_empty(void *arg)
{
	unsigned *left = arg;

	if (*left == 0)
		return;
	--*left;
	push(PUBLISH_KEEP, "c", "/again");
}

static void
test_push_when_empty(void **state)
{
	static const char *const topics[] = { "/1", "/again", "/again" };
	unsigned left = 2;

	(void)state;
	publisher_on_empty(publisher, push_on_empty, &left);
	push(PUBLISH_KEEP, "c", "/1");
	expect_topics(topics, 3);
	assert_int_equal(left, 0);
}

static void
test_bad_priority(void **state)
{
	struct publisher *p = NULL;
	struct err err;

	(void)state;
	assert_int_equal(
	    publisher_new(base, 7, "/a", "n", &quick, &p, &err), -EINVAL);
	assert_null(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_envelope),
		TEST(test_order),
		TEST(test_nobody_listens_yet),
		cmocka_unit_test_teardown(
		    test_push_does_not_cut_backoff, teardown),
		cmocka_unit_test_teardown(test_backoff, teardown),
		TEST(test_repetition_is_logged_once),
		TEST(test_connection_lost),
		TEST(test_timeout),
		TEST(test_lost_while_idle),
		TEST(test_call_fails_at_once),
		TEST(test_other_errors),
		TEST(test_refused),
		TEST(test_refused_last),
		TEST(test_kept_when_full),
		TEST(test_oom_merged_when_full),
		TEST(test_full_at_the_limit),
		TEST(test_nothing_merged_when_not_full),
		TEST(test_pairs_cancel_when_full),
		TEST(test_resumed_twice),
		cmocka_unit_test_teardown(test_sent_is_not_cancelled, teardown),
		cmocka_unit_test_teardown(test_cancel_to_empty, teardown),
		TEST(test_too_large),
		TEST(test_nobody_to_tell),
		TEST(test_free_with_call_in_flight),
		TEST(test_free_when_empty),
		TEST(test_push_when_empty),
		TEST(test_bad_priority),
	};

	/* Refused and repeated events are logged, which is not looked at. */
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
