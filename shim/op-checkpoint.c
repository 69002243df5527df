/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint: the runtime's command, and what CRIU leaves of it.
 *
 * CRIU logs into a work directory. The one that nobody named is ours and goes
 * again; when the checkpoint failed its log is kept in the bundle first, and
 * the error says where, in the words of the Go shim. Both may take a while on a
 * slow disk, so a worker does it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "ipc/any.h"
#include "ipc/message.h"
#include "ipc/proto/linux_runc.pb.h"
#include "ipc/proto/runc.pb.h"
#include "ipc/proto/task.pb.h"
#include "oci/run.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/op.h"
#include "shim/request.h"
#include "shim/shim.h"
#include "shim/worker.h"

#define DUMP_LOG_MAX (16 << 20)

struct checkpoint {
	struct op *op;
	struct oci_argv argv;
	struct oci_run *run; /* the question whether it can, or the command */
	struct worker *worker;
	char work[PATH_MAX];     /* "" where there is none, as with runsc */
	char dump_log[PATH_MAX]; /* in the bundle */
	bool work_is_ours, failed;
	struct err err;
};

static void
checkpoint_free(struct op *op)
{
	struct checkpoint *self = op->data;

	oci_run_free(self->run);
	oci_argv_done(&self->argv);
	worker_free(self->worker);
	free(self);
}

/* It may end with init's death: that is no reason to cut it short. */
static const struct op_type checkpoint_type = { .free = checkpoint_free };

/* ---- options ---- */

/* Both messages mean the same; this one's names are kept. */
static int
decode_legacy(const google_protobuf_Any *any,
    containerd_runc_v1_CheckpointOptions *ret, struct err *err)
{
	containerd_linux_runc_CheckpointOptions m = { 0 };

	int r = message_decode(containerd_linux_runc_CheckpointOptions_fields,
	    any->value.data, any->value.len, &m, err);
	if (r < 0)
		return r;
	ret->exit = m.exit;
	ret->open_tcp = m.open_tcp;
	ret->external_unix_sockets = m.external_unix_sockets;
	ret->terminal = m.terminal;
	ret->file_locks = m.file_locks;
	ret->empty_namespaces_count = m.empty_namespaces_count;
	ret->empty_namespaces = m.empty_namespaces;
	ret->work_path = m.work_path;
	m.empty_namespaces_count = 0;
	m.empty_namespaces = NULL;
	m.work_path = NULL;
	message_release(containerd_linux_runc_CheckpointOptions_fields, &m);
	return 0;
}

static int
decode_options(const google_protobuf_Any *any,
    containerd_runc_v1_CheckpointOptions *ret, struct err *err)
{
	if (any->value.len == 0)
		return 0;
	if (any_is(any, ANY_LINUX_CHECKPOINT_OPTIONS))
		return decode_legacy(any, ret, err);
	if (!any_is(any, ANY_RUNC_CHECKPOINT_OPTIONS))
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "unsupported checkpoint options '%s': invalid argument",
		    any_type_name(any->type_url));
	return message_decode(containerd_runc_v1_CheckpointOptions_fields,
	    any->value.data, any->value.len, ret, err);
}

/* NULL-terminated, as the command line wants it; the strings are borrowed. */
static const char **
namespaces_of(const containerd_runc_v1_CheckpointOptions *m)
{
	const char **list =
	    calloc((size_t)m->empty_namespaces_count + 1, sizeof(*list));

	for (size_t i = 0; list && i < m->empty_namespaces_count; i++)
		list[i] = m->empty_namespaces[i];
	return list;
}

/* ---- afterwards ---- */

static int
copy_log(const struct checkpoint *self)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;

	int r = path_format(path, sizeof(path), "%s/dump.log", self->work);
	if (r < 0)
		return r;
	r = file_read(AT_FDCWD, path, DUMP_LOG_MAX, &text, &len);
	return r < 0 ? r
		     : file_write_atomic(
			   AT_FDCWD, self->dump_log, text, len, 0600);
}

/* CRIU makes no directories in it. */
static int
remove_work(const char *work)
{
	cleanup_dir DIR *dir = opendir(work);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	return rmdir(work) < 0 && errno != ENOENT ? -errno : 0;
}

/* In the worker. */
static int
clean_up(void *arg, struct err *err)
{
	const struct checkpoint *self = arg;
	int r = 0;

	if (self->failed)
		r = copy_log(self);
	if (r < 0)
		(void)err_set_errno(err, -r, "keep %s/dump.log", self->work);
	if (self->work_is_ours && remove_work(self->work) < 0 && r == 0)
		r = err_set_errno(err, ENOTEMPTY, "remove %s", self->work);
	return r;
}

static void
on_clean(const struct err *err, void *arg)
{
	struct checkpoint *self = arg;

	if (err)
		log_task(LOG_LEVEL_WARN, self->op->p->container->id, NULL,
		    "after the checkpoint: %s, ignoring", err->msg);
	op_finish(self->op, self->failed ? &self->err : NULL);
}

