/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process to the answers about it.
 */
#include "shim/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cgroups/cgroup.h"
#include "fsm/fsm.h"
#include "ipc/any.h"
#include "ipc/message.h"
#include "ipc/proto/runc.pb.h"
#include "ipc/proto/task.pb.h"
#include "ipc/server.h"
#include "ipc/timestamp.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/process.h"
#include "shim/request.h"
#include "shim/stats.h"

static void
reply(struct request *req, const pb_msgdesc_t *fields, const void *message)
{
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	if (message_encode(fields, message, &body, &err) < 0)
		request_fail(req, &err);
	else
		request_reply(req, body.data, body.len);
}

void
reply_call(
    struct ttrpc_call *call, const pb_msgdesc_t *fields, const void *message)
{
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	if (message_encode(fields, message, &body, &err) < 0)
		ttrpc_call_fail(call, &err);
	else
		ttrpc_call_reply(call, body.data, body.len);
}

void
reply_call_pid(struct ttrpc_call *call, uint32_t pid)
{
	containerd_task_v2_ProcessInfo info = { .pid = pid };
	containerd_task_v2_PidsResponse m = {
		.processes_count = 1,
		.processes = &info,
	};

	reply_call(call, containerd_task_v2_PidsResponse_fields, &m);
}

static containerd_task_v2_DeleteResponse
delete_response(const struct exit_status *exit)
{
	containerd_task_v2_DeleteResponse m = {
		.pid = exit->pid,
		.exit_status = exit->status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(exit->at_ns),
	};

	return m;
}

void
reply_call_deleted(struct ttrpc_call *call, const struct exit_status *exit)
{
	containerd_task_v2_DeleteResponse m = delete_response(exit);

	reply_call(call, containerd_task_v2_DeleteResponse_fields, &m);
}

static void
reply_delete(struct request *req, const struct process *p)
{
	containerd_task_v2_DeleteResponse m = delete_response(&p->exit);

	reply(req, containerd_task_v2_DeleteResponse_fields, &m);
}

static void
reply_create(struct request *req, const struct process *p)
{
	containerd_task_v2_CreateTaskResponse m = { .pid = (uint32_t)p->pid };

	reply(req, containerd_task_v2_CreateTaskResponse_fields, &m);
}

static void
reply_start(struct request *req, const struct process *p)
{
	containerd_task_v2_StartResponse m = { .pid = (uint32_t)p->pid };

	reply(req, containerd_task_v2_StartResponse_fields, &m);
}

static void
reply_wait(struct request *req, const struct process *p)
{
	containerd_task_v2_WaitResponse m = {
		.exit_status = p->exit.status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(p->exit.at_ns),
	};

	reply(req, containerd_task_v2_WaitResponse_fields, &m);
}

/* A frozen container freezes its execs too. */
static enum fsm_status
status_of(const struct process *p)
{
	enum fsm_status init =
	    fsm_init_status((enum fsm_init_state)p->container->init.state);
	enum fsm_status own =
	    p->is_init ? init : fsm_exec_status((enum fsm_exec_state)p->state);

	if (own != FSM_STATUS_STOPPED &&
	    (init == FSM_STATUS_PAUSED || init == FSM_STATUS_PAUSING))
		return init;
	return own;
}

static void
reply_state(struct request *req, const struct process *p)
{
	enum fsm_status status = status_of(p);
	containerd_task_v2_StateResponse m = {
		.id = message_borrow(p->id),
		.bundle = message_borrow(p->container->bundle),
		.pid = (uint32_t)p->pid,
		.status = (containerd_task_v2_Status)status,
		.stdin = message_borrow(p->in),
		.stdout = message_borrow(p->out),
		.stderr = message_borrow(p->err),
		.terminal = p->terminal,
		.exit_status = p->exit.status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(p->exit.at_ns),
	};

	reply(req, containerd_task_v2_StateResponse_fields, &m);
}

static containerd_task_v2_ConnectResponse
connect_response(uint32_t task_pid)
{
	containerd_task_v2_ConnectResponse m = {
		.shim_pid = (uint32_t)getpid(),
		.task_pid = task_pid,
	};

	return m;
}

void
reply_call_connect(struct ttrpc_call *call, uint32_t task_pid)
{
	containerd_task_v2_ConnectResponse m = connect_response(task_pid);

	reply_call(call, containerd_task_v2_ConnectResponse_fields, &m);
}

static void
reply_connect(struct request *req, const struct process *p)
{
	containerd_task_v2_ConnectResponse m =
	    connect_response((uint32_t)p->pid);

	reply(req, containerd_task_v2_ConnectResponse_fields, &m);
}

static const struct process *
exec_of_pid(const struct container *c, pid_t pid)
{
	list_for_each(l, tmp, &c->execs)
	{
		const struct process *p = list_entry(l, struct process, link);
		if ((p->inner_pid ? p->inner_pid : p->pid) == pid && p->child)
			return p;
	}
	return NULL;
}

/* One entry of Pids; details is room for the encoded detail that info borrows.
 */
static int
fill_info(const struct container *c, pid_t pid,
    containerd_task_v2_ProcessInfo *info, struct bytes *details,
    struct err *err)
{
	const struct process *exec = exec_of_pid(c, pid);

