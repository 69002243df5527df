/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OPTIONS_TOML_H
#define SHIM_OPTIONS_TOML_H

/*
 * Task options written in TOML: a runtime's options table in the configuration
 * of containerd's CRI plugin, which arrives here as text or as the name of a
 * file, and gVisor's config.toml.
 *
 * Keys are those of containerd.runc.v1.Options, as CRI's users write them
 * (BinaryName) or as options.json has them (binary_name), and gVisor's:
 * log_level, log_path, grouping, and the table runsc_config. A key that is not
 * known, or there twice, or has a value of the wrong type, is an error with
 * file and line.
 */
#include <stddef.h>

#include "base/err.h"

struct task_options;

/*
 * Puts what the text says into *options, where it takes the place of what was
 * there. name is what errors call it.
 */
int options_toml_read(const char *name, const char *text, size_t len,
    struct task_options *options, struct err *err);

/* The same from a file. -ENOENT when there is none. */
int options_toml_load(
    const char *path, struct task_options *options, struct err *err);

#endif
