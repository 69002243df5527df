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

/* Owned strings; "" when not given, never NULL after options_decode(). */
struct task_options {
	char *binary;
	char *root;
	char *shim_cgroup;
	char *criu_work_path;
	char *log_level; /* gVisor's: of the shim's log; "" for the usual */
	char *log_path;  /* gVisor's: another file for that log */
	uint32_t io_uid, io_gid;
	bool no_pivot, no_new_keyring, systemd_cgroup;
	bool grouping; /* gVisor's; containers of a pod share a shim anyway */
	char **flags;  /* runsc: more global flags, NULL-terminated; or NULL */
	size_t n_flags;
};

void options_done(struct task_options *options);

/* Takes flag over, also on failure (-ENOMEM). */
int options_add_flag_consume(struct task_options *options, char *flag);
void options_remove_flag(struct task_options *options, size_t i);

/* Gives options what only base has: a value that is empty, 0 or false in
 * options counts as not given. */
int options_underlay(struct task_options *options,
    const struct task_options *base, struct err *err);

/*
 * From an Any: containerd.runc.v1.Options, containerd.linux.runc.CreateOptions
 * or RuncOptions, or runtimeoptions.v1.Options (options-toml.h). An empty value
 * is all defaults whatever its type. Another type is INVALID_ARGUMENT and
 * named.
 */
int options_decode(const char *type_url, const uint8_t *value, size_t len,
    struct task_options *ret, struct err *err);

/* options.json (runc.v1 field names, what is empty left out) and runtime, in
 * the bundle, as the Go shim writes them. */
int options_save(
    const struct task_options *options, const char *bundle, struct err *err);
/* state.json, from which gVisor's own shim would clean up after a container of
 * runsc. Nothing of it is read here. */
int options_save_gvisor(const struct task_options *options, const char *bundle,
    const char *rootfs, struct err *err);
/* What is missing is default. */
int options_load(const char *bundle, struct task_options *ret, struct err *err);

#endif
