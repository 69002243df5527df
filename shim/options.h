/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

/*
 * A task's options, whichever message they came in, and their copy in the
 * bundle, which the command "delete" works from.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define OPTIONS_ROOT_DEFAULT "/run/containerd/runc"

/* Owned strings; "" when not given, never NULL after options_decode(). */
struct task_options {
	char *binary;
	char *root;
	char *shim_cgroup;
	char *criu_work_path;
	uint32_t io_uid, io_gid;
	bool no_pivot, no_new_keyring, systemd_cgroup;
};

void options_done(struct task_options *options);

/*
 * From an Any: containerd.runc.v1.Options, containerd.linux.runc.CreateOptions
 * or RuncOptions. An empty value is all defaults whatever its type. Another
 * type is INVALID_ARGUMENT and named.
 */
int options_decode(const char *type_url, const uint8_t *value, size_t len,
    struct task_options *ret, struct err *err);

/* options.json (runc.v1 field names, what is empty left out) and runtime, in
 * the bundle, as the Go shim writes them. */
int options_save(
    const struct task_options *options, const char *bundle, struct err *err);
/* What is missing is default. */
int options_load(const char *bundle, struct task_options *ret, struct err *err);

#endif
