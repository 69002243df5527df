/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of runc-compatible runtimes.
 *
 * Order and spelling are those of the Go shim's library, down to restore's
 * single-dash -no-subreaper: wrappers around runtimes parse them. An argument
 * is added by functions that remember a failed allocation, so that a command is
 * written down as the list it is and checked once, at the end.
 */
#include "oci/argv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct builder {
	struct oci_argv argv;
	size_t size;
	bool failed;
};

void
oci_argv_done(struct oci_argv *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		free(argv->args[i]);
	free(argv->args);
	*argv = (struct oci_argv){ 0 };
}

/* Takes arg over; NULL is what a failed allocation left. */
static void
add_consume(struct builder *b, char *arg)
{
	cleanup_free char *owned = arg;

	if (!owned || b->failed) {
		b->failed = true;
		return;
	}
	/* Room for this one and the final NULL. */
	if (b->argv.n + 2 > b->size) {
		size_t size = b->size ? b->size * 2 : 32;
		char **args = reallocarray(b->argv.args, size, sizeof(*args));

		if (!args) {
			b->failed = true;
			return;
		}
		b->argv.args = args;
		b->size = size;
	}
	b->argv.args[b->argv.n++] = take_ptr(owned);
	b->argv.args[b->argv.n] = NULL;
}

static void
add(struct builder *b, const char *arg)
{
	add_consume(b, strdup(arg));
}

static void __attribute__((format(printf, 2, 3)))
add_format(struct builder *b, const char *fmt, ...)
{
	va_list ap;
	char *arg = NULL;

	va_start(ap, fmt);
	if (vasprintf(&arg, fmt, ap) < 0)
		arg = NULL;
	va_end(ap);
	add_consume(b, arg);
}

static void
add_if(struct builder *b, bool wanted, const char *flag)
{
	if (wanted)
		add(b, flag);
}

/* An option that is left out when it has no value. */
static void
add_option(struct builder *b, const char *option, const char *value)
{
	if (!value || !value[0])
		return;
	add(b, option);
	add(b, value);
}

static void
begin(struct builder *b, const struct oci_runtime *rt, const char *verb)
{
	*b = (struct builder){ 0 };
	add(b, rt->binary && rt->binary[0] ? rt->binary : "runc");
	add(b, "--root");
	add(b, rt->root);
	add(b, "--log");
	add_format(b, "%s/log.json", rt->bundle);
	add(b, "--log-format");
	add(b, "json");
	add_if(b, rt->systemd_cgroup, "--systemd-cgroup");
	add(b, verb);
}

/* Adds the last argument, mostly the container's id, and hands over. */
static int
finish(struct builder *b, const char *last, struct oci_argv *ret)
{
	add(b, last);
	if (b->failed) {
		oci_argv_done(&b->argv);
		return -ENOMEM;
	}
	*ret = b->argv;
	return 0;
}

static int
plain(const struct oci_runtime *rt, const char *verb, const char *id,
    struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, verb);
	return finish(&b, id, ret);
}

static void
add_pid_file(struct builder *b, const struct oci_runtime *rt, const char *name)
{
	add(b, "--pid-file");
	add_format(b, "%s/%s.pid", rt->bundle, name);
}

int
oci_argv_create(const struct oci_runtime *rt, const char *id,
    const struct oci_create_opts *opts, struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "create");
	add(&b, "--bundle");
	add(&b, rt->bundle);
	add_pid_file(&b, rt, "init");
	add_option(&b, "--console-socket", opts->console_socket);
	add_if(&b, opts->no_pivot, "--no-pivot");
	add_if(&b, opts->no_new_keyring, "--no-new-keyring");
	return finish(&b, id, ret);
}

int
oci_argv_start(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return plain(rt, "start", id, ret);
}

int
oci_argv_exec(const struct oci_runtime *rt, const char *id, const char *exec_id,
    const char *process_path, const char *console_socket, struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "exec");
	add(&b, "--process");
	add(&b, process_path);
	add_option(&b, "--console-socket", console_socket);
	add(&b, "--detach");
	add_pid_file(&b, rt, exec_id);
	return finish(&b, id, ret);
}

int
oci_argv_delete(const struct oci_runtime *rt, const char *id, bool force,
    struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "delete");
	add_if(&b, force, "--force");
	return finish(&b, id, ret);
}

int
oci_argv_kill(const struct oci_runtime *rt, const char *id, int signal,
    bool all, struct oci_argv *ret)
{
	char number[16];
	struct builder b;

	(void)snprintf(number, sizeof(number), "%d", signal);
	begin(&b, rt, "kill");
	add_if(&b, all, "--all");
	add(&b, id);
	return finish(&b, number, ret);
}

int
oci_argv_ps(const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "ps");
	add(&b, "--format");
	add(&b, "json");
	return finish(&b, id, ret);
}

int
oci_argv_pause(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return plain(rt, "pause", id, ret);
}

int
oci_argv_resume(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	return plain(rt, "resume", id, ret);
}

int
oci_argv_update(
    const struct oci_runtime *rt, const char *id, struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "update");
	add(&b, "--resources=-");
	return finish(&b, id, ret);
}

int
oci_argv_checkpoint(const struct oci_runtime *rt, const char *id,
    const struct oci_checkpoint_opts *opts, struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "checkpoint");
	add_option(&b, "--image-path", opts->image_path);
	add_option(&b, "--work-path", opts->work_path);
	add_option(&b, "--parent-path", opts->parent_path);
	add_if(&b, opts->open_tcp, "--tcp-established");
	add_if(&b, opts->ext_unix, "--ext-unix-sk");
	add_if(&b, opts->shell_job, "--shell-job");
	add_if(&b, opts->file_locks, "--file-locks");
	for (size_t i = 0; opts->empty_ns && opts->empty_ns[i]; i++)
		add_option(&b, "--empty-ns", opts->empty_ns[i]);
	add_if(&b, opts->leave_running, "--leave-running");
	return finish(&b, id, ret);
}

int
oci_argv_restore(const struct oci_runtime *rt, const char *id,
    const struct oci_restore_opts *opts, struct oci_argv *ret)
{
	struct builder b;

	begin(&b, rt, "restore");
	add_option(&b, "--image-path", opts->image_path);
	add_option(&b, "--work-path", opts->work_path);
	add_option(&b, "--parent-path", opts->parent_path);
	add(&b, "--detach");
	add_pid_file(&b, rt, "init");
	add_option(&b, "--console-socket", opts->console_socket);
	add_if(&b, opts->no_pivot, "--no-pivot");
	add(&b, "-no-subreaper");
	add(&b, "--bundle");
	add(&b, rt->bundle);
	return finish(&b, id, ret);
}
