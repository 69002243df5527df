/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chock.conf: whatever an administrator wrote, it is refused with its line or
 * what comes of it can be worked with.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shim/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_path(const char *path)
{
	assert(path && (!*path || *path == '/'));
}

static void
check(const struct config *c)
{
	const int64_t day = 24 * 3600 * NSEC_PER_SEC;

	assert(c->runtime_binary);
	assert(!strchr(c->runtime_binary, '/') || *c->runtime_binary == '/');
	check_path(c->runtime_root);
	check_path(c->keep_dir);
	assert(c->runtime_timeout >= NSEC_PER_SEC && c->runtime_timeout <= day);
	assert(c->event_drain >= 0 && c->event_drain <= day);
	assert(c->output_drain >= 0 && c->output_drain <= day);
	assert(c->logger_ready > 0 && c->logger_ready <= day);
	assert(c->idle >= 0 && c->idle <= 365 * day);
	assert(c->event_queue > 0 && c->event_queue <= 1 << 20);
	assert(c->recorder_size >= 4 << 10 && c->recorder_size <= 1 << 20);
	assert(c->keep_files > 0 && c->keep_files <= 1 << 20);
	assert(c->keep_size >= 4 << 10 && c->keep_size <= 16 << 20);
	assert(
	    c->log_level >= LOG_LEVEL_ERROR && c->log_level <= LOG_LEVEL_DEBUG);
	assert(c->keep >= CONFIG_KEEP_NEVER && c->keep <= CONFIG_KEEP_ALWAYS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct config config;
	struct err err;

	if (config_parse("fuzz", text, &config, &err) == 0) {
		check(&config);
		config_done(&config);
	} else {
		assert(err.code == ERR_INVALID_ARGUMENT);
		assert(strncmp(err.msg, "fuzz:", 5) == 0);
		assert(atoi(err.msg + 5) > 0);
	}
	free(text);
	return 0;
}
