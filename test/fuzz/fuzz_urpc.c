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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct oci_urpc_reply reply = { 0 };
	cJSON *json = NULL;

	ssize_t end = oci_urpc_measure(text, size);
	assert(end == -EBADMSG || (end >= 0 && (size_t)end <= size));
	if (end <= 0)
		return 0;
	assert(text[end - 1] == '}' || text[end - 1] == ']');
	if (oci_urpc_parse(text, (size_t)end, &json, &reply) == 0)
		assert(json && reply.error);
	cJSON_Delete(json);
	return 0;
}
