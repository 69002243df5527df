/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoders of containerd.events. They borrow their arguments for the time of
 * the call and own nothing but the result, so nothing here is released by
 * nanopb except the mount array, which is ours.
 *
 * type_urls are bare message names: containerd registers the events under those
 * and does not know them with a host in front.
 */
#include "ipc/events.h"

#include <errno.h>

#include "base/cleanup.h"
#include "ipc/message.h"
#include "ipc/proto/events.pb.h"
#include "ipc/timestamp.h"

#define EVENT_INFO(name, path, message, cls)                                   \
	[EVENT_##name] = { .topic = path,                                      \
		.type_url = "containerd.events." message,                      \
		.class = cls },
static const struct event_info infos[EVENT_KINDS] = { EVENT_TABLE(EVENT_INFO) };
#undef EVENT_INFO

const struct event_info *
event_info(enum event_kind kind)
{
	return &infos[kind];
}

/* The number of entries as nanopb counts them. */
static int
count_set(size_t n, pb_size_t *ret, struct err *err)
{
	if (n > PB_SIZE_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT, E2BIG,
		    "too many entries for an event: %zu", n);
	*ret = (pb_size_t)n;
	return 0;
}

static int
mount_fill(
    containerd_types_Mount *ret, const struct event_mount *m, struct err *err)
{
	union {
		char *const *in;
		char **out;
	} options = { .in = m->options };

	*ret = (containerd_types_Mount){
		.type = message_borrow(m->type),
		.source = message_borrow(m->source),
		.target = message_borrow(m->target),
		.options = options.out,
	};
	return count_set(m->n_options, &ret->options_count, err);
}

int
event_task_create(
    const struct event_create *event, struct bytes *ret, struct err *err)
{
	containerd_events_TaskCreate msg = {
		.container_id = message_borrow(event->container_id),
		.bundle = message_borrow(event->bundle),
		.has_io = true,
		.io = { .stdin = message_borrow(event->stdin_path),
		    .stdout = message_borrow(event->stdout_path),
		    .stderr = message_borrow(event->stderr_path),
		    .terminal = event->terminal },
		.checkpoint = message_borrow(event->checkpoint),
		.pid = event->pid,
	};
	cleanup_free containerd_types_Mount *rootfs = NULL;

	int r = count_set(event->n_rootfs, &msg.rootfs_count, err);
	if (r < 0)
		return r;
	rootfs = calloc(event->n_rootfs + 1, sizeof(*rootfs));
	if (!rootfs)
		return err_set_errno(err, ENOMEM, "encode event");
	msg.rootfs = rootfs;
	for (size_t i = 0; i < event->n_rootfs; i++) {
		r = mount_fill(&rootfs[i], &event->rootfs[i], err);
		if (r < 0)
			return r;
	}
	return message_encode(
	    containerd_events_TaskCreate_fields, &msg, ret, err);
}

int
event_task_start(
    const struct event_start *event, struct bytes *ret, struct err *err)
{
	containerd_events_TaskStart msg = {
		.container_id = message_borrow(event->container_id),
		.pid = event->pid,
	};

	return message_encode(
	    containerd_events_TaskStart_fields, &msg, ret, err);
}

int
event_task_delete(
    const struct event_delete *event, struct bytes *ret, struct err *err)
{
	containerd_events_TaskDelete msg = {
		.container_id = message_borrow(event->container_id),
		.pid = event->pid,
		.exit_status = event->exit_status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(event->exited_at),
		.id = message_borrow(event->exec_id),
	};

	return message_encode(
	    containerd_events_TaskDelete_fields, &msg, ret, err);
}

int
event_task_exit(
    const struct event_exit *event, struct bytes *ret, struct err *err)
{
	containerd_events_TaskExit msg = {
		.container_id = message_borrow(event->container_id),
		.id = message_borrow(
		    event->exec_id ? event->exec_id : event->container_id),
		.pid = event->pid,
		.exit_status = event->exit_status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(event->exited_at),
	};

	return message_encode(
	    containerd_events_TaskExit_fields, &msg, ret, err);
}

int
event_task_oom(const char *container_id, struct bytes *ret, struct err *err)
{
	containerd_events_TaskOOM msg = {
		.container_id = message_borrow(container_id),
	};

	return message_encode(containerd_events_TaskOOM_fields, &msg, ret, err);
}

int
event_task_exec_added(const char *container_id, const char *exec_id,
    struct bytes *ret, struct err *err)
{
	containerd_events_TaskExecAdded msg = {
		.container_id = message_borrow(container_id),
		.exec_id = message_borrow(exec_id),
	};

	return message_encode(
	    containerd_events_TaskExecAdded_fields, &msg, ret, err);
}

int
event_task_exec_started(
    const struct event_exec_started *event, struct bytes *ret, struct err *err)
{
	containerd_events_TaskExecStarted msg = {
		.container_id = message_borrow(event->container_id),
		.exec_id = message_borrow(event->exec_id),
		.pid = event->pid,
	};

	return message_encode(
	    containerd_events_TaskExecStarted_fields, &msg, ret, err);
}

int
event_task_paused(const char *container_id, struct bytes *ret, struct err *err)
{
	containerd_events_TaskPaused msg = {
		.container_id = message_borrow(container_id),
	};

	return message_encode(
	    containerd_events_TaskPaused_fields, &msg, ret, err);
}

int
event_task_resumed(const char *container_id, struct bytes *ret, struct err *err)
{
	containerd_events_TaskResumed msg = {
		.container_id = message_borrow(container_id),
	};

	return message_encode(
	    containerd_events_TaskResumed_fields, &msg, ret, err);
}
