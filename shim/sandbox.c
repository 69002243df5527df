/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of the machine in fsm/sandbox.c, and what they ask for.
 */
#include "shim/sandbox.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "fsm/fsm.h"
#include "ipc/proto/sandbox.pb.h"
#include "ipc/server.h"
#include "ipc/timestamp.h"
#include "oci/child.h"
#include "shim/container.h"
#include "shim/process.h"
#include "shim/reply.h"
#include "shim/shim.h"

struct sandbox_call {
	struct list link;
	struct ttrpc_call *call;
	bool is_stop;
};

/* ---- answers ---- */

static void
answer(const struct sandbox *sandbox, struct ttrpc_call *call, bool is_stop)
{
	containerd_runtime_sandbox_v1_WaitSandboxResponse m = {
		.exit_status = sandbox->status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(sandbox->exited_ns),
	};

	if (is_stop)
		ttrpc_call_reply(call, NULL, 0);
	else
		reply_call(call,
		    containerd_runtime_sandbox_v1_WaitSandboxResponse_fields,
		    &m);
}

static void
answer_start(const struct sandbox *sandbox, struct ttrpc_call *call)
{
	containerd_runtime_sandbox_v1_StartSandboxResponse m = {
		.pid = (uint32_t)sandbox->pid,
		.has_created_at = true,
		.created_at = timestamp_from_ns(sandbox->created_ns),
	};

	reply_call(call,
	    containerd_runtime_sandbox_v1_StartSandboxResponse_fields, &m);
}

static void
drop(struct sandbox_call *kept)
{
	list_del(&kept->link);
	free(kept);
}

static void
wake(struct sandbox *sandbox)
{
	list_for_each(l, tmp, &sandbox->waiting)
	{
		struct sandbox_call *kept =
		    list_entry(l, struct sandbox_call, link);
		ttrpc_call_on_cancel(kept->call, NULL, NULL);
		answer(sandbox, kept->call, kept->is_stop);
		drop(kept);
	}
}

static void
on_cancelled(struct ttrpc_call *call, enum err_code why, void *arg)
{
	struct err err;

	(void)err_set(&err, why, 0,
	    why == ERR_DEADLINE_EXCEEDED ? "context deadline exceeded"
					 : "context canceled");
	drop(arg);
	ttrpc_call_fail(call, &err);
}

static void
keep(struct sandbox *sandbox, struct ttrpc_call *call, bool is_stop)
{
	struct sandbox_call *kept = calloc(1, sizeof(*kept));
	struct err err;

	if (!kept) {
		(void)err_set_errno(&err, ENOMEM, "wait for sandbox");
		ttrpc_call_fail(call, &err);
		return;
	}
	kept->call = call;
	kept->is_stop = is_stop;
	list_init(&kept->link);
	list_add_tail(&sandbox->waiting, &kept->link);
	ttrpc_call_on_cancel(call, on_cancelled, kept);
}

/* ---- the process ---- */

struct hold {
	const char *netns;
	int ready;
};

/*
 * In the child, which has no descriptors but /dev/null and the one to say that
 * it is ready. It holds the namespaces until somebody ends it; the exit code of
 * one that cannot get them says why.
 */
