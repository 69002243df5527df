/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process to the events that tell of it.
 */
#include "shim/announce.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "ipc/events.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"
#include "ipc/publish.h"
#include "shim/container.h"
#include "shim/op.h"
#include "shim/process.h"
#include "shim/request.h"
#include "shim/shim.h"

/* encoded is the result of the encoder that filled body and err. */
static void
push(struct process *p, enum event_kind kind, int encoded, struct bytes *body,
    struct err *err)
{
	const struct event_info *info = event_info(kind);
	struct container *c = p->container;

	if (encoded == 0)
		encoded = publisher_push(c->shim->publisher, info->class, c->id,
		    info->topic, info->type_url, body->data, body->len, err);
	if (encoded < 0)
		log_task(LOG_LEVEL_ERROR, c->id, p->is_init ? NULL : p->id,
		    "event %s is lost: %s", info->topic, err->msg);
}

static struct event_mount *
mounts_of(const containerd_task_v2_CreateTaskRequest *m)
{
	struct event_mount *mounts = calloc(m->rootfs_count, sizeof(*mounts));

	for (size_t i = 0; mounts && i < m->rootfs_count; i++) {
		mounts[i] = (struct event_mount){
			.type = m->rootfs[i].type,
			.source = m->rootfs[i].source,
			.target = m->rootfs[i].target,
			.options = m->rootfs[i].options,
			.n_options = m->rootfs[i].options_count,
		};
	}
	return mounts;
}

/* The request of Create is still there: its reply comes after its event. */
void
announce_create(struct process *p)
{
	const containerd_task_v2_CreateTaskRequest *m = p->op->req->message;
	cleanup_free struct event_mount *mounts = mounts_of(m);
	struct event_create event = {
		.container_id = p->container->id,
		.bundle = p->container->bundle,
		.rootfs = mounts,
		.n_rootfs = mounts ? m->rootfs_count : 0,
		.stdin_path = p->in,
		.stdout_path = p->out,
		.stderr_path = p->err,
		.terminal = p->terminal,
		.checkpoint = p->container->checkpoint,
		.pid = (uint32_t)p->pid,
	};
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, EVENT_TASK_CREATE, event_task_create(&event, &body, &err),
	    &body, &err);
}

void
announce_exec_added(struct process *p)
{
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, EVENT_TASK_EXEC_ADDED,
	    event_task_exec_added(p->container->id, p->id, &body, &err), &body,
	    &err);
}

static void
announce_init_start(struct process *p)
{
	struct event_start event = {
		.container_id = p->container->id,
		.pid = (uint32_t)p->pid,
	};
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, EVENT_TASK_START, event_task_start(&event, &body, &err), &body,
	    &err);
}

static void
announce_exec_start(struct process *p)
{
	struct event_exec_started event = {
		.container_id = p->container->id,
		.exec_id = p->id,
		.pid = (uint32_t)p->pid,
	};
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, EVENT_TASK_EXEC_STARTED,
	    event_task_exec_started(&event, &body, &err), &body, &err);
}

void
announce_start(struct process *p)
{
	if (p->is_init)
		announce_init_start(p);
	else
		announce_exec_start(p);
}

/* The events that say nothing but which container. */
typedef int encode_id_fn(
    const char *container_id, struct bytes *ret, struct err *err);

static void
announce_id(struct process *p, enum event_kind kind, encode_id_fn *encode)
{
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, kind, encode(p->container->id, &body, &err), &body, &err);
}

void
announce_paused(struct process *p)
{
	announce_id(p, EVENT_TASK_PAUSED, event_task_paused);
}

void
announce_resumed(struct process *p)
{
	announce_id(p, EVENT_TASK_RESUMED, event_task_resumed);
}

void
announce_oom(struct process *p)
{
	announce_id(p, EVENT_TASK_OOM, event_task_oom);
}

void
announce_exit(struct process *p)
{
	struct event_exit event = {
		.container_id = p->container->id,
		.exec_id = p->is_init ? NULL : p->id,
		.pid = p->exit.pid,
		.exit_status = p->exit.status,
		.exited_at = p->exit.at_ns,
	};
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, EVENT_TASK_EXIT, event_task_exit(&event, &body, &err), &body,
	    &err);
}

void
announce_delete(struct process *p)
{
	struct event_delete event = {
		.container_id = p->container->id,
		.pid = p->exit.pid,
		.exit_status = p->exit.status,
		.exited_at = p->exit.at_ns,
	};
	cleanup_bytes struct bytes body = { 0 };
	struct err err;

	push(p, EVENT_TASK_DELETE, event_task_delete(&event, &body, &err),
	    &body, &err);
}
