/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_CONFIG_H
#define SHIM_CONFIG_H

/*
 * /etc/chock/chock.conf: what an administrator may set for all shims of a
 * machine. Sensible without the file. Each key is documented in chock.conf(5).
 */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

#define CONFIG_FILE "/etc/chock/chock.conf"
/* Names another file, "" none; for tests and for trying things out. */
#define CONFIG_ENV "CHOCK_CONFIG"

enum config_keep {
	CONFIG_KEEP_NEVER,
	CONFIG_KEEP_FAILED,
	CONFIG_KEEP_ALWAYS,
};

/* Times in nanoseconds, sizes in bytes. */
struct config {
	char *runtime_binary; /* "" for what our name implies */
	char *runtime_root;   /* likewise */
	int64_t runtime_timeout;
	enum log_level log_level;
	size_t event_queue;   /* before what may be dropped is */
	int64_t event_drain;  /* at the end of a shim */
	int64_t output_drain; /* at Delete */
	int64_t logger_ready; /* for a logging binary to get ready */
	int64_t idle;         /* 0: a shim waits for ever */
	size_t recorder_size;
	enum config_keep keep;
	char *keep_dir;
	size_t keep_files;
	size_t keep_size; /* a recording larger than that is not kept */
};

/* The defaults. -ENOMEM only. */
int config_init(struct config *config, struct err *err);
void config_done(struct config *config);

/*
 * The defaults and what the file says. A section or key that is not known, a
 * key that is there twice, a value that cannot be: INVALID_ARGUMENT with file
 * and line, and *ret is untouched. No file: the defaults.
 */
int config_load(struct config *ret, struct err *err);

/* The same from a text; name is what errors call it. */
int config_parse(
    const char *name, const char *text, struct config *ret, struct err *err);

#endif
