/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of gVisor's runsc where they are not runc's.
 *
 * Seen with 20221219 and 20240729: restore makes the container itself, and
 * fails when there is one already in the older; neither knows a checkpoint's
 * work path.
 */
#include <stdio.h>

#include "oci/argv-internal.h"

int
oci_argv_runsc_exec(const struct oci_runtime *rt, const char *id,
    const char *exec_id, const char *process_path, const char *console_socket,
    struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "exec");
	argv_add_option(&b, "--process", process_path);
	argv_add_option(&b, "--console-socket", console_socket);
	argv_add_if(&b, console_socket, "--detach");
	argv_add_pid_file(&b, rt, exec_id);
	argv_add(&b, "--internal-pid-file");
	argv_add_format(&b, "%s/%s.inner", rt->bundle, exec_id);
	return argv_finish(&b, id, ret);
}

int
oci_argv_runsc_kill(const struct oci_runtime *rt, const char *id,
    pid_t inner_pid, int signal, bool all, struct oci_argv *ret)
{
	struct argv_builder b;
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", signal);
	argv_begin(&b, rt, "kill");
	argv_add_if(&b, all, "--all");
	if (inner_pid) {
		argv_add(&b, "--pid");
		argv_add_format(&b, "%d", (int)inner_pid);
	}
	argv_add(&b, id);
	return argv_finish(&b, number, ret);
}

int
oci_argv_runsc_wait(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return argv_plain(rt, "wait", id, ret);
}

int
oci_argv_runsc_stats(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "events");
	argv_add(&b, "--stats");
	return argv_finish(&b, id, ret);
}

int
oci_argv_runsc_checkpoint(const struct oci_runtime *rt, const char *id,
    const char *image_path, bool leave_running, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "checkpoint");
	argv_add_option(&b, "--image-path", image_path);
	argv_add_if(&b, leave_running, "--leave-running");
	return argv_finish(&b, id, ret);
}

int
oci_argv_runsc_help(
    const struct oci_runtime *rt, const char *verb, struct oci_argv *ret)
{
	return argv_plain(rt, "help", verb, ret);
}

int
oci_argv_runsc_restore(const struct oci_runtime *rt, const char *id,
    const char *image_path, const char *console_socket, struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, "restore");
	argv_add_option(&b, "--image-path", image_path);
	argv_add(&b, "--detach");
	argv_add_option(&b, "--bundle", rt->bundle);
	argv_add_pid_file(&b, rt, "init");
	argv_add_option(&b, "--console-socket", console_socket);
	return argv_finish(&b, id, ret);
}