static int
hold(void *arg)
{
	const struct hold *work = arg;

	(void)signal(SIGTERM, SIG_DFL);
	if (*work->netns) {
		cleanup_close int ns =
		    open(work->netns, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
			return errno & 0x7f;
	}
	if (unshare(CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return errno & 0x7f;
	if (write(work->ready, "", 1) != 1)
		return errno & 0x7f;
	(void)close(work->ready);
	for (;;)
		(void)pause();
}

static void step(struct sandbox *sandbox, enum fsm_sandbox_event event,
    struct ttrpc_call *call, bool is_stop);

static void
stop_listening(struct sandbox *sandbox)
{
	if (sandbox->ready)
		event_free(sandbox->ready);
	sandbox->ready = NULL;
	close_fd(&sandbox->ready_fd);
	sandbox->starting = NULL;
}

static void
fail_start(struct sandbox *sandbox, enum err_code code, int sys)
{
	struct ttrpc_call *call = sandbox->starting;
	struct err err;

	stop_listening(sandbox);
	(void)err_set(&err, code, sys, "cannot start sandbox %s: %s",
	    sandbox->id, strerrordesc_np(sys));
	ttrpc_call_fail(call, &err);
}

static void
on_child_exit(struct child *child, const struct child_exit *exit, void *arg)
{
	struct sandbox *sandbox = arg;

	child_free(child);
	sandbox->child = NULL;
	if (sandbox->starting) {
		sandbox->pid = 0;
		fail_start(sandbox, ERR_UNKNOWN,
		    exit->signaled || !exit->value ? EINTR : exit->value);
		return;
	}
	sandbox->pid = 0; /* it may be another's from here on */
	sandbox->status = child_exit_status(exit);
	sandbox->exited_ns = exit->at_ns;
	step(sandbox, FSM_SANDBOX_EV_EXITED, NULL, false);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox *sandbox = arg;
	struct ttrpc_call *call = sandbox->starting;
	char byte;

	(void)what;
	if (read(fd, &byte, 1) != 1) {
		/* It is dying, and its exit says why. */
		(void)event_del(sandbox->ready);
		return;
	}
	stop_listening(sandbox);
	sandbox->created_ns = clock_realtime_ns();
	step(sandbox, FSM_SANDBOX_EV_START, call, false);
}

static int
spawn(struct sandbox *sandbox, const int fds[2], struct err *err)
{
	struct hold work = { .netns = sandbox->netns, .ready = fds[1] };

	sandbox->ready =
	    event_new(sandbox->shim->base, fds[0], EV_READ, on_ready, sandbox);
	if (!sandbox->ready || event_add(sandbox->ready, NULL) < 0)
		return err_set_errno(err, ENOMEM, "start sandbox");
	return child_fork(sandbox->shim->children, hold, &work, &fds[1], 1,
	    on_child_exit, sandbox, &sandbox->child, err);
}

void
sandbox_start(struct sandbox *sandbox, struct ttrpc_call *call)
{
	int fds[2] = { -1, -1 };
	struct err err;
	int r = 0;

	if (sandbox->state != FSM_SANDBOX_CREATED || sandbox->starting)
		r = err_set(&err, ERR_FAILED_PRECONDITION, EBUSY,
		    "cannot start a %s sandbox: failed precondition",
		    sandbox->starting ? "starting"
				      : fsm_sandbox_state_name(sandbox->state));
	else if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		r = err_set_errno(&err, errno, "start sandbox");
	if (r < 0) {
		ttrpc_call_fail(call, &err);
		return;
	}
	r = spawn(sandbox, fds, &err);
	close_fd(&fds[1]);
	sandbox->ready_fd = fds[0];
	sandbox->starting = call;
	if (r < 0) {
		stop_listening(sandbox);
		ttrpc_call_fail(call, &err);
		return;
	}
	sandbox->pid = child_pid(sandbox->child);
}

/* ---- the end ---- */

/* Whoever wanted them to end in peace has stopped them before the sandbox. */
static void
kill_containers(const struct sandbox *sandbox)
{
	list_for_each(l, tmp, &sandbox->shim->containers)
	{
		struct container *c = list_entry(l, struct container, link);
		process_event(&c->init, FSM_INIT_EV_STOP_POD, NULL);
	}
}

static void
on_grace(evutil_socket_t fd, short what, void *arg)
{
	const struct sandbox *sandbox = arg;

	(void)fd;
	(void)what;
	if (sandbox->child)
		(void)child_signal(sandbox->child, SIGKILL);
}

static void
end_process(struct sandbox *sandbox)
{
	struct timeval tv = clock_timeval(sandbox->timeout_ns);

	(void)child_signal(sandbox->child, SIGTERM);
	(void)event_add(sandbox->grace, &tv);
}

static void
step(struct sandbox *sandbox, enum fsm_sandbox_event event,
    struct ttrpc_call *call, bool is_stop)
{
	struct fsm_sandbox_step s = fsm_sandbox_step(sandbox->state, event);

	log_debug("sandbox %s: %s -> %s", sandbox->id,
	    fsm_sandbox_state_name(sandbox->state),
	    fsm_sandbox_state_name(s.next));
	sandbox->state = s.next;
	switch (s.action) {
	case FSM_SANDBOX_SPAWN:
		answer_start(sandbox, call);
		return;
	case FSM_SANDBOX_REPLY:
		answer(sandbox, call, is_stop);
		return;
	case FSM_SANDBOX_KILL:
		end_process(sandbox);
		keep(sandbox, call, is_stop);
		return;
	case FSM_SANDBOX_KEEP:
		keep(sandbox, call, is_stop);
		return;
	case FSM_SANDBOX_WAKE:
		if (!sandbox->exited_ns)
			sandbox->exited_ns = clock_realtime_ns();
		wake(sandbox);
		if (call)
			answer(sandbox, call, is_stop);
		return;
	case FSM_SANDBOX_REFUSE:
	case FSM_SANDBOX_BUG:
		log_error(
		    "sandbox %s: impossible event, ignoring", sandbox->id);
		return;
	}
}

/* Half a start is none: its process goes, unseen. */
static void
cancel_start(struct sandbox *sandbox)
{
	(void)child_signal(sandbox->child, SIGKILL);
	child_free(sandbox->child);
	sandbox->child = NULL;
	sandbox->pid = 0;
	fail_start(sandbox, ERR_CANCELED, ECANCELED);
}

void
sandbox_stop(
    struct sandbox *sandbox, struct ttrpc_call *call, int64_t timeout_ns)
{
	sandbox->timeout_ns = timeout_ns;
	/* Also those of one that was never started, or is dead. */
	kill_containers(sandbox);
	if (sandbox->starting)
		cancel_start(sandbox);
	step(sandbox, FSM_SANDBOX_EV_STOP, call, /* is_stop= */ true);
}

void
sandbox_wait(struct sandbox *sandbox, struct ttrpc_call *call)
{
	step(sandbox, FSM_SANDBOX_EV_WAIT, call, /* is_stop= */ false);
}

struct sandbox *
sandbox_find(const struct shim *shim, const char *id)
{
	return shim->sandbox && strcmp(shim->sandbox->id, id) == 0
		   ? shim->sandbox
		   : NULL;
}

/* ---- life ---- */

int
sandbox_new(struct shim *shim, const char *id, const char *netns,
    struct sandbox **ret, struct err *err)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

	if (!sandbox)
		return err_set_errno(err, ENOMEM, "create sandbox");
	sandbox->shim = shim;
	sandbox->ready_fd = -1;
	list_init(&sandbox->waiting);
	sandbox->id = strdup(id);
	sandbox->netns = strdup(netns);
	sandbox->grace = event_new(shim->base, -1, 0, on_grace, sandbox);
	if (!sandbox->id || !sandbox->netns || !sandbox->grace) {
		sandbox_free(sandbox);
		return err_set_errno(err, ENOMEM, "create sandbox");
	}
	*ret = sandbox;
	return 0;
}

void
sandbox_free(struct sandbox *sandbox)
{
	struct err err;

	if (!sandbox)
		return;
	(void)err_set(&err, ERR_CANCELED, 0, "context canceled");
	list_for_each(l, tmp, &sandbox->waiting)
	{
		struct sandbox_call *kept =
		    list_entry(l, struct sandbox_call, link);
		ttrpc_call_on_cancel(kept->call, NULL, NULL);
		ttrpc_call_fail(kept->call, &err);
		drop(kept);
	}
	if (sandbox->starting)
		cancel_start(sandbox);
	if (sandbox->child) {
		(void)child_signal(sandbox->child, SIGKILL);
		child_free(sandbox->child);
	}
	if (sandbox->grace)
		event_free(sandbox->grace);
	free(sandbox->id);
	free(sandbox->netns);
	free(sandbox);
}
