/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delete. Output still on its way gets its time first, bounded, since a child
 * in the background may hold it open for ever; then `runtime delete`, then the
 * streams are closed and the root filesystem is unmounted. An exec needs only
 * the first and the closing.
 *
 *   drain --> runtime delete --> unmount --> OP_OK or OP_FAIL
 */
#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "oci/run.h"
#include "oci/runtime-log.h"
#include "oci/stdio.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/op.h"
#include "shim/runtime-error.h"
#include "shim/shim.h"
#include "shim/unmount.h"
#include "shim/worker.h"

struct delete
{
	struct op *op;
	struct event *deadline; /* of the drain */
	struct oci_run *run;
	struct worker *worker;
	off_t log_mark;
	struct err err; /* the runtime's failure, told after the unmount */
	bool failed;
};

static void
delete_free(struct op *op)
{
	struct delete *self = op->data;

	if (op->p->io)
		oci_stdio_on_drained(op->p->io, NULL, NULL);
	if (self->deadline)
		event_free(self->deadline);
	oci_run_free(self->run);
	worker_free(self->worker);
	free(self);
}

static const struct op_type delete_type = { .free = delete_free };

static void
close_streams(struct process *p)
{
	oci_stdio_free(p->io);
	p->io = NULL;
}

static void
note_failure(struct delete *self, const struct err *err)
{
	if (self->failed)
		return;
	self->failed = true;
	self->err = *err;
}

static void finish(struct delete *self)
{
	op_finish(self->op, self->failed ? &self->err : NULL);
}

static void
on_unmounted(const struct err *err, void *arg)
{
	struct delete *self = arg;

	worker_free(self->worker);
	self->worker = NULL;
	if (err)
		note_failure(self, err);
	finish(self);
}

static void unmount(struct delete *self)
{
	struct container *c = self->op->p->container;
	struct err err;

	close_streams(self->op->p);
	if (unmount_start(c, on_unmounted, self, &self->worker, &err) < 0)
		on_unmounted(&err, self);
}

static void
on_deleted(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct delete *self = arg;
	struct err err;

	(void)run;
	self->op->p->container->driver->deleted(self->op->p->container);
	/* Somebody else deleted it, or there never was one: what was wanted. */
	if (!result->ok && !strstr(result->output, "does not exist")) {
		runtime_error(self->op->p->container, "delete", self->log_mark,
		    result, &err);
		(void)err_wrap(&err, "failed to delete task");
		note_failure(self, &err);
	}
	unmount(self);
}

static void run_delete(struct delete *self)
{
	struct container *c = self->op->p->container;
	struct oci_runtime runtime = container_runtime(c);
	cleanup_argv struct oci_argv argv = { 0 };
	struct err err;

	int r = oci_argv_delete(&runtime, c->id, /* force= */ false, &argv);
	if (r < 0)
		(void)err_set_errno(&err, -r, "failed to delete task");
	struct oci_run_spec spec = {
		.argv = argv.args,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = c->shim->times.runtime,
	};
	self->log_mark = oci_log_mark(c->bundle);
	if (r == 0)
		r = oci_run_start(c->shim->base, PRIORITY_CHILD,
		    c->shim->children, &spec, on_deleted, self, &self->run,
		    &err);
	if (r < 0) {
		note_failure(self, &err);
		unmount(self);
	}
}

/* A leftover file of an exec is not worth failing for: the bundle takes it
 * along. */
static void
remove_pid_file(const struct process *p)
{
	char path[PATH_MAX];

	if (path_format(path, sizeof(path), "%s/%s.pid", p->container->bundle,
		p->id) == 0)
		(void)unlink(path);
}

static void after_drain(struct delete *self)
{
	struct process *p = self->op->p;

	event_free(self->deadline);
	self->deadline = NULL;
	if (p->io)
		oci_stdio_on_drained(p->io, NULL, NULL);
	if (p->is_init) {
		run_delete(self);
		return;
	}
	close_streams(p);
	remove_pid_file(p);
	finish(self);
}

static void
on_drained(void *arg)
{
	after_drain(arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct delete *self = arg;
	struct process *p = self->op->p;

	(void)fd;
	(void)what;
	log_task(LOG_LEVEL_WARN, p->container->id, p->is_init ? NULL : p->id,
	    "output has not ended in time, closing it");
	after_drain(self);
}

static int
begin(struct op *op, struct err *err)
{
	struct process *p = op->p;
	struct timeval tv = clock_timeval(p->container->shim->times.drain);
	struct delete *self = calloc(1, sizeof(*self));

	if (!self)
		return err_set_errno(err, ENOMEM, "delete");
	self->op = op;
	op->type = &delete_type;
	op->data = self;
	self->deadline =
	    event_new(p->container->shim->base, -1, 0, on_deadline, self);
	if (!self->deadline)
		return err_set_errno(err, ENOMEM, "delete");
	if (p->io)
		oci_stdio_finish(p->io);
	if (!p->io || oci_stdio_drained(p->io)) {
		after_drain(self);
		return 0;
	}
	oci_stdio_on_drained(p->io, on_drained, self);
	(void)event_add(self->deadline, &tv);
	return 0;
}

int
op_delete(struct op *op, struct err *err)
{
	return begin(op, err);
}

/* An exec's end cannot fail: without the memory to wait for its output, its
 * streams are closed at once. */
int
op_clean(struct op *op, struct err *err)
{
	if (begin(op, err) == 0)
		return 0;
	close_streams(op->p);
	remove_pid_file(op->p);
	op_finish(op, NULL);
	return 0;
}
