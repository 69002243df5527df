/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and Response of ttrpc.
 *
 * Request: 1 service, 2 method, 3 payload, 4 timeout_nano, 5 metadata
 * {1 key, 2 value}, repeated. Response: 1 status {1 code, 2 message, 3
 * details}, 2 payload. Unknown fields, and known ones of an unexpected wire
 * type, are passed over; the last one of several wins. The texts of decoding
 * errors are those of Go's protobuf library.
 *
 * Source: request.proto of ttrpc, google/rpc/status.proto.
 */
#include "ipc/envelope.h"

#include <errno.h>
#include <string.h>

#include "ipc/utf8.h"

#define NAMESPACE_KEY "containerd-namespace-ttrpc"

enum request_field {
	REQUEST_SERVICE = 1,
	REQUEST_METHOD = 2,
	REQUEST_PAYLOAD = 3,
	REQUEST_TIMEOUT = 4,
	REQUEST_METADATA = 5,
};

enum pair_field { PAIR_KEY = 1, PAIR_VALUE = 2 };
enum response_field { RESPONSE_STATUS = 1, RESPONSE_PAYLOAD = 2 };
enum status_field { STATUS_CODE = 1, STATUS_MESSAGE = 2 };

static int
bad_format(struct err *err)
{
	return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
	    "proto: cannot parse invalid wire-format data");
}

static int
bad_string(struct err *err)
{
	return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
	    "string field contains invalid UTF-8");
}

static bool
is_bytes(const struct wire_field *f, uint32_t number)
{
	return f->number == number && f->type == WIRE_BYTES;
}

static bool
is_varint(const struct wire_field *f, uint32_t number)
{
	return f->number == number && f->type == WIRE_VARINT;
}

static int
pair_decode(struct wire_view body, struct wire_view *ret_key,
    struct wire_view *ret_value, struct err *err)
{
	struct wire_reader r = wire_reader_of(body);
	struct wire_field f;
	int n;

	*ret_key = *ret_value = wire_view_empty();
	while ((n = wire_next(&r, &f)) > 0) {
		if (is_bytes(&f, PAIR_KEY))
			*ret_key = f.view;
		else if (is_bytes(&f, PAIR_VALUE))
			*ret_value = f.view;
		else
			continue;
		if (!utf8_valid(f.view.data, f.view.len))
			return bad_string(err);
	}
	return n < 0 ? bad_format(err) : 0;
}

static int
request_field(const struct wire_field *f, struct envelope_request *request,
    struct err *err)
{
	struct wire_view key, value;

	if (is_varint(f, REQUEST_TIMEOUT))
		request->timeout_ns = (int64_t)f->value;
	else if (is_bytes(f, REQUEST_PAYLOAD))
		request->payload = f->view;
	else if (is_bytes(f, REQUEST_METADATA))
		return pair_decode(f->view, &key, &value, err);
	else if (is_bytes(f, REQUEST_SERVICE))
		request->service = f->view;
	else if (is_bytes(f, REQUEST_METHOD))
		request->method = f->view;
	return 0;
}

int
envelope_request_decode(struct wire_view body,
    struct envelope_request *ret_request, struct err *err)
{
	struct wire_view none = wire_view_empty();
	struct envelope_request request = { none, none, none, 0, body };
	struct wire_reader r = wire_reader_of(body);
	struct wire_field f;
	int n;

	while ((n = wire_next(&r, &f)) > 0) {
		int r_field = request_field(&f, &request, err);

		if (r_field < 0)
			return r_field;
	}
	if (n < 0)
		return bad_format(err);
	if (!utf8_valid(request.service.data, request.service.len) ||
	    !utf8_valid(request.method.data, request.method.len))
		return bad_string(err);
	*ret_request = request;
	return 0;
}

bool
envelope_metadata_next(struct wire_reader *reader, struct wire_view *ret_key,
    struct wire_view *ret_value)
{
	struct wire_field f;

	while (wire_next(reader, &f) > 0)
		if (is_bytes(&f, REQUEST_METADATA))
			return pair_decode(f.view, ret_key, ret_value, NULL) ==
			       0;
	return false;
}

static int
status_decode(
    struct wire_view body, struct envelope_response *response, struct err *err)
{
	struct wire_reader r = wire_reader_of(body);
	struct wire_field f;
	int n;

