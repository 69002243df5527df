/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding and encoding of protobuf messages, and the helpers around them. The
 * byte strings were made with Google's implementation from the same .proto
 * files.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "ipc/any.h"
#include "ipc/message.h"
#include "ipc/proto/bootstrap.pb.h"
#include "ipc/proto/runc.pb.h"
#include "ipc/proto/runtimeoptions.pb.h"
#include "ipc/proto/sandbox.pb.h"
#include "ipc/proto/task.pb.h"
#include "ipc/timestamp.h"

#define BOOTSTRAP_RESULT containerd_runtime_bootstrap_v1_BootstrapResult_fields

#define LITERAL(s) (const uint8_t *)(s), sizeof(s) - 1

static const char create_request[] =
    "\012\002c1\022\002/b\032\025\012\004bind\022\002/s\042\005rbind\042\002ro"
    " \001*\002/iR \012\032containerd.runc.v1.Options\022\002H\001";

static const char pids_response[] =
    "\012\002\010\001\012-\010\002\022)\012!containerd.runc.v1.ProcessDetails"
    "\022\004\012\002e1";

static void
assert_bytes(const struct bytes *b, const char *want, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, want, len);
}

static void
test_decode_create(void **state)
{
	containerd_task_v2_CreateTaskRequest msg = { 0 };
	containerd_runc_v1_Options options = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    message_decode(containerd_task_v2_CreateTaskRequest_fields,
		LITERAL(create_request), &msg, &err),
	    0);
	assert_string_equal(msg.id, "c1");
	assert_string_equal(msg.bundle, "/b");
	assert_int_equal(msg.rootfs_count, 1);
	assert_string_equal(msg.rootfs[0].type, "bind");
	assert_string_equal(msg.rootfs[0].source, "/s");
	assert_null(msg.rootfs[0].target);
	assert_int_equal(msg.rootfs[0].options_count, 2);
	assert_string_equal(msg.rootfs[0].options[1], "ro");
	assert_true(msg.terminal);
	assert_string_equal(msg.stdin, "/i");
	assert_null(msg.stdout);
	assert_string_equal(message_str(msg.stdout), "");
	assert_true(msg.has_options);
	assert_true(any_is(&msg.options, ANY_RUNC_OPTIONS));
	assert_int_equal(
	    message_decode(containerd_runc_v1_Options_fields,
		msg.options.value.data, msg.options.value.len, &options, &err),
	    0);
	assert_true(options.systemd_cgroup);
	message_release(containerd_runc_v1_Options_fields, &options);
	message_release(containerd_task_v2_CreateTaskRequest_fields, &msg);
}

/* A bytes field inside an entry of a repeated field. */
static void
test_repeated_any(void **state)
{
	containerd_task_v2_PidsResponse msg = { 0 };
	struct err err;
	struct bytes out;

	(void)state;
	assert_int_equal(message_decode(containerd_task_v2_PidsResponse_fields,
			     LITERAL(pids_response), &msg, &err),
	    0);
	assert_int_equal(msg.processes_count, 2);
	assert_int_equal(msg.processes[0].pid, 1);
	assert_false(msg.processes[0].has_info);
	assert_true(msg.processes[1].has_info);
	assert_true(any_is(&msg.processes[1].info, ANY_PROCESS_DETAILS));
	assert_bytes(&msg.processes[1].info.value, "\012\002e1", 4);

	assert_int_equal(message_encode(containerd_task_v2_PidsResponse_fields,
			     &msg, &out, &err),
	    0);
	assert_bytes(&out, pids_response, sizeof(pids_response) - 1);
	bytes_free(&out);
	message_release(containerd_task_v2_PidsResponse_fields, &msg);
}

