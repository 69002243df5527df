/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

/*
 * One accepted RPC, from its arrival to its answer. It is answered exactly
 * once, which also frees it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct op;
struct ttrpc_call;

enum request_kind {
	REQUEST_CREATE,
	REQUEST_START,
	REQUEST_DELETE,
	REQUEST_EXEC,
	REQUEST_PAUSE,
	REQUEST_RESUME,
	REQUEST_UPDATE,
	REQUEST_CHECKPOINT,
	REQUEST_KILL,
	REQUEST_WAIT,
	REQUEST_STATE,
	REQUEST_PIDS,
	REQUEST_STATS,
	REQUEST_CONNECT,
	REQUEST_RESIZE,
	REQUEST_CLOSE_IO,
};

struct request {
	struct list link; /* in a process's waiters or queue */
	struct ttrpc_call *call;
	enum request_kind kind;
	unsigned event;  /* the machine event it stands for, while queued */
	uint32_t signal; /* KILL */
	uint16_t width, height; /* RESIZE */
	void *message; /* the decoded message where it is needed later */
	void (*message_free)(void *message);
	struct op *op; /* room for the operation that it may begin, else NULL */
};

/* NULL when memory is gone; the call is then answered. */
struct request *request_new(struct ttrpc_call *call, enum request_kind kind);

/* Both answer and free. A NULL req is fine. */
void request_reply(struct request *req, const uint8_t *payload, size_t len);
void request_fail(struct request *req, const struct err *err);

#endif
