/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and Response against bytes worked out by hand.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ipc/envelope.h"

#define VIEW(s) ((struct wire_view){ (const uint8_t *)(s), sizeof(s) - 1 })

static void
assert_view(struct wire_view view, const char *want)
{
	assert_int_equal(view.len, strlen(want));
	assert_memory_equal(view.data, want, view.len);
}

static void
decodes_a_request(void **state)
{
	struct wire_view body = VIEW("\x0a\x03svc\x12\x02mm\x1a\x03pay\x20\x05"
				     "\x2a\x06\x0a\x01k\x12\x01v"
				     "\x2a\x05\x0a\x01k\x12\x00"
				     "\x30\x01");
	struct envelope_request request;
	struct wire_view key, value;

	(void)state;
	assert_int_equal(envelope_request_decode(body, &request, NULL), 0);
	assert_view(request.service, "svc");
	assert_view(request.method, "mm");
	assert_view(request.payload, "pay");
	assert_int_equal(request.timeout_ns, 5);
	struct wire_reader r = wire_reader_of(request.metadata);
	assert_true(envelope_metadata_next(&r, &key, &value));
	assert_view(key, "k");
	assert_view(value, "v");
	assert_true(envelope_metadata_next(&r, &key, &value));
	assert_view(key, "k");
	assert_view(value, "");
	assert_false(envelope_metadata_next(&r, &key, &value));
}

static void
absent_fields_are_empty(void **state)
{
	struct wire_view nothing = { NULL, 0 };
	struct envelope_request request;
	struct envelope_response response;

	(void)state;
	assert_int_equal(envelope_request_decode(nothing, &request, NULL), 0);
	assert_view(request.service, "");
	assert_view(request.payload, "");
	assert_int_equal(request.timeout_ns, 0);
	assert_int_equal(envelope_response_decode(nothing, &response, NULL), 0);
	assert_int_equal(response.code, 0);
	assert_view(response.payload, "");
	assert_int_equal(
	    envelope_response_decode(VIEW("\x12\x00"), &response, NULL), 0);
	assert_view(response.payload, "");
}

static void
fields_of_another_type_are_passed_over(void **state)
{
	struct envelope_request request;

	(void)state;
	assert_int_equal(
	    envelope_request_decode(
		VIEW("\x08\x01\x22\x01x\x0a\x01s"), &request, NULL),
	    0);
	assert_view(request.service, "s");
	assert_int_equal(request.timeout_ns, 0);
}

static void
negative_timeouts_keep_their_sign(void **state)
{
	struct wire_view body =
	    VIEW("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	struct envelope_request request;

	(void)state;
	assert_int_equal(envelope_request_decode(body, &request, NULL), 0);
	assert_int_equal(request.timeout_ns, -1);
}

static void
assert_refused(struct wire_view body, const char *text)
{
	struct envelope_request request;
	struct err err;

	assert_int_equal(
	    envelope_request_decode(body, &request, &err), -EBADMSG);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, text);
}

static void
refuses_bad_requests(void **state)
{
	static const char format[] =
	    "proto: cannot parse invalid wire-format data";
	static const char utf8[] = "string field contains invalid UTF-8";

	(void)state;
	assert_refused(VIEW("\x0a\x05x"), format);
	assert_refused(VIEW("\x2a\x02\x0a\x05"), format);
	assert_refused(VIEW("\x0a\x01\xff"), utf8);
	assert_refused(VIEW("\x12\x02\xc3\x28"), utf8);
	assert_refused(VIEW("\x0a\x03"
			    "a\0b"),
	    utf8);
	assert_refused(VIEW("\x2a\x03\x0a\x01\x80"), utf8);
	assert_refused(VIEW("\x2a\x03\x12\x01\x80"), utf8);
}

static void
payload_need_not_be_text(void **state)
{
	struct envelope_request request;

	(void)state;
	assert_int_equal(
	    envelope_request_decode(VIEW("\x1a\x02\xff\x80"), &request, NULL),
	    0);
	assert_int_equal(request.payload.len, 2);
}