static void
round_trip_spec(size_t len)
{
	containerd_task_v2_ExecProcessRequest in = { .has_spec = true },
					      out = { 0 };
	struct bytes wire;
	struct err err;
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	in.spec.value = message_borrow_bytes(text, len);
	in.stdin = message_borrow(text);
	assert_int_equal(
	    message_encode(
		containerd_task_v2_ExecProcessRequest_fields, &in, &wire, &err),
	    0);
	assert_int_equal(
	    message_decode(containerd_task_v2_ExecProcessRequest_fields,
		wire.data, wire.len, &out, &err),
	    0);
	assert_string_equal(message_str(out.stdin), text);
	assert_true(out.has_spec);
	assert_bytes(&out.spec.value, text, len);
	message_release(containerd_task_v2_ExecProcessRequest_fields, &out);
	bytes_free(&wire);
	free(text);
}

/* nanopb alone would fail at 64 KiB. */
static void
test_large_fields(void **state)
{
	static const size_t lengths[] = { 0, 1, 65535, 65536, 100000, 4000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		round_trip_spec(lengths[i]);
}

static void
test_two_step_encoding(void **state)
{
	containerd_task_v2_StartResponse msg = { .pid = 300 };
	uint8_t buf[3];
	size_t size = 0;
	struct err err;

	(void)state;
	assert_int_equal(message_size(containerd_task_v2_StartResponse_fields,
			     &msg, &size, &err),
	    0);
	assert_int_equal(size, sizeof(buf));
	assert_int_equal(
	    message_encode_into(
		containerd_task_v2_StartResponse_fields, &msg, buf, size, &err),
	    0);
	assert_memory_equal(buf, "\010\254\002", 3);
	assert_int_equal(
	    message_encode_into(
		containerd_task_v2_StartResponse_fields, &msg, buf, 2, &err),
	    -EINVAL);
	assert_string_equal(err.msg, "encode message: stream full");
}

static void
test_empty_message(void **state)
{
	google_protobuf_Empty empty = { 0 };
	struct bytes out;
	struct err err;

	(void)state;
	assert_int_equal(
	    message_encode(google_protobuf_Empty_fields, &empty, &out, &err),
	    0);
	assert_int_equal(out.len, 0);
	bytes_free(&out);
	assert_int_equal(
	    message_decode(google_protobuf_Empty_fields, NULL, 0, &empty, &err),
	    0);
}

struct bad {
	const char *what;
	const pb_msgdesc_t *fields;
	const char *data;
	size_t len;
	const char *text;
};

#define BAD(what, fields, data, text)                                          \
	{                                                                      \
		what, fields, data, sizeof(data) - 1, text                     \
	}

static const struct bad bad[] = {
	BAD("string beyond the end", containerd_task_v2_StartRequest_fields,
	    "\012\005ab", "end-of-stream"),
	BAD("string without length", containerd_task_v2_StartRequest_fields,
	    "\012", "end-of-stream"),
	BAD("huge length", containerd_task_v2_StartRequest_fields,
	    "\012\377\377\377\377\017", "size too large"),
	BAD("varint without end", containerd_task_v2_StartResponse_fields,
	    "\010\377\377", "end-of-stream"),
	BAD("varint too long", containerd_task_v2_StartResponse_fields,
	    "\010\377\377\377\377\377\377\377\377\377\377\001",
	    "varint overflow"),
	BAD("field number 0", containerd_task_v2_StartRequest_fields,
	    "\002\000", "zero tag"),
	BAD("group", containerd_task_v2_StartRequest_fields, "\053",
	    "invalid wire_type"),
	BAD("number for a string", containerd_task_v2_StartRequest_fields,
	    "\010\001", "wrong wire type"),
	BAD("string for a number", containerd_task_v2_StartResponse_fields,
	    "\012\001a", "wrong wire type"),
	BAD("number for bytes", google_protobuf_Any_fields, "\020\001",
	    "malformed field"),
	BAD("fixed64 for bytes", google_protobuf_Any_fields,
	    "\021\001\002\003\004\005\006\007\010", "malformed field"),
	BAD("not UTF-8", containerd_task_v2_StartRequest_fields,
	    "\012\002\377a", "string field is not valid UTF-8"),
	BAD("NUL in a string", containerd_task_v2_StartRequest_fields,
	    "\012\003a\000b", "string field is not valid UTF-8"),
	BAD("NUL in a string of a sub-message",
	    containerd_task_v2_CreateTaskRequest_fields,
	    "\012\001a\032\005\022\003/\000b",
	    "string field is not valid UTF-8"),
	BAD("surrogate in a map key",
	    containerd_task_v2_UpdateTaskRequest_fields,
	    "\032\005\012\003\355\240\200", "string field is not valid UTF-8"),
	BAD("cut sub-message", containerd_task_v2_CreateTaskRequest_fields,
	    "\032\007\012\001a", "parent stream too short"),
	BAD("cut string in a sub-message after an entry",
	    containerd_task_v2_CreateTaskRequest_fields,
	    "\032\003\012\001a\032\003\012\007b", "end-of-stream"),
};

/* A leak here is for the sanitizers to find. */
static void
test_bad_input(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* Larger than any message, aligned. */
		uint64_t msg[64] = { 0 };
		struct err err = { 0 };
		int r = message_decode(bad[i].fields,
		    (const uint8_t *)bad[i].data, bad[i].len, msg, &err);

		if (r != -EBADMSG || err.code != ERR_INTERNAL ||
		    strcmp(err.msg, bad[i].text) != 0)
			fail_msg("%s: %d, code %d, '%s'", bad[i].what, r,
			    (int)err.code, err.msg);
	}
}