	info->pid = (uint32_t)pid;
	if (!exec)
		return 0;
	containerd_runc_v1_ProcessDetails m = { .exec_id =
						    message_borrow(exec->id) };
	int r = message_encode(
	    containerd_runc_v1_ProcessDetails_fields, &m, details, err);
	if (r < 0)
		return r;
	info->has_info = true;
	info->info.type_url = message_borrow(ANY_PROCESS_DETAILS);
	info->info.value = *details;
	return 0;
}

/* Processes of a container that has no cgroup of its own: those we know. */
static int
known_pids(const struct container *c, pid_t **ret, size_t *ret_n)
{
	size_t n = 0, max = 1;

	list_for_each(l, tmp, &c->execs)
	{
		max++;
	}
	pid_t *pids = calloc(max, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	if (c->init.child)
		pids[n++] = c->init.pid;
	list_for_each(l, tmp, &c->execs)
	{
		const struct process *p = list_entry(l, struct process, link);
		if (p->child)
			pids[n++] = p->pid;
	}
	*ret = pids;
	*ret_n = n;
	return 0;
}

static int
live_pids(
    const struct container *c, pid_t **ret, size_t *ret_n, struct err *err)
{
	if (c->cgroup)
		return cgroup_pids(c->cgroup, ret, ret_n, err);
	int r = known_pids(c, ret, ret_n);
	return r < 0 ? err_set_errno(err, -r, "list processes") : 0;
}

/* An init that has ended is listed until it is deleted: containerd 1.7 and
 * newer, when it starts, takes a task without any process for the rest of a
 * failed create, and deletes it, and with it an exit status that nobody has
 * seen (loadShims in its runtime v2). */
static int
list_pids(
    const struct container *c, pid_t **ret, size_t *ret_n, struct err *err)
{
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;

	int r = live_pids(c, &pids, &n, err);
	if (r < 0)
		return r;
	if (n == 0 && c->init.pid > 0) {
		free(pids);
		pids = malloc(sizeof(*pids));
		if (!pids)
			return err_set_errno(err, ENOMEM, "list processes");
		pids[n++] = c->init.pid;
	}
	*ret = take_ptr(pids);
	*ret_n = n;
	return 0;
}

void
reply_pid_list(
    struct request *req, const struct container *c, const pid_t *pids, size_t n)
{
	struct err err;
	int r = 0;

	if (n > UINT16_MAX) {
		(void)err_set(&err, ERR_RESOURCE_EXHAUSTED, E2BIG,
		    "%zu processes are more than an answer can hold", n);
		request_fail(req, &err);
		return;
	}
	cleanup_free containerd_task_v2_ProcessInfo *infos =
	    calloc(n + 1, sizeof(*infos));
	cleanup_free struct bytes *details = calloc(n + 1, sizeof(*details));
	if (!infos || !details)
		r = err_set_errno(&err, ENOMEM, "list processes");
	for (size_t i = 0; r == 0 && i < n; i++)
		r = fill_info(c, pids[i], &infos[i], &details[i], &err);
	if (r == 0) {
		containerd_task_v2_PidsResponse m = {
			.processes_count = (pb_size_t)n,
			.processes = infos,
		};
		reply(req, containerd_task_v2_PidsResponse_fields, &m);
	} else {
		request_fail(req, &err);
	}
	for (size_t i = 0; details && i < n; i++)
		bytes_free(&details[i]);
}

void
reply_pids(struct container *c, struct request *req)
{
	cleanup_free pid_t *pids = NULL;
	struct err err;
	size_t n = 0;

	if (list_pids(c, &pids, &n, &err) < 0)
		request_fail(req, &err);
	else
		reply_pid_list(req, c, pids, n);
}

void
reply_stats_part(struct request *req, const struct container *c,
    const struct stats_part *part)
{
	cleanup_bytes struct bytes value = { 0 };
	const char *type_url;
	struct err err;

	if (stats_encode(c->cgroup, part, &type_url, &value, &err) < 0) {
		request_fail(req, &err);
		return;
	}
	containerd_task_v2_StatsResponse m = {
		.has_stats = true,
		.stats = { .type_url = message_borrow(type_url),
		    .value = value },
	};
	reply(req, containerd_task_v2_StatsResponse_fields, &m);
}

void
reply_stats(struct container *c, struct request *req)
{
	reply_stats_part(req, c, /* part= */ NULL);
}

void
reply_done(struct request *req, struct process *p)
{
	if (!req)
		return;
	switch (req->kind) {
	case REQUEST_CREATE:
		reply_create(req, p);
		return;
	case REQUEST_START:
		reply_start(req, p);
		return;
	case REQUEST_DELETE:
		reply_delete(req, p);
		return;
	case REQUEST_WAIT:
		reply_wait(req, p);
		return;
	case REQUEST_STATE:
		reply_state(req, p);
		return;
	case REQUEST_PIDS:
		p->container->driver->pids(p->container, req);
		return;
	case REQUEST_STATS:
		p->container->driver->stats(p->container, req);
		return;
	case REQUEST_CONNECT:
		reply_connect(req, p);
		return;
	case REQUEST_EXEC:
	case REQUEST_PAUSE:
	case REQUEST_RESUME:
	case REQUEST_UPDATE:
	case REQUEST_CHECKPOINT:
	case REQUEST_KILL:
	case REQUEST_RESIZE:
	case REQUEST_CLOSE_IO:
		request_reply(req, NULL, 0);
		return;
	}
}
