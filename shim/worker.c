/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking work in a child. The child tells what went wrong over a pipe, as a
 * struct err: it is the same program, so the layout is the same, and it fits a
 * pipe's atomic write.
 */
#include "shim/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/child.h"
#include "shim/shim.h"

_Static_assert(sizeof(struct err) <= PIPE_BUF, "an error fits one write");

struct worker {
	struct child *child;
	int result; /* read end */
	worker_done_fn *done;
	void *arg;
};

struct job {
	worker_fn *work;
	void *arg;
	int result; /* write end */
};

static int
do_job(void *arg)
{
	struct job *job = arg;
	struct err err = { 0 };

	if (job->work(job->arg, &err) == 0)
		return 0;
	(void)fd_write_full(job->result, &err, sizeof(err));
	return 1;
}

static void
read_result(
    const struct worker *w, const struct child_exit *exit, struct err *ret)
{
	ssize_t n = read(w->result, ret, sizeof(*ret));

	if (n == (ssize_t)sizeof(*ret)) {
		ret->msg[sizeof(ret->msg) - 1] = '\0';
		return;
	}
	(void)err_set(ret, ERR_INTERNAL, EIO, "worker ended with status %u",
	    child_exit_status(exit));
}

static void
on_exit_seen(struct child *child, const struct child_exit *exit, void *arg)
{
	struct worker *w = arg;
	struct err err;

	(void)child;
	if (!exit->signaled && exit->value == 0) {
		w->done(NULL, w->arg);
		return;
	}
	read_result(w, exit, &err);
	w->done(&err, w->arg);
}

int
worker_start(struct shim *shim, worker_fn *work, void *work_arg,
    worker_done_fn *done, void *arg, struct worker **ret, struct err *err)
{
	cleanup_free struct worker *w = calloc(1, sizeof(*w));
	int ends[2];

	if (!w)
		return err_set_errno(err, ENOMEM, "start worker");
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set_errno(err, errno, "start worker");
	cleanup_close int write_end = ends[1];
	struct job job = { .work = work, .arg = work_arg, .result = write_end };
	w->result = ends[0];
	w->done = done;
	w->arg = arg;
	int r = child_fork(shim->children, do_job, &job, &write_end, 1,
	    on_exit_seen, w, &w->child, err);
	if (r < 0) {
		close_fd(&w->result);
		return r;
	}
	*ret = take_ptr(w);
	return 0;
}

void
worker_kill(struct worker *w)
{
	if (w)
		(void)child_signal(w->child, SIGKILL);
}

void
worker_free(struct worker *w)
{
	if (!w)
		return;
	(void)child_signal(w->child, SIGKILL);
	child_free(w->child);
	close_fd(&w->result);
	free(w);
}
