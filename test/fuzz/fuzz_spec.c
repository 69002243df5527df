/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: config.json and process documents. The first byte selects: an
 * even one parses a spec, with bit 1 for changing it; an odd one prepares a
 * process document, bit 1 being the value of "terminal". What was prepared or
 * printed must be accepted again, and then stay as it is.
 */
#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/json.h"
#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_parse(const char *json, size_t len)
{
	struct oci_spec spec;
	struct err err;

	if (oci_spec_parse(json, len, &spec, &err) == 0)
		oci_spec_done(&spec);
}

/* NULL when it is no JSON. */
static char *
print_again(const char *text)
{
	cJSON *root = oci_json_parse_exact(text);
	char *printed = root ? cJSON_PrintUnformatted(root) : NULL;

	cJSON_Delete(root);
	return printed;
}

static void
fuzz_exact(const char *json, size_t len)
{
	char *text = strndup(json, len);
	char *once = print_again(text);
	char *twice = once ? print_again(once) : NULL;

	if (once && (!twice || strcmp(once, twice) != 0))
		abort();
	free(twice);
	free(once);
	free(text);
}

static void
fuzz_prepare(const char *json, size_t len, bool terminal)
{
	char *once, *twice;
	struct err err;

	if (oci_process_prepare(json, len, terminal, &once, &err) < 0)
		return;
	if (oci_process_prepare(once, strlen(once), terminal, &twice, &err) <
		0 ||
	    strcmp(once, twice) != 0)
		abort();
	free(twice);
	free(once);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const char *json = (const char *)data + 1;
	if (data[0] & 1)
		fuzz_prepare(json, size - 1, data[0] & 2);
	else if (data[0] & 2)
		fuzz_exact(json, size - 1);
	else
		fuzz_parse(json, size - 1);
	return 0;
}
