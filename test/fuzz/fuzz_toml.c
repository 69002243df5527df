/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration comes over a socket too (ConfigBody): whatever it holds, it
 * is read or refused, and what is read are proper strings.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "oci/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
on_entry(const struct oci_toml_entry *entry, void *arg, struct err *err)
{
	size_t *size = arg;

	(void)err;
	assert(strlen(entry->table) < 256 && strlen(entry->key) < 256);
	if (entry->type == OCI_TOML_STRING)
		assert(strlen(entry->string) <= *size);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;

	int r = oci_toml_parse(
	    "fuzz", (const char *)data, size, on_entry, &size, &err);
	assert(r == 0 || strncmp(err.msg, "fuzz:", 5) == 0);
	return 0;
}
