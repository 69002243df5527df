/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From calls to events: each handler decodes its message, finds the process,
 * and steps its machine with the event that the call stands for. Nothing is
 * decided here but which event that is.
 */
#include "shim/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fsm/fsm.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"
#include "shim/container.h"
#include "shim/identifier.h"
#include "shim/options.h"
#include "shim/process.h"
#include "shim/refuse.h"
#include "shim/reply.h"
#include "shim/request.h"
#include "shim/sandbox-rpc.h"
#include "shim/sandbox.h"
#include "shim/shim.h"

#define NAMESPACE_KEY "containerd-namespace-ttrpc"

/* The events of both machines that a call may stand for. */
struct events {
	enum fsm_init_event init;
	enum fsm_exec_event exec;
};

bool
rpc_decode(struct ttrpc_call *call, const pb_msgdesc_t *fields, void *ret_msg)
{
	size_t len;
	const uint8_t *data = ttrpc_call_payload(call, &len);
	struct err err;

	if (message_decode(fields, data, len, ret_msg, &err) == 0)
		return true;
	(void)err_wrap(&err, "ttrpc: error unmarshalling payload");
	ttrpc_call_fail(call, &err);
	return false;
}

static struct process *
find(struct shim *shim, struct ttrpc_call *call, const char *id,
    const char *exec_id)
{
	struct container *c = container_find(shim, message_str(id));
	struct err err;

	if (!c) {
		(void)refuse_missing_container(&err);
		ttrpc_call_fail(call, &err);
		return NULL;
	}
	struct process *p = container_process(c, message_str(exec_id));
	if (!p) {
		(void)refuse_missing_exec(exec_id, &err);
		ttrpc_call_fail(call, &err);
	}
	return p;
}

static void
step(struct process *p, struct request *req, const struct events *events)
{
	process_event(p,
	    p->is_init ? (unsigned)events->init : (unsigned)events->exec, req);
}

/* The whole of a call that needs nothing but its process. */
static void
submit(struct shim *shim, struct ttrpc_call *call, enum request_kind kind,
    const char *id, const char *exec_id, const struct events *events)
{
	struct process *p = find(shim, call, id, exec_id);
	struct request *req = p ? request_new(call, kind) : NULL;

	if (req)
		step(p, req, events);
}

static void
on_state(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_QUERY, FSM_EXEC_EV_QUERY };
	containerd_task_v2_StateRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_StateRequest_fields, &m))
		return;
	submit(arg, call, REQUEST_STATE, m.id, m.exec_id, &events);
	message_release(containerd_task_v2_StateRequest_fields, &m);
}

static void
on_wait(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_WAIT, FSM_EXEC_EV_WAIT };
	containerd_task_v2_WaitRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_WaitRequest_fields, &m))
		return;
	submit(arg, call, REQUEST_WAIT, m.id, m.exec_id, &events);
	message_release(containerd_task_v2_WaitRequest_fields, &m);
}

static void
on_start(struct ttrpc_call *call, void *arg)
{
	containerd_task_v2_StartRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_StartRequest_fields, &m))
		return;
	struct process *p = find(arg, call, m.id, m.exec_id);
	struct request *req = p ? request_new(call, REQUEST_START) : NULL;
	if (req) {
		bool admitted = fsm_rule_admits_start(p->container->rule);
		const struct events events = { FSM_INIT_EV_START,
			admitted ? FSM_EXEC_EV_START : FSM_EXEC_EV_START_DEAD };
		step(p, req, &events);
	}
	message_release(containerd_task_v2_StartRequest_fields, &m);
}

/* A caller that lost the reply asks again and is told the same. */
static bool
answer_from_tombstone(struct shim *shim, struct ttrpc_call *call,
    const char *id, const char *exec_id)
{
	struct container *c = container_find(shim, id);

	if (c && container_process(c, exec_id))
		return false;
	const struct exit_status *exit =
	    tombstones_find(&shim->tombstones, id, exec_id);
	if (!exit)
		return false;
	reply_call_deleted(call, exit);
	return true;
}

static void
on_delete(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_DELETE, FSM_EXEC_EV_DELETE };
	containerd_task_v2_DeleteRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_DeleteRequest_fields, &m))
		return;
	if (!answer_from_tombstone(
		arg, call, message_str(m.id), message_str(m.exec_id)))
		submit(arg, call, REQUEST_DELETE, m.id, m.exec_id, &events);
	message_release(containerd_task_v2_DeleteRequest_fields, &m);
}

