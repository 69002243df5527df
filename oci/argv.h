/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_ARGV_H
#define OCI_ARGV_H

/*
 * Command lines of runc-compatible runtimes, exactly as the Go shim has them.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What stays the same for every command of a container. All borrowed. */
struct oci_runtime {
	const char *binary; /* name or path; "" is "runc" */
	const char *root;   /* --root, complete (namespace appended) */
	const char *bundle; /* for --log and --bundle */
	bool systemd_cgroup;
};

/* An owned, NULL-terminated argument vector. */
struct oci_argv {
	char **args;
	size_t n;
};
void oci_argv_done(struct oci_argv *argv);
#define cleanup_argv __attribute__((cleanup(oci_argv_done)))

struct oci_create_opts {
	const char *console_socket; /* NULL for none */
	bool no_pivot, no_new_keyring;
};

struct oci_checkpoint_opts {
	const char *image_path, *work_path,
	    *parent_path; /* parent may be NULL */
	bool open_tcp, ext_unix, shell_job, file_locks, leave_running;
	const char *const *empty_ns; /* NULL-terminated, may be NULL */
};

struct oci_restore_opts {
	const char *image_path, *work_path, *parent_path, *console_socket;
	bool no_pivot;
};

/* Each fills *ret; -ENOMEM only. Pid files are <bundle>/init.pid and
 * <bundle>/<exec_id>.pid. */
int oci_argv_create(const struct oci_runtime *rt, const char *id,
    const struct oci_create_opts *opts, struct oci_argv *ret);
int oci_argv_start(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
int oci_argv_exec(const struct oci_runtime *rt, const char *id,
    const char *exec_id, const char *process_path, const char *console_socket,
    struct oci_argv *ret);
int oci_argv_delete(const struct oci_runtime *rt, const char *id, bool force,
    struct oci_argv *ret);
int oci_argv_kill(const struct oci_runtime *rt, const char *id, int signal,
    bool all, struct oci_argv *ret);
int oci_argv_ps(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
int oci_argv_pause(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
int oci_argv_resume(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
int oci_argv_update(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
int oci_argv_checkpoint(const struct oci_runtime *rt, const char *id,
    const struct oci_checkpoint_opts *opts, struct oci_argv *ret);
int oci_argv_restore(const struct oci_runtime *rt, const char *id,
    const struct oci_restore_opts *opts, struct oci_argv *ret);

#endif