/* The first line only: what follows is CRIU's whole log. */
static void
note_failure(struct checkpoint *self, const struct oci_run_result *result)
{
	self->failed = true;
	oci_run_describe(result, &self->err);
	self->err.msg[strcspn(self->err.msg, "\n")] = '\0';
	if (!*self->work)
		return;
	struct err first = self->err;
	(void)err_set(&self->err, first.code, first.sys, "%s path= %s",
	    first.msg, self->dump_log);
}

static void
on_done(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct checkpoint *self = arg;
	struct err err;

	(void)run;
	if (!result->ok)
		note_failure(self, result);
	if (!*self->work || (!self->failed && !self->work_is_ours))
		op_finish(self->op, self->failed ? &self->err : NULL);
	else if (worker_start(self->op->p->container->shim, clean_up, self,
		     on_clean, self, &self->worker, &err) < 0)
		on_clean(&err, self);
}

/* ---- the command ---- */

static int
choose_paths(
    struct checkpoint *self, const containerd_runc_v1_CheckpointOptions *m)
{
	const struct container *c = self->op->p->container;
	const char *given = message_str(m->work_path);

	if (!c->driver->has_work_path)
		return 0;
	self->work_is_ours = !*given;
	int r = path_format(self->dump_log, sizeof(self->dump_log),
	    "%s/criu-dump.log", c->bundle);
	if (r < 0)
		return r;
	return *given ? path_format(self->work, sizeof(self->work), "%s", given)
		      : path_format(self->work, sizeof(self->work),
			    "%s/work/criu-work", c->bundle);
}

static int
checkpoint_argv(const struct checkpoint *self, const char *path,
    const containerd_runc_v1_CheckpointOptions *m, struct oci_argv *ret)
{
	const struct container *c = self->op->p->container;
	cleanup_free const char **namespaces = namespaces_of(m);
	const struct oci_checkpoint_opts opts = {
		.image_path = path,
		.work_path = self->work,
		.parent_path = m->parent_path,
		.open_tcp = m->open_tcp,
		.ext_unix = m->external_unix_sockets,
		.shell_job = m->terminal,
		.file_locks = m->file_locks,
		.leave_running = !m->exit,
		.empty_ns = namespaces,
	};

	return namespaces ? c->driver->checkpoint_argv(c, &opts, ret) : -ENOMEM;
}

static int
run(struct checkpoint *self, const struct oci_argv *argv, oci_run_fn *done,
    struct err *err)
{
	struct shim *shim = self->op->p->container->shim;
	const struct oci_run_spec spec = {
		.argv = argv->args,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = shim->times.runtime,
	};

	return oci_run_start(shim->base, PRIORITY_CHILD, shim->children, &spec,
	    done, self, &self->run, err);
}

static bool
can_stay(const struct checkpoint *self, const struct oci_run_result *result,
    struct err *err)
{
	const char *flag = self->op->p->container->driver->stays_flag;

	if (!result->ok)
		oci_run_describe(result, err);
	else if (!strstr(result->output, flag))
		(void)err_set(err, ERR_UNIMPLEMENTED, ENOTSUP,
		    "this runsc ends a container by its checkpoint and cannot "
		    "leave it running: not implemented");
	else
		return true;
	return false;
}

static void
on_asked(struct oci_run *asked, const struct oci_run_result *result, void *arg)
{
	struct checkpoint *self = arg;
	struct err err;
	bool can = can_stay(self, result, &err);

	oci_run_free(asked);
	self->run = NULL;
	if (!can || run(self, &self->argv, on_done, &err) < 0)
		op_finish(self->op, &err);
}

/* Whether it can is asked ahead of it: the one that cannot would not say. */
static int
ask(struct checkpoint *self, struct err *err)
{
	const struct container *c = self->op->p->container;
	cleanup_argv struct oci_argv argv = { 0 };

	int r = c->driver->stays_argv(c, &argv);
	if (r < 0)
		return err_set_errno(err, -r, "checkpoint");
	return run(self, &argv, on_asked, err);
}

static int
start(struct checkpoint *self, const containerd_runc_v1_CheckpointOptions *m,
    struct err *err)
{
	const containerd_task_v2_CheckpointTaskRequest *request =
	    self->op->req->message;

	int r = choose_paths(self, m);
	if (r == 0 && *self->work)
		r = dir_make_all(self->work, 0700);
	if (r == 0)
		r = checkpoint_argv(
		    self, message_str(request->path), m, &self->argv);
	if (r < 0)
		return err_set_errno(err, -r, "checkpoint");
	if (!m->exit && self->op->p->container->driver->stays_argv)
		return ask(self, err);
	return run(self, &self->argv, on_done, err);
}

int
op_checkpoint(struct op *op, struct err *err)
{
	const containerd_task_v2_CheckpointTaskRequest *m = op->req->message;
	containerd_runc_v1_CheckpointOptions options = { 0 };
	struct checkpoint *self = calloc(1, sizeof(*self));

	if (!self)
		return err_set_errno(err, ENOMEM, "checkpoint");
	self->op = op;
	op->type = &checkpoint_type;
	op->data = self;
	int r = decode_options(&m->options, &options, err);
	if (r == 0)
		r = start(self, &options, err);
	message_release(containerd_runc_v1_CheckpointOptions_fields, &options);
	return r;
}
