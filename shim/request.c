/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an accepted RPC.
 */
#include "shim/request.h"

#include <stdlib.h>

#include "ipc/server.h"
#include "shim/op.h"

/* Waits live as long as a container does: they get no room for an operation. */
static bool
may_begin_op(enum request_kind kind)
{
	switch (kind) {
	case REQUEST_CREATE:
	case REQUEST_START:
	case REQUEST_DELETE:
	case REQUEST_PAUSE:
	case REQUEST_RESUME:
	case REQUEST_UPDATE:
	case REQUEST_CHECKPOINT:
		return true;
	case REQUEST_EXEC:
	case REQUEST_KILL:
	case REQUEST_WAIT:
	case REQUEST_STATE:
	case REQUEST_PIDS:
	case REQUEST_STATS:
	case REQUEST_CONNECT:
	case REQUEST_RESIZE:
	case REQUEST_CLOSE_IO:
		return false;
	}
	return false;
}

struct request *
request_new(struct ttrpc_call *call, enum request_kind kind)
{
	struct request *req = calloc(1, sizeof(*req));
	struct op *op = may_begin_op(kind) ? calloc(1, sizeof(*op)) : NULL;
	struct err err;

	if (!req || (may_begin_op(kind) && !op)) {
		free(req);
		free(op);
		(void)err_set(&err, ERR_RESOURCE_EXHAUSTED, 0, "out of memory");
		ttrpc_call_fail(call, &err);
		return NULL;
	}
	req->op = op;
	list_init(&req->link);
	req->call = call;
	req->kind = kind;
	return req;
}

static void
request_free(struct request *req)
{
	list_del(&req->link);
	if (req->message_free)
		req->message_free(req->message);
	free(req->op);
	free(req);
}

void
request_reply(struct request *req, const uint8_t *payload, size_t len)
{
	if (!req)
		return;
	ttrpc_call_on_cancel(req->call, NULL, NULL);
	ttrpc_call_reply(req->call, payload, len);
	request_free(req);
}

void
request_fail(struct request *req, const struct err *err)
{
	if (!req)
		return;
	ttrpc_call_on_cancel(req->call, NULL, NULL);
	ttrpc_call_fail(req->call, err);
	request_free(req);
}