	while ((n = wire_next(&r, &f)) > 0) {
		if (is_varint(&f, STATUS_CODE))
			response->code = (int32_t)f.value;
		else if (is_bytes(&f, STATUS_MESSAGE))
			response->message = f.view;
	}
	if (n < 0)
		return bad_format(err);
	return utf8_valid(response->message.data, response->message.len)
		   ? 0
		   : bad_string(err);
}

int
envelope_response_decode(struct wire_view body,
    struct envelope_response *ret_response, struct err *err)
{
	struct wire_view none = wire_view_empty();
	struct envelope_response response = { 0, none, none };
	struct wire_reader r = wire_reader_of(body);
	struct wire_field f;
	int n;

	while ((n = wire_next(&r, &f)) > 0) {
		if (is_bytes(&f, RESPONSE_PAYLOAD)) {
			response.payload = f.view;
		} else if (is_bytes(&f, RESPONSE_STATUS)) {
			int r_status = status_decode(f.view, &response, err);

			if (r_status < 0)
				return r_status;
		}
	}
	if (n < 0)
		return bad_format(err);
	*ret_response = response;
	return 0;
}

/* Puts '?' in the place of each byte that begins no valid sequence. */
static void
repair(char *s)
{
	size_t left = strlen(s);

	while (left > 0) {
		size_t n = 1, max = left < 4 ? left : 4;

		while (n <= max && !utf8_valid((const uint8_t *)s, n))
			n++;
		if (n > max) {
			*s = '?';
			n = 1;
		}
		s += n;
		left -= n;
	}
}

static struct wire_writer
head_writer(struct envelope_head *head)
{
	return (struct wire_writer){ .at = head->data,
		.end = head->data + sizeof(head->data) };
}

static void
put_string(struct wire_writer *w, uint32_t number, const char *s)
{
	wire_put_bytes(w, number, s, strlen(s));
}

static void
put_pair(struct wire_writer *w, const char *key, const char *value)
{
	wire_put_bytes_head(w, REQUEST_METADATA,
	    wire_bytes_size(PAIR_KEY, strlen(key)) +
		wire_bytes_size(PAIR_VALUE, strlen(value)));
	put_string(w, PAIR_KEY, key);
	put_string(w, PAIR_VALUE, value);
}

int
envelope_request_head(const char *service, const char *method, const char *ns,
    int64_t timeout_ns, size_t payload_len, struct envelope_head *ret_head,
    struct err *err)
{
	struct wire_writer w = head_writer(ret_head);

	put_string(&w, REQUEST_SERVICE, service);
	put_string(&w, REQUEST_METHOD, method);
	if (timeout_ns != 0)
		wire_put_uint(&w, REQUEST_TIMEOUT, (uint64_t)timeout_ns);
	if (ns)
		put_pair(&w, NAMESPACE_KEY, ns);
	if (payload_len > 0)
		wire_put_bytes_head(&w, REQUEST_PAYLOAD, payload_len);
	if (w.full)
		return err_set(err, ERR_INVALID_ARGUMENT, ENAMETOOLONG,
		    "ttrpc: names of the request are too long");
	ret_head->len = (size_t)(w.at - ret_head->data);
	return 0;
}

void
envelope_reply_head(size_t payload_len, struct envelope_head *ret_head)
{
	struct wire_writer w = head_writer(ret_head);

	if (payload_len > 0)
		wire_put_bytes_head(&w, RESPONSE_PAYLOAD, payload_len);
	ret_head->len = (size_t)(w.at - ret_head->data);
}

void
envelope_status_head(const struct err *status, struct envelope_head *ret_head)
{
	struct wire_writer w = head_writer(ret_head);
	enum err_code code =
	    status->code == ERR_OK ? ERR_UNKNOWN : status->code;
	char text[sizeof(status->msg)];

	memcpy(text, status->msg, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	repair(text);
	/* A code takes one byte, so two with its tag. */
	wire_put_bytes_head(&w, RESPONSE_STATUS,
	    2 + wire_bytes_size(STATUS_MESSAGE, strlen(text)));
	wire_put_uint(&w, STATUS_CODE, (uint64_t)code);
	put_string(&w, STATUS_MESSAGE, text);
	ret_head->len = (size_t)(w.at - ret_head->data);
}
