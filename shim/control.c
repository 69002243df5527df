/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, terminals, stdin, waiters: everything that the kernel does at once.
 * No runtime is run for it, and no pid is looked up by number: a process of
 * ours is signalled through its pidfd, everything else through its cgroup.
 */
#include "shim/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cgroups/cgroup.h"
#include "cgroups/freezer.h"
#include "fsm/fsm.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"
#include "ipc/server.h"
#include "oci/child.h"
#include "oci/spec.h"
#include "oci/stdio.h"
#include "shim/container.h"
#include "shim/process.h"
#include "shim/refuse.h"
#include "shim/reply.h"
#include "shim/request.h"

void
control_kill(struct process *p)
{
	if (p->child)
		(void)child_signal(p->child, SIGKILL);
}

/* r is a negative errno of a kill. */
static void
fail_kill(struct request *req, int r)
{
	struct err err;

	if (r == -ESRCH)
		(void)refuse_finished(&err);
	else
		(void)err_set(&err, ERR_UNKNOWN, -r,
		    "unknown error after kill: %s", strerrordesc_np(-r));
	request_fail(req, &err);
}

void
control_signal(struct process *p, struct request *req)
{
	int r = p->child ? child_signal(p->child, (int)req->signal) : -ESRCH;

	if (r < 0) {
		fail_kill(req, r);
		return;
	}
	reply_done(req, p);
}

/* Without a cgroup of its own only the processes that we know can be meant. */
static size_t
signal_known(struct container *c, int signal)
{
	size_t n = 0;

	if (c->init.child && child_signal(c->init.child, signal) == 0)
		n++;
	list_for_each(l, tmp, &c->execs)
	{
		struct process *p = list_entry(l, struct process, link);
		if (p->child && child_signal(p->child, signal) == 0)
			n++;
	}
	return n;
}

void
control_signal_all(struct container *c, struct request *req)
{
	struct err err;
	size_t n = 0;
	int r = 0;

	if (c->cgroup)
		r = cgroup_signal(c->cgroup, (int)req->signal, &n, &err);
	else
		n = signal_known(c, (int)req->signal);
	if (r < 0) {
		request_fail(req, &err);
		return;
	}
	if (n == 0) {
		fail_kill(req, -ESRCH);
		return;
	}
	reply_done(req, &c->init);
}

void
control_kill_rest(struct container *c)
{
	struct err err;

	if (c->private_pidns)
		return;
	(void)signal_known(c, SIGKILL);
	if (c->cgroup && cgroup_signal(c->cgroup, SIGKILL, NULL, &err) < 0)
		log_task(LOG_LEVEL_WARN, c->id, NULL,
		    "cannot kill what init left behind: %s, ignoring", err.msg);
}

void
control_thaw(struct container *c)
{
	struct err err;

	if (c->cgroup &&
	    cgroup_freeze(c->cgroup, /* frozen= */ false, &err) < 0 &&
	    err.code != ERR_NOT_FOUND)
		log_task(LOG_LEVEL_WARN, c->id, NULL,
		    "cannot thaw what is to die: %s, ignoring", err.msg);
}

void
control_catch_up(struct process *p)
{
	struct err err;

	if (!p->io)
		return;
	if (p->stdin_closed)
		oci_stdio_close_stdin(p->io);
	if (p->width && p->height &&
	    oci_stdio_resize(p->io, p->width, p->height, &err) < 0)
		log_task(LOG_LEVEL_WARN, p->container->id,
		    p->is_init ? NULL : p->id, "%s, ignoring", err.msg);
}

/* What is asked before there is a stream is remembered: the client that resizes
 * right after Create or Exec means it. */
void
control_resize(struct process *p, struct request *req)
{
	struct err err;

	p->width = req->width;
	p->height = req->height;
	if (p->io && oci_stdio_resize(p->io, req->width, req->height, &err) < 0)
		request_fail(req, &err);
	else
		reply_done(req, p);
}

void
control_close_stdin(struct process *p, struct request *req)
{
	p->stdin_closed = true;
	if (p->io)
		oci_stdio_close_stdin(p->io);
	reply_done(req, p);
}

/* A waiter whose caller is gone is not kept: it would live as long as the
 * container does. */
static void
on_waiter_cancelled(struct ttrpc_call *call, enum err_code why, void *arg)
{
	struct request *req = arg;
	struct err err;

	(void)call;
	if (why == ERR_DEADLINE_EXCEEDED)
		(void)err_set(&err, why, 0, "context deadline exceeded");
	else
		(void)err_set(&err, why, 0, "context canceled");
	request_fail(req, &err);
}

void
control_add_waiter(struct process *p, struct request *req)
{
	list_add_tail(&p->waiters, &req->link);
	ttrpc_call_on_cancel(req->call, on_waiter_cancelled, req);
}

static int
fill_exec(struct process *p, const containerd_task_v2_ExecProcessRequest *m,
    struct err *err)
{
	p->in = strdup(message_str(m->stdin));
	p->out = strdup(message_str(m->stdout));
	p->err = strdup(message_str(m->stderr));
	p->terminal = m->terminal;
	if (!p->in || !p->out || !p->err)
		return err_set_errno(err, ENOMEM, "add exec");
	return oci_process_prepare((const char *)m->spec.value.data,
	    m->spec.value.len, m->terminal, &p->spec, err);
}

void
control_admit(struct container *c, struct request *req)
{
	const containerd_task_v2_ExecProcessRequest *m = req->message;
	struct process *p = container_process(c, m->exec_id);
	struct err err;

	if (p) {
		/* Its machine refuses to be added twice. */
		process_event(p, FSM_EXEC_EV_ADD, req);
		return;
	}
	int r = container_add_exec(c, m->exec_id, &p, &err);
	if (r == 0)
		r = fill_exec(p, m, &err);
	if (r == 0) {
		process_event(p, FSM_EXEC_EV_ADD, req);
		return;
	}
	if (p) {
		process_done(p);
		free(p);
	}
	request_fail(req, &err);
}