static void
decodes_a_status(void **state)
{
	struct envelope_response response;
	struct err err;

	(void)state;
	assert_int_equal(
	    envelope_response_decode(
		VIEW("\x0a\x0a\x08\x05\x12\x02no\x1a\x02xx\x12\x01p"),
		&response, &err),
	    0);
	assert_int_equal(response.code, 5);
	assert_view(response.message, "no");
	assert_view(response.payload, "p");
	assert_int_equal(
	    envelope_response_decode(VIEW("\x0a\x02\x08\x80"), &response, &err),
	    -EBADMSG);
	assert_int_equal(envelope_response_decode(
			     VIEW("\x0a\x03\x12\x01\xff"), &response, &err),
	    -EBADMSG);
	assert_int_equal(
	    envelope_response_decode(VIEW("\x0a"), &response, &err), -EBADMSG);
}

#define assert_head(head, golden)                                              \
	do {                                                                   \
		assert_int_equal((head).len, sizeof(golden) - 1);              \
		assert_memory_equal((head).data, golden, (head).len);          \
	} while (0)

static void
encodes_requests(void **state)
{
	struct envelope_head head;

	(void)state;
	assert_int_equal(
	    envelope_request_head("svc", "mm", "ns", 5, 300, &head, NULL), 0);
	assert_head(head, "\x0a\x03svc\x12\x02mm\x20\x05"
			  "\x2a\x20\x0a\x1a"
			  "containerd-namespace-ttrpc\x12\x02ns\x1a\xac\x02");
	assert_int_equal(
	    envelope_request_head("svc", "mm", NULL, 0, 0, &head, NULL), 0);
	assert_head(head, "\x0a\x03svc\x12\x02mm");
}

static void
names_that_do_not_fit_are_refused(void **state)
{
	struct envelope_head head;
	char name[sizeof(head.data) + 1];
	struct err err;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(
	    envelope_request_head("svc", name, NULL, 0, 0, &head, &err),
	    -ENAMETOOLONG);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
}

static void
encodes_replies(void **state)
{
	struct envelope_head head;

	(void)state;
	envelope_reply_head(0, &head);
	assert_int_equal(head.len, 0);
	envelope_reply_head(4194299, &head);
	assert_head(head, "\x12\xfb\xff\xff\x01");
}

static void
encodes_a_status(void **state)
{
	struct envelope_head head;
	struct err status;

	(void)state;
	(void)err_set(&status, ERR_NOT_FOUND, 0, "no");
	envelope_status_head(&status, &head);
	assert_head(head, "\x0a\x06\x08\x05\x12\x02no");
	status.code = ERR_OK;
	envelope_status_head(&status, &head);
	assert_head(head, "\x0a\x06\x08\x02\x12\x02no");
}

static void
repairs_text_that_is_not_utf8(void **state)
{
	struct envelope_head head;
	struct err status;

	(void)state;
	(void)err_set(&status, ERR_UNKNOWN, 0,
	    "\xff\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82");
	envelope_status_head(&status, &head);
	assert_head(head,
	    "\x0a\x10\x08\x02\x12\x0c?\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80??");
}

static void
the_longest_status_fits(void **state)
{
	struct envelope_response response;
	struct envelope_head head;
	struct err status = { .code = ERR_UNAVAILABLE };

	(void)state;
	memset(status.msg, 'x', sizeof(status.msg));
	envelope_status_head(&status, &head);
	assert_int_equal(
	    envelope_response_decode(
		(struct wire_view){ head.data, head.len }, &response, NULL),
	    0);
	assert_int_equal(response.code, ERR_UNAVAILABLE);
	assert_int_equal(response.message.len, sizeof(status.msg) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_a_request),
		cmocka_unit_test(absent_fields_are_empty),
		cmocka_unit_test(fields_of_another_type_are_passed_over),
		cmocka_unit_test(negative_timeouts_keep_their_sign),
		cmocka_unit_test(refuses_bad_requests),
		cmocka_unit_test(payload_need_not_be_text),
		cmocka_unit_test(decodes_a_status),
		cmocka_unit_test(encodes_requests),
		cmocka_unit_test(names_that_do_not_fit_are_refused),
		cmocka_unit_test(encodes_replies),
		cmocka_unit_test(encodes_a_status),
		cmocka_unit_test(repairs_text_that_is_not_utf8),
		cmocka_unit_test(the_longest_status_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
