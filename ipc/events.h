/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_EVENTS_H
#define IPC_EVENTS_H

/*
 * containerd.events: what a shim tells about its tasks. One function for each
 * event encodes it into a new buffer (bytes_free()); publisher_push() takes the
 * body with the topic, type_url and class of event_info(). Strings may be NULL
 * for "". A list of more than 65535 entries is refused with INVALID_ARGUMENT.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "ipc/publish.h"

/* X(name, topic, message, publish class) */
#define EVENT_TABLE(X)                                                         \
	X(TASK_CREATE, "/tasks/create", "TaskCreate", PUBLISH_KEEP)            \
	X(TASK_START, "/tasks/start", "TaskStart", PUBLISH_KEEP)               \
	X(TASK_DELETE, "/tasks/delete", "TaskDelete", PUBLISH_KEEP)            \
	X(TASK_EXIT, "/tasks/exit", "TaskExit", PUBLISH_KEEP)                  \
	X(TASK_OOM, "/tasks/oom", "TaskOOM", PUBLISH_OOM)                      \
	X(TASK_EXEC_ADDED, "/tasks/exec-added", "TaskExecAdded", PUBLISH_KEEP) \
	X(TASK_EXEC_STARTED, "/tasks/exec-started", "TaskExecStarted",         \
	    PUBLISH_KEEP)                                                      \
	X(TASK_PAUSED, "/tasks/paused", "TaskPaused", PUBLISH_PAUSED)          \
	X(TASK_RESUMED, "/tasks/resumed", "TaskResumed", PUBLISH_RESUMED)

#define EVENT_ENUM_(name, topic, message, class) EVENT_##name,
enum event_kind { EVENT_TABLE(EVENT_ENUM_) EVENT_KINDS };
#undef EVENT_ENUM_

struct event_info {
	const char *topic, *type_url;
	enum publish_class class;
};

/* kind is one of the table, not EVENT_KINDS. */
const struct event_info *event_info(enum event_kind kind);

/* One mount of the root filesystem, as it came with Create. */
struct event_mount {
	const char *type, *source, *target;
	char *const *options;
	size_t n_options;
};

struct event_create {
	const char *container_id, *bundle;
	const struct event_mount *rootfs;
	size_t n_rootfs;
	const char *stdin_path, *stdout_path, *stderr_path;
	bool terminal;
	const char *checkpoint;
	uint32_t pid;
};

struct event_start {
	const char *container_id;
	uint32_t pid;
};

/* exited_at is in nanoseconds since 1970, or TIMESTAMP_NEVER. */
struct event_delete {
	const char *container_id;
	uint32_t pid, exit_status;
	int64_t exited_at;
	const char *exec_id; /* NULL for the init process */
};

struct event_exit {
	const char *container_id;
	const char *exec_id; /* NULL for the init process */
	uint32_t pid, exit_status;
	int64_t exited_at;
};

struct event_exec_started {
	const char *container_id, *exec_id;
	uint32_t pid;
};

int event_task_create(
    const struct event_create *event, struct bytes *ret, struct err *err);
int event_task_start(
    const struct event_start *event, struct bytes *ret, struct err *err);
int event_task_delete(
    const struct event_delete *event, struct bytes *ret, struct err *err);
/* The id of an init's exit is the container's: the CRI plugin matches on it. */
int event_task_exit(
    const struct event_exit *event, struct bytes *ret, struct err *err);
int event_task_oom(
    const char *container_id, struct bytes *ret, struct err *err);
int event_task_exec_added(const char *container_id, const char *exec_id,
    struct bytes *ret, struct err *err);
int event_task_exec_started(
    const struct event_exec_started *event, struct bytes *ret, struct err *err);
int event_task_paused(
    const char *container_id, struct bytes *ret, struct err *err);
int event_task_resumed(
    const char *container_id, struct bytes *ret, struct err *err);

#endif
