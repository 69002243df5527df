/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_ARGV_H
#define OCI_ARGV_H

/*
 * Command lines of runc-compatible runtimes, exactly as the Go shim has them,
 * and those of gVisor's runsc where they differ.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* What stays the same for every command of a container. All borrowed. */
struct oci_runtime {
	const char *binary; /* name or path; "" is "runc" */
	const char *root;   /* --root, complete (namespace appended) */
	const char *bundle; /* for --log and --bundle */
	bool systemd_cgroup;
	/* More global flags, NULL-terminated; may be NULL. */
	const char *const *flags;
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
	const char *user_log_dir; /* runsc: gvisor.log goes there; or NULL */
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

/*
 * runsc. What is not here is as above. Its exec stays in the foreground: it
 * lives as long as the process in the sandbox does and ends with its status.
 * <bundle>/<exec_id>.pid is then runsc's own pid, and
 * <bundle>/<exec_id>.inner, written before it, the pid inside.
 */
int oci_argv_runsc_exec(const struct oci_runtime *rt, const char *id,
    const char *exec_id, const char *process_path, const char *console_socket,
    struct oci_argv *ret);
/* inner_pid 0 is the container's init. */
int oci_argv_runsc_kill(const struct oci_runtime *rt, const char *id,
    pid_t inner_pid, int signal, bool all, struct oci_argv *ret);
/* Prints {"id":ID,"exitStatus":N} once the container has ended. */
int oci_argv_runsc_wait(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
/* Prints {"type":"stats","id":ID,"data":{...}}. */
int oci_argv_runsc_stats(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret);
/* Prints what flags a command has. */
int oci_argv_runsc_help(
    const struct oci_runtime *rt, const char *verb, struct oci_argv *ret);
int oci_argv_runsc_checkpoint(const struct oci_runtime *rt, const char *id,
    const char *image_path, bool leave_running, struct oci_argv *ret);
/* Makes the container, too. */
int oci_argv_runsc_restore(const struct oci_runtime *rt, const char *id,
    const char *image_path, const char *console_socket, struct oci_argv *ret);

#endif
