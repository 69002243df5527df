/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes over a control socket is whatever the other side sends: its end is
 * found within it or not at all, and what is taken for an answer is one.
 */
#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/urpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As it comes when the other side sends byte by byte. */
static ssize_t
measure_bytes(const char *text, size_t size)
{
	struct oci_urpc_scan scan = { 0 };
	ssize_t end = 0;

	for (size_t len = 1; len <= size && end == 0; len++)
		end = oci_urpc_measure(&scan, text, len);
	return end;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct oci_urpc_reply reply = { 0 };
	struct oci_urpc_scan scan = { 0 };
	cJSON *json = NULL;

	ssize_t end = oci_urpc_measure(&scan, text, size);
	assert(end == -EBADMSG || (end >= 0 && (size_t)end <= size));
	assert(measure_bytes(text, size) == end);
	if (end <= 0)
		return 0;
	assert(text[end - 1] == '}' || text[end - 1] == ']');
	if (oci_urpc_parse(text, (size_t)end, &json, &reply) == 0)
		assert(json && reply.error);
	cJSON_Delete(json);
	return 0;
}