static void
test_unknown_fields(void **state)
{
	containerd_task_v2_StartRequest msg = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(message_decode(containerd_task_v2_StartRequest_fields,
			     LITERAL("\372\001\002\377\376\012\001a\240\006\001"
				     "\255\006\001\002\003\004"),
			     &msg, &err),
	    0);
	assert_string_equal(msg.id, "a");
	message_release(containerd_task_v2_StartRequest_fields, &msg);
}

/* The last one counts, and the first is not leaked. */
static void
test_repeated_singular_fields(void **state)
{
	containerd_task_v2_ExecProcessRequest msg = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    message_decode(containerd_task_v2_ExecProcessRequest_fields,
		LITERAL("\012\001a\012\002bc:\006\012\001t\022\001v"
			":\006\012\001u\022\001w"),
		&msg, &err),
	    0);
	assert_string_equal(msg.id, "bc");
	assert_string_equal(msg.spec.type_url, "u");
	assert_bytes(&msg.spec.value, "w", 1);
	message_release(containerd_task_v2_ExecProcessRequest_fields, &msg);
}

/* One more entry than nanopb can count. */
static void
test_too_many_entries(void **state)
{
	containerd_runtime_bootstrap_v1_BootstrapResult msg = { 0 };
	struct err err;
	size_t n = 65536;
	uint8_t *data = malloc(4 + n);

	(void)state;
	assert_non_null(data);
	memcpy(data, "\042\200\200\004", 4);
	memset(data + 4, 1, n);
	assert_int_equal(
	    message_decode(BOOTSTRAP_RESULT, data, 4 + n, &msg, &err),
	    -EBADMSG);
	assert_string_equal(err.msg, "malformed field");
	memcpy(data, "\042\377\377\003", 4);
	assert_int_equal(
	    message_decode(BOOTSTRAP_RESULT, data, 4 + n - 1, &msg, &err), 0);
	assert_int_equal(msg.capabilities_count, 65535);
	message_release(BOOTSTRAP_RESULT, &msg);
	free(data);
}

static void
test_bytes_outside_any(void **state)
{
	runtimeoptions_v1_Options msg = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(message_decode(runtimeoptions_v1_Options_fields,
			     LITERAL("\012\001t\032\003a\000b"), &msg, &err),
	    0);
	assert_null(msg.config_path);
	assert_bytes(&msg.config_body, "a\000b", 3);
	message_release(runtimeoptions_v1_Options_fields, &msg);
}

