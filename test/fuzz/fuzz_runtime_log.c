/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.json is written by a runtime, so by anybody: whatever it holds, the
 * answer is a trimmed text, none, or "no log".
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/runtime-log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = NULL;
	struct err err;

	int r = oci_log_parse((const char *)data, size, &text, &err);
	assert(r == 0 || r == -EBADMSG || r == -ENOMEM);
	assert(r == 0 || !text);
	if (text) {
		size_t len = strlen(text);

		assert(len > 0 && !isspace((unsigned char)text[0]));
		assert(!isspace((unsigned char)text[len - 1]));
	}
	free(text);
	return 0;
}
