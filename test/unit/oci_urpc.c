/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls over a control socket to sandboxes that behave, and to some that do
 * not. The sandbox is this process: it reads and writes the other end by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <event2/event.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "oci/urpc.h"

static struct event_base *base;
static struct oci_urpc *call;
static struct oci_urpc_peer peer;
static char dir[] = "/tmp/chock-urpc-XXXXXX";
static char path[64];
static int listener, conn;
static size_t answer_max;

static struct {
	int calls;
	bool free_inside, answered, success;
	char error[128];
	char *result;
	struct err err;
} got;

static void
on_reply(const struct oci_urpc_reply *reply, const struct err *err, void *arg)
{
	assert_ptr_equal(arg, &got);
	got.calls++;
	got.answered = reply != NULL;
	if (reply) {
		assert_null(err);
		got.success = reply->success;
		(void)snprintf(
		    got.error, sizeof(got.error), "%s", reply->error);
		got.result = cJSON_PrintUnformatted(reply->result);
	} else {
		got.err = *err;
	}
	if (got.free_inside) {
		oci_urpc_free(call);
		call = NULL;
	}
}

static int
bind_at(const struct oci_urpc_peer *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&at->address, at->len), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int
setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	answer_max = 0;
	base = event_base_new();
	(void)event_base_priority_init(base, 3);
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(oci_urpc_peer_path(&peer, path, getpid()), 0);
	listener = bind_at(&peer);
	conn = -1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	oci_urpc_free(call);
	call = NULL;
	free(got.result);
	close_fd(&conn);
	close_fd(&listener);
	(void)unlink(path);
	(void)rmdir(dir);
	event_base_free(base);
	return 0;
}

static int
try_call(int64_t timeout_ns, struct err *err)
{
	const struct oci_urpc_spec spec = {
		.peer = peer,
		.method = "containerManager.Wait",
		.arg = "\"c1\"",
		.timeout_ns = timeout_ns,
		.answer_max = answer_max,
	};

	return oci_urpc_call(base, 1, &spec, on_reply, &got, &call, err);
}

static void
turn(void)
{
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* A call whose question has arrived. */
static void
asked(void)
{
	const char *want =
	    "{\"method\":\"containerManager.Wait\",\"arg\":\"c1\"}";
	char text[128] = "";
	struct err err;

	assert_int_equal(try_call(0, &err), 0);
	conn = accept(listener, NULL, NULL);
	assert_true(conn >= 0);
	turn();
	assert_int_equal(read(conn, text, sizeof(text) - 1), strlen(want));
	assert_string_equal(text, want);
}

static void
answer(const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(conn, text, len), len);
	turn();
}