static void
on_pids(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_QUERY, FSM_EXEC_EV_QUERY };
	containerd_task_v2_PidsRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_PidsRequest_fields, &m))
		return;
	/* It answers to its id where containerd looks whether a shim lives,
	 * which wants to hear of a process. */
	const struct sandbox *sandbox =
	    container_find(arg, message_str(m.id))
		? NULL
		: sandbox_find(arg, message_str(m.id));
	if (sandbox)
		reply_call_pid(
		    call, (uint32_t)(sandbox->pid ? sandbox->pid : getpid()));
	else
		submit(arg, call, REQUEST_PIDS, m.id, "", &events);
	message_release(containerd_task_v2_PidsRequest_fields, &m);
}

static void
on_stats(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_QUERY, FSM_EXEC_EV_QUERY };
	containerd_task_v2_StatsRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_StatsRequest_fields, &m))
		return;
	submit(arg, call, REQUEST_STATS, m.id, "", &events);
	message_release(containerd_task_v2_StatsRequest_fields, &m);
}

static void
on_pause(struct ttrpc_call *call, void *arg)
{
	const struct events events = { .init = FSM_INIT_EV_PAUSE };
	containerd_task_v2_PauseRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_PauseRequest_fields, &m))
		return;
	submit(arg, call, REQUEST_PAUSE, m.id, "", &events);
	message_release(containerd_task_v2_PauseRequest_fields, &m);
}

static void
on_resume(struct ttrpc_call *call, void *arg)
{
	const struct events events = { .init = FSM_INIT_EV_RESUME };
	containerd_task_v2_ResumeRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_ResumeRequest_fields, &m))
		return;
	submit(arg, call, REQUEST_RESUME, m.id, "", &events);
	message_release(containerd_task_v2_ResumeRequest_fields, &m);
}

static struct events
kill_events(uint32_t signal, bool all)
{
	bool kill9 = signal == 9;
	struct events events = {
		.exec = kill9 ? FSM_EXEC_EV_KILL9 : FSM_EXEC_EV_KILL,
	};

	if (all)
		events.init =
		    kill9 ? FSM_INIT_EV_KILL9_ALL : FSM_INIT_EV_KILL_ALL;
	else
		events.init = kill9 ? FSM_INIT_EV_KILL9 : FSM_INIT_EV_KILL;
	return events;
}

static void
on_kill(struct ttrpc_call *call, void *arg)
{
	containerd_task_v2_KillRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_KillRequest_fields, &m))
		return;
	struct process *p = find(arg, call, m.id, m.exec_id);
	struct request *req = p ? request_new(call, REQUEST_KILL) : NULL;
	if (req) {
		const struct events events = kill_events(m.signal, m.all);
		req->signal = m.signal;
		step(p, req, &events);
	}
	message_release(containerd_task_v2_KillRequest_fields, &m);
}

static void
on_resize(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_RESIZE, FSM_EXEC_EV_RESIZE };
	containerd_task_v2_ResizePtyRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_ResizePtyRequest_fields, &m))
		return;
	struct process *p = find(arg, call, m.id, m.exec_id);
	struct request *req = p ? request_new(call, REQUEST_RESIZE) : NULL;
	if (req) {
		/* Truncated, as in the Go shim: the kernel has 16 bits. */
		req->width = (uint16_t)m.width;
		req->height = (uint16_t)m.height;
		step(p, req, &events);
	}
	message_release(containerd_task_v2_ResizePtyRequest_fields, &m);
}

static void
on_close_io(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_CLOSE_IO,
		FSM_EXEC_EV_CLOSE_IO };
	containerd_task_v2_CloseIORequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_CloseIORequest_fields, &m))
		return;
	submit(arg, call, REQUEST_CLOSE_IO, m.id, m.exec_id, &events);
	message_release(containerd_task_v2_CloseIORequest_fields, &m);
}

/* Never fails: containerd asks also after containers that are gone. */
static void
on_connect(struct ttrpc_call *call, void *arg)
{
	const struct events events = { FSM_INIT_EV_QUERY, FSM_EXEC_EV_QUERY };
	containerd_task_v2_ConnectRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_ConnectRequest_fields, &m))
		return;
	const struct sandbox *sandbox = sandbox_find(arg, message_str(m.id));
	if (container_find(arg, message_str(m.id)))
		submit(arg, call, REQUEST_CONNECT, m.id, "", &events);
	else
		reply_call_connect(call, sandbox ? (uint32_t)sandbox->pid : 0);
	message_release(containerd_task_v2_ConnectRequest_fields, &m);
}

