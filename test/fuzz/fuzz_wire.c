/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire reader and the envelopes over arbitrary bytes. What a reader
 * returns must lie inside of the input, and what can be read must survive being
 * written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/envelope.h"
#include "ipc/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
require_inside(struct wire_view view, const uint8_t *data, size_t size)
{
	require(view.len == 0 ||
		(view.data >= data && view.data + view.len <= data + size));
}

static void
check_field(const struct wire_field *f)
{
	size_t size = 32 + f->view.len;
	uint8_t *out = malloc(size);
	struct wire_writer w = { .at = out, .end = out + size };
	struct wire_field again = { 0 };

	require(out);
	if (f->type == WIRE_BYTES) {
		wire_put_bytes(&w, f->number, f->view.data, f->view.len);
		require((size_t)(w.at - out) ==
			wire_bytes_size(f->number, f->view.len));
	} else {
		wire_put_uint(&w, f->number, f->value);
	}
	require(!w.full);
	struct wire_reader r = { out, w.at };
	require(wire_next(&r, &again) == 1 && r.at == r.end);
	require(again.number == f->number && again.value == f->value);
	require(again.view.len == f->view.len &&
		(f->view.len == 0 ||
		    memcmp(again.view.data, f->view.data, f->view.len) == 0));
	free(out);
}

static void
check_request(struct wire_view body)
{
	struct envelope_request request;
	struct wire_view key, value;
	struct err err;

	if (envelope_request_decode(body, &request, &err) < 0)
		return;
	require_inside(request.service, body.data, body.len);
	require_inside(request.method, body.data, body.len);
	require_inside(request.payload, body.data, body.len);
	struct wire_reader r = wire_reader_of(request.metadata);
	while (envelope_metadata_next(&r, &key, &value)) {
		require_inside(key, body.data, body.len);
		require_inside(value, body.data, body.len);
	}
}

/* Whatever a text holds, the status made of it decodes again. */
static void
check_status(struct wire_view body)
{
	struct err status = { .code = ERR_UNKNOWN };
	struct envelope_response response;
	struct envelope_head head;
	size_t len =
	    body.len < sizeof(status.msg) ? body.len : sizeof(status.msg);

	if (len > 0)
		memcpy(status.msg, body.data, len);
	envelope_status_head(&status, &head);
	require(
	    envelope_response_decode((struct wire_view){ head.data, head.len },
		&response, NULL) == 0);
	require(response.code == ERR_UNKNOWN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_view body = { data, size };
	struct wire_reader r = wire_reader_of(body);
	struct envelope_response response;
	struct wire_field f;
	struct err err;

	while (wire_next(&r, &f) > 0)
		check_field(&f);
	check_request(body);
	check_status(body);
	if (envelope_response_decode(body, &response, &err) == 0) {
		require_inside(response.message, data, size);
		require_inside(response.payload, data, size);
	}
	return 0;
}