/* Of more than the socket takes at once. All of it, or until it is enough. */
static void
answer_long(const char *text, size_t len)
{
	assert_int_equal(fcntl(conn, F_SETFL, O_NONBLOCK), 0);
	for (size_t sent = 0; sent < len && !got.calls;) {
		ssize_t n = send(conn, text + sent, len - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	while (!got.calls)
		turn();
}

static void
expect_failure(enum err_code code)
{
	assert_int_equal(got.calls, 1);
	assert_false(got.answered);
	assert_int_equal(got.err.code, code);
}

static void
test_answer(void **state)
{
	(void)state;
	got.free_inside = true;
	asked();
	answer("{\"success\":true,\"err\":\"\",\"result\":1280}");
	assert_int_equal(got.calls, 1);
	assert_true(got.answered && got.success);
	assert_string_equal(got.error, "");
	assert_string_equal(got.result, "1280");
}

static void
test_refusal(void **state)
{
	(void)state;
	asked();
	answer("{\"success\":false,\"err\":\"container \\\"}\\\" not "
	       "found\",\"result\":null}");
	assert_int_equal(got.calls, 1);
	assert_true(got.answered);
	assert_false(got.success);
	assert_string_equal(got.error, "container \"}\" not found");
}

static void
test_byte_by_byte(void **state)
{
	const char *text =
	    "{\"success\":true,\"err\":\"\",\"result\":[{\"cmd\":\"]}\\\"\"}]}";

	(void)state;
	asked();
	for (const char *c = text; *c; c++) {
		assert_int_equal(got.calls, 0);
		assert_int_equal(write(conn, c, 1), 1);
		turn();
	}
	assert_int_equal(got.calls, 1);
	assert_string_equal(got.result, "[{\"cmd\":\"]}\\\"\"}]");
}

/* An answer of so many bytes. */
static void
answer_of(size_t len)
{
	cleanup_free char *text = malloc(len + 1);
	const char *head = "{\"success\":true,\"err\":\"\",\"result\":\"";
	size_t n = strlen(head);

	memcpy(text, head, n);
	memset(text + n, 'x', len - n);
	memcpy(text + len - 2, "\"}", 3);
	answer_long(text, len);
	if (got.answered)
		assert_int_equal(strlen(got.result), len - n - 1 + 1);
}

static void
expect_too_long(void)
{
	expect_failure(ERR_INTERNAL);
	assert_int_equal(got.err.sys, EMSGSIZE);
}

static void
test_limit(void **state)
{
	static const size_t limits[] = { 0, 5000, 300000 };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		size_t max = limits[i] ? limits[i] : OCI_URPC_ANSWER_MAX;

		answer_max = limits[i];
		asked();
		answer_of(max);
		assert_true(got.answered);
		(void)teardown(state);
		(void)setup(state);
		answer_max = limits[i];
		asked();
		answer_of(max + 1);
		expect_too_long();
		(void)teardown(state);
		(void)setup(state);
	}
}

/* As many processes as a sandbox can have, with all that it can say of each. */
static void
test_all_processes(void **state)
{
	enum { N = 65535 };
	cleanup_free char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	fprintf(file, "{\"success\":true,\"err\":\"\",\"result\":[");
	for (int i = 1; i <= N; i++)
		fprintf(file,
		    "%s{\"uid\":4294967295,\"pid\":%d,\"ppid\":%d,"
		    "\"threads\":[%d],\"c\":100,\"tty\":\"pts/4294967295\","
		    "\"stime\":\"Jan02\",\"time\":\"9999h59m59.99s\","
		    "\"cmd\":\"\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
		    "\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001\\u0001"
		    "\\u0001\\u0001\"}",
		    i == 1 ? "" : ",", i, N, i);
	fprintf(file, "]}");
	(void)fclose(file);
	answer_max = OCI_URPC_PROCESSES_MAX;
	asked();
	answer_long(text, len);
	assert_true(got.answered && got.success);
}

/* Each would be an object of cJSON's, which is many times as large. */
static void
test_too_many_values(void **state)
{
	static const char *const values[] = { "0,", "[],", "{}," };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cleanup_free char *text = malloc(OCI_URPC_PROCESSES_MAX);
		size_t n = strlen(values[i]), len = 0;

		len = (size_t)sprintf(
		    text, "{\"success\":true,\"err\":\"\",\"result\":[");
		while (len + n + 2 < 4 << 20) {
			memcpy(text + len, values[i], n);
			len += n;
		}
		memcpy(text + len - 1, "]}", 2);
		len++;
		answer_max = OCI_URPC_PROCESSES_MAX;
		asked();
		answer_long(text, len);
		expect_too_long();
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
test_garbage(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.1 400 Bad Request",
		"[true]",
		"{}",
		"{\"success\":1,\"err\":\"\"}",
		"{\"success\":true}",
		"{\"success\":true,\"err\":\"\"}{",
		"{success}",
		"{\"success\":true,\"err\":7}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		asked();
		answer(texts[i]);
		expect_failure(ERR_INTERNAL);
		assert_string_equal(
		    got.err.msg, "sandbox control socket: not an answer");
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
test_hangs_up(void **state)
{
	(void)state;
	got.free_inside = true;
	asked();
	assert_int_equal(write(conn, "{\"success\"", 10), 10);
	close_fd(&conn);
	turn();
	turn();
	expect_failure(ERR_UNAVAILABLE);
}

static void
test_silent(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(try_call(20 * NSEC_PER_MSEC, &err), 0);
	conn = accept(listener, NULL, NULL);
	(void)event_base_dispatch(base);
	expect_failure(ERR_DEADLINE_EXCEEDED);
}

static void
test_nobody(void **state)
{
	struct err err;

	(void)state;
	close_fd(&listener);
	assert_true(try_call(0, &err) < 0);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_string_equal(
	    err.msg, "sandbox control socket: Connection refused");
	(void)unlink(path);
	assert_true(try_call(0, &err) < 0);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
}

static void
test_stranger(void **state)
{
	char want[128];
	struct err err;

	(void)state;
	peer.pid = 1;
	(void)snprintf(want, sizeof(want),
	    "sandbox control socket: process %d answers, not 1", (int)getpid());
	assert_true(try_call(0, &err) < 0);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_string_equal(err.msg, want);
}

/* As /proc/net/unix shows it of runsc 20221219: "@runsc-sandbox.ID@". */
static void
test_abstract(void **state)
{
	struct err err;
	char id[32];

	(void)state;
	(void)snprintf(id, sizeof(id), "chock-%d", (int)getpid());
	assert_int_equal(oci_urpc_peer_abstract(&peer, id, getpid()), 0);
	assert_int_equal(peer.address.sun_path[0], '\0');
	assert_string_equal(peer.address.sun_path + 1 + 14, id);
	assert_int_equal(peer.len,
	    offsetof(struct sockaddr_un, sun_path) + 1 + 14 + strlen(id) + 1);
	close_fd(&listener);
	listener = bind_at(&peer);
	assert_int_equal(try_call(0, &err), 0);
}

static void
test_long_names(void **state)
{
	char name[200];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(oci_urpc_peer_path(&peer, name, 1), -ENAMETOOLONG);
	assert_int_equal(oci_urpc_peer_abstract(&peer, name, 1), -ENAMETOOLONG);
}

static void
test_freed_early(void **state)
{
	(void)state;
	asked();
	oci_urpc_free(call);
	call = NULL;
	turn();
	assert_int_equal(got.calls, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_answer),
		TEST(test_refusal),
		TEST(test_byte_by_byte),
		TEST(test_limit),
		TEST(test_all_processes),
		TEST(test_too_many_values),
		TEST(test_garbage),
		TEST(test_hangs_up),
		TEST(test_silent),
		TEST(test_nobody),
		TEST(test_stranger),
		TEST(test_abstract),
		TEST(test_long_names),
		TEST(test_freed_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