/* With containers left it does nothing: in a pod, each member's end asks. */
static void
on_shutdown(struct ttrpc_call *call, void *arg)
{
	struct shim *shim = arg;
	containerd_task_v2_ShutdownRequest m = { 0 };

	if (!rpc_decode(call, containerd_task_v2_ShutdownRequest_fields, &m))
		return;
	ttrpc_call_reply(call, NULL, 0);
	/* A sandbox outlives its containers: it has a Shutdown of its own. */
	if (list_empty(&shim->containers) && !shim->sandbox)
		shim_end(shim);
	message_release(containerd_task_v2_ShutdownRequest_fields, &m);
}

/* ---- messages that are needed longer than their handler runs ---- */

static void
free_create(void *message)
{
	message_release(containerd_task_v2_CreateTaskRequest_fields, message);
	free(message);
}

static void
free_exec(void *message)
{
	message_release(containerd_task_v2_ExecProcessRequest_fields, message);
	free(message);
}

static void
free_update(void *message)
{
	message_release(containerd_task_v2_UpdateTaskRequest_fields, message);
	free(message);
}

static void
free_checkpoint(void *message)
{
	message_release(
	    containerd_task_v2_CheckpointTaskRequest_fields, message);
	free(message);
}

/* A request that owns its decoded message of `size` bytes; NULL: answered. */
static struct request *
request_with(struct ttrpc_call *call, enum request_kind kind,
    const pb_msgdesc_t *fields, size_t size, void (*message_free)(void *))
{
	struct err err;
	void *m = calloc(1, size);

	if (!m) {
		(void)err_set_errno(&err, ENOMEM, "decode request");
		ttrpc_call_fail(call, &err);
		return NULL;
	}
	if (!rpc_decode(call, fields, m)) {
		free(m);
		return NULL;
	}
	struct request *req = request_new(call, kind);
	if (!req) {
		message_free(m);
		return NULL;
	}
	req->message = m;
	req->message_free = message_free;
	return req;
}

static void
step_init(struct shim *shim, struct request *req, const char *id,
    enum fsm_init_event event)
{
	struct container *c = container_find(shim, message_str(id));
	struct err err;

	if (c) {
		process_event(&c->init, event, req);
		return;
	}
	(void)refuse_missing_container(&err);
	request_fail(req, &err);
}

static void
on_update(struct ttrpc_call *call, void *arg)
{
	struct request *req = request_with(call, REQUEST_UPDATE,
	    containerd_task_v2_UpdateTaskRequest_fields,
	    sizeof(containerd_task_v2_UpdateTaskRequest), free_update);

	if (!req)
		return;
	const containerd_task_v2_UpdateTaskRequest *m = req->message;
	step_init(arg, req, m->id, FSM_INIT_EV_UPDATE);
}

static void
on_checkpoint(struct ttrpc_call *call, void *arg)
{
	struct request *req = request_with(call, REQUEST_CHECKPOINT,
	    containerd_task_v2_CheckpointTaskRequest_fields,
	    sizeof(containerd_task_v2_CheckpointTaskRequest), free_checkpoint);

	if (!req)
		return;
	const containerd_task_v2_CheckpointTaskRequest *m = req->message;
	step_init(arg, req, m->id, FSM_INIT_EV_CHECKPOINT);
}

/* "init" is taken: a pid file is named after the process. */
static int
check_exec_id(const char *exec_id, struct err *err)
{
	if (strcmp(exec_id, "init") == 0)
		return err_set(err, ERR_ALREADY_EXISTS, EEXIST,
		    "id %s: already exists", exec_id);
	return identifier_check(exec_id, err);
}

static void
on_exec(struct ttrpc_call *call, void *arg)
{
	struct request *req = request_with(call, REQUEST_EXEC,
	    containerd_task_v2_ExecProcessRequest_fields,
	    sizeof(containerd_task_v2_ExecProcessRequest), free_exec);
	struct err err;

	if (!req)
		return;
	const containerd_task_v2_ExecProcessRequest *m = req->message;
	if (check_exec_id(message_str(m->exec_id), &err) < 0)
		request_fail(req, &err);
	else
		step_init(arg, req, m->id, FSM_INIT_EV_EXEC);
}

/* ---- Create ---- */

static void
on_create_cancelled(struct ttrpc_call *call, enum err_code why, void *arg)
{
	struct container *c = arg;

	(void)call;
	if (why == ERR_CANCELED)
		c->unwanted = true;
	process_event(&c->init, FSM_INIT_EV_CANCEL, NULL);
}

/* Nobody would be there to look after it. */
static int
check_ending(const struct shim *shim, struct err *err)
{
	if (!shim->ending)
		return 0;
	return err_set(err, ERR_UNAVAILABLE, ESHUTDOWN,
	    "the shim is shutting down: unavailable");
}

