/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdin and stdout of the short-lived commands. The byte strings were made with
 * Google's implementation from the same .proto files.
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
#include "ipc/bootstrap.h"

#define LITERAL(s) (const uint8_t *)(s), sizeof(s) - 1

#define assert_body(r, body, want)                                             \
	do {                                                                   \
		assert_int_equal(r, 0);                                        \
		assert_int_equal((body).len, sizeof(want) - 1);                \
		assert_memory_equal((body).data, want, sizeof(want) - 1);      \
		bytes_free(&(body));                                           \
	} while (0)

static const char params[] =
    "\012\001i\022\001n\030\374\377\377\377\377\377\377\377\377\001"
    "\042\006v2.3.4*\002/t2\002/g:\002/c"
    "B#\012!\012\033type.googleapis.com/x.Other\022\002zz"
    "B\042\012 \012\032containerd.runc.v1.Options\022\002\010\001J\002/s";

static void
test_params(void **state)
{
	struct bootstrap b = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    bootstrap_decode(LITERAL(params), "i", "n", &b, &err), 0);
	assert_true(b.params);
	assert_true(b.debug);
	assert_string_equal(b.containerd_version, "v2.3.4");
	assert_string_equal(b.ttrpc_address, "/t");
	assert_string_equal(b.grpc_address, "/g");
	assert_string_equal(b.containerd_binary, "/c");
	assert_string_equal(b.socket_dir, "/s");
	assert_string_equal(b.options_type, "containerd.runc.v1.Options");
	assert_int_equal(b.options.len, 2);
	assert_memory_equal(b.options.data, "\010\001", 2);
	bootstrap_done(&b);
	assert_null(b.socket_dir);
}

/* Trace is -8, info is 0 and left out, an unknown level 1. */
static void
test_log_levels(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		bool debug;
	} cases[] = {
		{ "\012\001i\022\001n", 6, false },
		{ "\012\001i\022\001n\030\001", 8, false },
		{ "\012\001i\022\001n"
		  "\030\370\377\377\377\377\377\377\377\377\001",
		    17, true },
		{ "\012\001i\022\001n"
		  "\030\375\377\377\377\377\377\377\377\377\001",
		    17, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bootstrap b = { 0 };
		struct err err;

		assert_int_equal(
		    bootstrap_decode((const uint8_t *)cases[i].data,
			cases[i].len, "i", "n", &b, &err),
		    0);
		assert_true(b.params);
		assert_null(b.options_type);
		assert_int_equal(b.debug, cases[i].debug);
		bootstrap_done(&b);
	}
}

/* The same bytes for another container are an Any of type "i". */
static void
test_params_of_another(void **state)
{
	struct bootstrap b = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    bootstrap_decode(LITERAL(params), "j", "n", &b, &err), 0);
	assert_false(b.params);
	assert_string_equal(b.options_type, "i");
	assert_int_equal(b.options.len, 1);
	bootstrap_done(&b);
	assert_int_equal(
	    bootstrap_decode(LITERAL(params), "i", "nn", &b, &err), 0);
	assert_false(b.params);
	bootstrap_done(&b);
}

static void
test_any(void **state)
{
	struct bootstrap b = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    bootstrap_decode(LITERAL("\012\034x/containerd.runc.v1.Options"
				     "\022\002\010\001"),
		"i", "n", &b, &err),
	    0);
	assert_false(b.params);
	assert_string_equal(b.options_type, "containerd.runc.v1.Options");
	assert_memory_equal(b.options.data, "\010\001", 2);
	bootstrap_done(&b);
}

static void
test_nothing(void **state)
{
	struct bootstrap b = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(bootstrap_decode(NULL, 0, "i", "n", &b, &err), 0);
	assert_false(b.params);
	assert_null(b.options_type);
}

static void
test_garbage(void **state)
{
	struct bootstrap b = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(
	    bootstrap_decode(LITERAL("{\"version\":2}"), "i", "n", &b, &err),
	    -EBADMSG);
	/* Params as far as an Any goes, but with a broken extension. */
	assert_int_equal(
	    bootstrap_decode(LITERAL("\012\001i\022\001nJ\002/sB\003\012\007a"),
		"i", "n", &b, &err),
	    -EBADMSG);
	assert_null(b.socket_dir);
}

static void
test_answers(void **state)
{
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = bootstrap_result_encode(3, "unix:///s", &body, &err);
	assert_body(r, body, "\010\003\022\011unix:///s\032\005ttrpc");
	r = delete_response_encode(
	    300, 137, INT64_C(1700000000000000005), &body, &err);
	assert_body(r, body,
	    "\010\254\002\020\211\001\032\010\010\200\342\317\252\006\020\005");
}

static void
test_runtime_info(void **state)
{
	uint8_t any[] = "\012\001o\022\001v", json[] = "{}";
	struct runtime_info info = { .name = "io.containerd.runc.v2",
		.version = "1.1",
		.options = { any, sizeof(any) - 1 },
		.features = { json, sizeof(json) - 1 },
		.allow_mounts = "mkdir/*" };
	struct bytes body;
	struct err err;
	int r;

	(void)state;
	r = runtime_info_encode(&info, &body, &err);
	assert_body(r, body,
	    "\012\025io.containerd.runc.v2\022\005\012\0031.1"
	    "\032\006\012\001o\022\001v\042I\012Ctypes.containerd.io/"
	    "opencontainers/runtime-spec/1/features/Features\022\002{}"
	    "*-\012\042containerd.io/runtime-allow-mounts\022\007mkdir/*");
	info = (struct runtime_info){ .name = "n" };
	r = runtime_info_encode(&info, &body, &err);
	assert_body(r, body, "\012\001n");
	info.options = (struct bytes){ any, 2 };
	assert_int_equal(runtime_info_encode(&info, &body, &err), -EBADMSG);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_params_of_another),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_runtime_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
