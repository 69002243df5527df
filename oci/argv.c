/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of runc-compatible runtimes.
 *
 * Order and spelling are those of the Go shim's library, down to restore's
 * single-dash -no-subreaper: wrappers around runtimes parse them. */
#include "oci/argv.h"

#include <stdio.h>

#include "oci/argv-internal.h"

int
oci_argv_create(const struct oci_runtime *rt, const char *id,
    const struct oci_create_opts *opts, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "create");
	argv_add(&b, "--bundle");
	argv_add(&b, rt->bundle);
	argv_add_pid_file(&b, rt, "init");
	argv_add_option(&b, "--console-socket", opts->console_socket);
	argv_add_if(&b, opts->no_pivot, "--no-pivot");
	argv_add_if(&b, opts->no_new_keyring, "--no-new-keyring");
	if (opts->user_log_dir) {
		argv_add(&b, "--user-log");
		argv_add_format(&b, "%s/gvisor.log", opts->user_log_dir);
	}
	return argv_finish(&b, id, ret);
}

int
oci_argv_start(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return argv_plain(rt, "start", id, ret);
}

int
oci_argv_exec(const struct oci_runtime *rt, const char *id, const char *exec_id,
    const char *process_path, const char *console_socket, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "exec");
	argv_add(&b, "--process");
	argv_add(&b, process_path);
	argv_add_option(&b, "--console-socket", console_socket);
	argv_add(&b, "--detach");
	argv_add_pid_file(&b, rt, exec_id);
	return argv_finish(&b, id, ret);
}

int
oci_argv_delete(const struct oci_runtime *rt, const char *id, bool force,
    struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "delete");
	argv_add_if(&b, force, "--force");
	return argv_finish(&b, id, ret);
}

int
oci_argv_kill(const struct oci_runtime *rt, const char *id, int signal,
    bool all, struct oci_argv *ret)
{
	char number[16];
	struct argv_builder b;

	(void)snprintf(number, sizeof(number), "%d", signal);
	argv_begin(&b, rt, "kill");
	argv_add_if(&b, all, "--all");
	argv_add(&b, id);
	return argv_finish(&b, number, ret);
}

int
oci_argv_ps(const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "ps");
	argv_add(&b, "--format");
	argv_add(&b, "json");
	return argv_finish(&b, id, ret);
}

int
oci_argv_pause(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return argv_plain(rt, "pause", id, ret);
}

int
oci_argv_resume(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return argv_plain(rt, "resume", id, ret);
}

int
oci_argv_update(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "update");
	argv_add(&b, "--resources=-");
	return argv_finish(&b, id, ret);
}

int
oci_argv_checkpoint(const struct oci_runtime *rt, const char *id,
    const struct oci_checkpoint_opts *opts, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "checkpoint");
	argv_add_option(&b, "--image-path", opts->image_path);
	argv_add_option(&b, "--work-path", opts->work_path);
	argv_add_option(&b, "--parent-path", opts->parent_path);
	argv_add_if(&b, opts->open_tcp, "--tcp-established");
	argv_add_if(&b, opts->ext_unix, "--ext-unix-sk");
	argv_add_if(&b, opts->shell_job, "--shell-job");
	argv_add_if(&b, opts->file_locks, "--file-locks");
	for (size_t i = 0; opts->empty_ns && opts->empty_ns[i]; i++)
		argv_add_option(&b, "--empty-ns", opts->empty_ns[i]);
	argv_add_if(&b, opts->leave_running, "--leave-running");
	return argv_finish(&b, id, ret);
}

int
oci_argv_restore(const struct oci_runtime *rt, const char *id,
    const struct oci_restore_opts *opts, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "restore");
	argv_add_option(&b, "--image-path", opts->image_path);
	argv_add_option(&b, "--work-path", opts->work_path);
	argv_add_option(&b, "--parent-path", opts->parent_path);
	argv_add(&b, "--detach");
	argv_add_pid_file(&b, rt, "init");
	argv_add_option(&b, "--console-socket", opts->console_socket);
	argv_add_if(&b, opts->no_pivot, "--no-pivot");
	argv_add(&b, "-no-subreaper");
	argv_add(&b, "--bundle");
	argv_add(&b, rt->bundle);
	return argv_finish(&b, id, ret);
}