static int
check_create(const struct ttrpc_call *call,
    const containerd_task_v2_CreateTaskRequest *m, struct err *err)
{
	const char *ns = ttrpc_call_metadata(call, NAMESPACE_KEY);

	/* containerd 1.6 sends none; the command line has told us anyway. */
	if (ns && identifier_check(ns, err) < 0)
		return err_wrap(err, "create namespace");
	int r = identifier_check(message_str(m->id), err);
	if (r == 0 && message_str(m->bundle)[0] != '/')
		r = err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "bundle '%s' is not an absolute path: invalid argument",
		    message_str(m->bundle));
	return r;
}

static int
fill_init(struct container *c, const containerd_task_v2_CreateTaskRequest *m,
    struct err *err)
{
	struct process *p = &c->init;

	p->in = strdup(message_str(m->stdin));
	p->out = strdup(message_str(m->stdout));
	p->err = strdup(message_str(m->stderr));
	p->terminal = m->terminal;
	c->checkpoint = strdup(message_str(m->checkpoint));
	c->parent_checkpoint = strdup(message_str(m->parent_checkpoint));
	bool whole =
	    p->in && p->out && p->err && c->checkpoint && c->parent_checkpoint;
	return whole ? 0 : err_set_errno(err, ENOMEM, "create");
}

static int
make_container(struct shim *shim, const containerd_task_v2_CreateTaskRequest *m,
    struct container **ret, struct err *err)
{
	struct task_options options = { 0 };
	struct container *c;

	int r = options_decode(message_str(m->options.type_url),
	    m->options.value.data, m->options.value.len, &options, err);
	if (r < 0)
		return r;
	r = container_new(shim, m->id, m->bundle, &options, &c, err);
	if (r < 0)
		return r;
	r = fill_init(c, m, err);
	if (r < 0) {
		container_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void
on_create(struct ttrpc_call *call, void *arg)
{
	struct request *req = request_with(call, REQUEST_CREATE,
	    containerd_task_v2_CreateTaskRequest_fields,
	    sizeof(containerd_task_v2_CreateTaskRequest), free_create);
	struct err err;

	if (!req)
		return;
	const containerd_task_v2_CreateTaskRequest *m = req->message;
	enum fsm_init_event event =
	    m->checkpoint ? FSM_INIT_EV_CREATE_CKPT : FSM_INIT_EV_CREATE;
	int r = check_ending(arg, &err);
	if (r == 0)
		r = check_create(call, m, &err);
	struct container *c =
	    r < 0 ? NULL : container_find(arg, message_str(m->id));
	if (r == 0 && !c) {
		r = make_container(arg, m, &c, &err);
		if (r == 0)
			ttrpc_call_on_cancel(call, on_create_cancelled, c);
	}
	if (r < 0)
		request_fail(req, &err);
	else
		process_event(&c->init, event, req);
}

/* ---- the table ---- */

#define TASK(method_, handler_)                                                \
	{ "containerd.task.v2.Task", (method_), (handler_) },                  \
	{                                                                      \
		"containerd.task.v3.Task", (method_), (handler_)               \
	}

#define SANDBOX(method_, handler_)                                             \
	{                                                                      \
		"containerd.runtime.sandbox.v1.Sandbox", (method_), (handler_) \
	}

const struct ttrpc_method rpc_methods[] = {
	TASK("State", on_state),
	TASK("Create", on_create),
	TASK("Start", on_start),
	TASK("Delete", on_delete),
	TASK("Pids", on_pids),
	TASK("Stats", on_stats),
	TASK("Pause", on_pause),
	TASK("Resume", on_resume),
	TASK("Checkpoint", on_checkpoint),
	TASK("Kill", on_kill),
	TASK("Exec", on_exec),
	TASK("ResizePty", on_resize),
	TASK("CloseIO", on_close_io),
	TASK("Update", on_update),
	TASK("Wait", on_wait),
	TASK("Connect", on_connect),
	TASK("Shutdown", on_shutdown),
	SANDBOX("CreateSandbox", sandbox_on_create),
	SANDBOX("StartSandbox", sandbox_on_start),
	SANDBOX("Platform", sandbox_on_platform),
	SANDBOX("StopSandbox", sandbox_on_stop),
	SANDBOX("WaitSandbox", sandbox_on_wait),
	SANDBOX("SandboxStatus", sandbox_on_status),
	SANDBOX("PingSandbox", sandbox_on_ping),
	SANDBOX("ShutdownSandbox", sandbox_on_shutdown),
	SANDBOX("SandboxMetrics", sandbox_on_metrics),
};

const size_t rpc_methods_n = sizeof(rpc_methods) / sizeof(rpc_methods[0]);
