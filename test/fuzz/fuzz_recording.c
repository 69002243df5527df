/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: recordings. The fuzzer cannot find checksums, so they are made
 * right first, of header and slots, when the first byte of the input is odd;
 * the rest is the file. Whatever is read must be a run without gaps, and can be
 * replayed and drawn.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/recorder.h"
#include "shim/replay.h"

#define HEADER 256
#define SLOT   128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FNV-1a over all but the last four bytes, which take it. */
static void
seal(uint8_t *part, size_t len)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < len - sizeof(sum); i++)
		sum = (sum ^ part[i]) * 16777619u;
	memcpy(part + len - sizeof(sum), &sum, sizeof(sum));
}

static void
seal_all(uint8_t *file, size_t len)
{
	if (len < HEADER)
		return;
	seal(file, HEADER);
	for (size_t at = HEADER; at + SLOT <= len; at += SLOT)
		seal(file + at, SLOT);
}

static void
check(const struct recording *recording)
{
	struct replay_result result;
	struct err err;

	for (size_t i = 1; i < recording->n; i++) {
		if (recording->records[i].seq !=
		    recording->records[i - 1].seq + 1)
			abort();
	}
	FILE *out = fopen("/dev/null", "we");
	if (!out)
		return;
	if (replay_run(recording, out, &result, &err) < 0 ||
	    replay_dot(recording, out, &err) < 0 || result.steps > recording->n)
		abort();
	(void)fclose(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recording recording;
	struct err err;

	if (size == 0)
		return 0;
	size_t len = size - 1;
	uint8_t *file = malloc(len + 1);
	if (!file)
		return 0;
	memcpy(file, data + 1, len);
	if (data[0] & 1)
		seal_all(file, len);
	if (recording_parse(file, len, &recording, &err) == 0) {
		(void)recording_init_exit(&recording);
		check(&recording);
		recording_done(&recording);
	}
	free(file);
	return 0;
}