/* An empty annotation map entry, a key alone, and a real one. */
static void
test_map(void **state)
{
	containerd_task_v2_UpdateTaskRequest msg = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    message_decode(containerd_task_v2_UpdateTaskRequest_fields,
		LITERAL("\032\000\032\003\012\001k\032\006\012\001k\022\001v"),
		&msg, &err),
	    0);
	assert_int_equal(msg.annotations_count, 3);
	assert_null(msg.annotations[0].key);
	assert_string_equal(msg.annotations[1].key, "k");
	assert_string_equal(msg.annotations[2].value, "v");
	message_release(containerd_task_v2_UpdateTaskRequest_fields, &msg);
}

static void
test_empty_bytes(void **state)
{
	google_protobuf_Any msg = { .type_url = message_borrow("t") };
	struct bytes out;
	struct err err;

	(void)state;
	assert_int_equal(
	    message_encode(google_protobuf_Any_fields, &msg, &out, &err), 0);
	assert_bytes(&out, "\012\001t", 3);
	bytes_free(&out);
}

static void
test_borrow(void **state)
{
	(void)state;
	assert_null(message_borrow(NULL));
	assert_null(message_borrow(""));
	assert_string_equal(message_borrow("a"), "a");
}

static void
test_any_name(void **state)
{
	char url[] = "type.googleapis.com/containerd.runc.v1.Options";
	google_protobuf_Any any = { .type_url = url };

	(void)state;
	assert_true(any_is(&any, ANY_RUNC_OPTIONS));
	assert_false(any_is(&any, "v1.Options"));
	any.type_url = NULL;
	assert_false(any_is(&any, ANY_RUNC_OPTIONS));
	assert_string_equal(any_type_name(NULL), "");
	assert_string_equal(any_type_name("a/b/"), "");
	assert_string_equal(any_type_name("a/b/C"), "C");
	assert_string_equal(any_type_name("C"), "C");
}

struct instant {
	int64_t ns, seconds;
	int32_t nanos;
};

static void
test_timestamp(void **state)
{
	static const struct instant table[] = {
		{ 0, 0, 0 },
		{ 1, 0, 1 },
		{ -1, -1, 999999999 },
		{ 1700000000000000005, 1700000000, 5 },
		{ -1000000000, -1, 0 },
		{ INT64_MAX, 9223372036, 854775807 },
		{ INT64_MIN + 1, -9223372037, 145224193 },
		{ TIMESTAMP_NEVER, -62135596800, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		google_protobuf_Timestamp t = timestamp_from_ns(table[i].ns);

		assert_int_equal(t.seconds, table[i].seconds);
		assert_int_equal(t.nanos, table[i].nanos);
		assert_true(timestamp_to_ns(&t) == table[i].ns);
	}
}

static void
test_timestamp_out_of_range(void **state)
{
	static const struct instant table[] = {
		{ INT64_MAX, 9223372037, 0 },
		{ INT64_MAX, INT64_MAX, 0 },
		{ INT64_MAX, 9223372036, 999999999 },
		{ INT64_MIN + 1, -9223372038, 0 },
		{ INT64_MIN + 1, INT64_MIN, INT32_MIN },
		{ INT64_MIN + 1, -9223372036, -854775808 },
		{ INT64_MIN + 1, -62135596800, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		google_protobuf_Timestamp t = { table[i].seconds,
			table[i].nanos };

		assert_true(timestamp_to_ns(&t) == table[i].ns);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_create),
		cmocka_unit_test(test_repeated_any),
		cmocka_unit_test(test_large_fields),
		cmocka_unit_test(test_two_step_encoding),
		cmocka_unit_test(test_empty_message),
		cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_repeated_singular_fields),
		cmocka_unit_test(test_too_many_entries),
		cmocka_unit_test(test_bytes_outside_any),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_empty_bytes),
		cmocka_unit_test(test_borrow),
		cmocka_unit_test(test_any_name),
		cmocka_unit_test(test_timestamp),
		cmocka_unit_test(test_timestamp_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
