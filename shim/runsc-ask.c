/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket, by its name --> socket, by its older name --> command
 */
#include "shim/runsc-ask.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "oci/run.h"
#include "oci/urpc.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

/* It answers within a millisecond or two; one that does not in this time hangs.
 */
#define SOCKET_TIME (2 * NSEC_PER_SEC)
/* A command asks the same sandbox. */
#define COMMAND_TIME (10 * NSEC_PER_SEC)

struct runsc_ask {
	struct list link; /* in its owner's asks */
	struct runsc_sandbox *sandbox;
	const char *older;
	char *request; /* the JSON argument; NULL for none */
	size_t answer_max;
	struct oci_argv argv;
	struct oci_urpc *call;
	struct oci_run *run;
	struct event next; /* the next way of asking, out of the loop */
	const char *method;
	bool (*fits)(const cJSON *result);
	bool once;
	enum runsc_ask_way way;
	runsc_ask_fn *fn;
	void *arg;
};

static void
ask_free(struct runsc_ask *ask)
{
	list_del(&ask->link);
	(void)event_del(&ask->next);
	oci_urpc_free(ask->call);
	oci_run_free(ask->run);
	oci_argv_done(&ask->argv);
	free(ask->request);
	free(ask);
}

/* What answer borrows may belong to the call or the run, so these go last. */
static void
deliver(struct runsc_ask *ask, const struct runsc_answer *answer,
    const struct err *err)
{
	runsc_ask_fn *fn = ask->fn;
	void *arg = ask->arg;

	list_del(&ask->link);
	list_init(&ask->link);
	fn(answer, err, arg);
	ask_free(ask);
}

static bool
has_command(const struct runsc_ask *ask)
{
	return ask->argv.args != NULL;
}

/* What a command that has ended well has printed. */
static void
deliver_output(struct runsc_ask *ask, const struct oci_run_result *result)
{
	cJSON *json = ask->fits ? cJSON_Parse(result->output) : NULL;
	const struct runsc_answer answer = {
		.ok = true,
		.refusal = "",
		.result = json,
	};
	struct err err;

	if (ask->fits && !ask->fits(json)) {
		(void)err_set(&err, ERR_INTERNAL, EBADMSG,
		    "%s does not print what was asked for", result->argv0);
		deliver(ask, NULL, &err);
	} else {
		deliver(ask, &answer, NULL);
	}
	cJSON_Delete(json);
}

static void
on_run_done(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	const struct runsc_answer refusal = { .refusal = result->output };
	struct err err;

	(void)run;
	if (result->timed_out || result->aborted) {
		(void)err_set(&err, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
		    "the sandbox does not answer: context deadline exceeded");
		deliver(arg, NULL, &err);
	} else if (result->ok) {
		deliver_output(arg, result);
	} else {
		deliver(arg, &refusal, NULL);
	}
}

static void
run_command(struct runsc_ask *ask)
{
	struct shim *shim = ask->sandbox->shim;
	const struct oci_run_spec spec = {
		.argv = ask->argv.args,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = ask->once ? 0 : COMMAND_TIME,
	};
	struct err err;

	if (oci_run_start(shim->base, PRIORITY_CHILD, shim->children, &spec,
		on_run_done, ask, &ask->run, &err) < 0)
		deliver(ask, NULL, &err);
	else
		ask->way = RUNSC_ASK_COMMAND;
}

/* The socket was of no use. */
static void
fall_back(struct runsc_ask *ask, const struct err *err)
{
	runsc_sandbox_distrust(ask->sandbox, err);
	if (has_command(ask) && (!ask->once || ask->way == RUNSC_ASK_NOBODY))
		run_command(ask);
	else
		deliver(ask, NULL, err);
}

static void on_reply(
    const struct oci_urpc_reply *reply, const struct err *err, void *arg);

static void
call(struct runsc_ask *ask)
{
	const struct oci_urpc_spec spec = {
		.peer = ask->sandbox->peer,
		.method = ask->method,
		.arg = ask->request ? ask->request : "null",
		.timeout_ns = ask->once ? 0 : SOCKET_TIME,
		.answer_max = ask->answer_max,
	};
	struct err err;

	oci_urpc_free(ask->call);
	ask->call = NULL;
	if (oci_urpc_call(ask->sandbox->shim->base, PRIORITY_CHILD, &spec,
		on_reply, ask, &ask->call, &err) < 0)
		fall_back(ask, &err);
	else
		ask->way = RUNSC_ASK_SOCKET;
}

/* The method is there under another name or with another argument, or not. */
static bool
means_other_version(const char *error)
{
	return strcmp(error, "unknown method") == 0 ||
	       strstr(error, "json: cannot unmarshal");
}

static void
on_reply(const struct oci_urpc_reply *reply, const struct err *err, void *arg)
{
	struct runsc_ask *ask = arg;
	struct err misfit;

	if (reply && reply->success && ask->fits && !ask->fits(reply->result)) {
		oci_urpc_misunderstood(&misfit);
		reply = NULL;
		err = &misfit;
	}
	if (!reply) {
		fall_back(ask, err);
		return;
	}
	if (!reply->success && means_other_version(reply->error) &&
	    (ask->older || has_command(ask))) {
		ask->method = ask->older;
		ask->older = NULL;
		free(ask->request);
		ask->request = NULL;
		event_active(&ask->next, 0, 0);
		return;
	}
	const struct runsc_answer answer = {
		.ok = reply->success,
		.refusal = reply->error,
		.result = reply->result,
	};
	deliver(ask, &answer, NULL);
}

static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct runsc_ask *ask = arg;

	(void)fd;
	(void)what;
	ask->way = RUNSC_ASK_NOBODY;
	if (!has_command(ask) || (ask->method && ask->sandbox->use_socket))
		call(ask);
	else
		run_command(ask);
}

int
runsc_ask_start(struct runsc_sandbox *sandbox, struct list *asks,
    struct runsc_ask_spec *spec, runsc_ask_fn *fn, void *arg,
    struct runsc_ask **ret, struct err *err)
{
	struct runsc_ask *ask = calloc(1, sizeof(*ask));

	if (!ask) {
		oci_argv_done(&spec->argv);
		return err_set_errno(err, ENOMEM, "ask the sandbox");
	}
	ask->sandbox = sandbox;
	ask->method = spec->method;
	ask->older = spec->older;
	ask->answer_max = spec->answer_max;
	ask->argv = spec->argv;
	ask->fits = spec->fits;
	ask->once = spec->once;
	spec->argv = (struct oci_argv){ 0 };
	ask->fn = fn;
	ask->arg = arg;
	list_init(&ask->link);
	(void)event_assign(
	    &ask->next, sandbox->shim->base, -1, 0, on_next, ask);
	(void)event_priority_set(&ask->next, PRIORITY_CHILD);
	ask->request = spec->arg ? strdup(spec->arg) : NULL;
	if (spec->arg && !ask->request) {
		ask_free(ask);
		return err_set_errno(err, ENOMEM, "ask the sandbox");
	}
	list_add_tail(asks, &ask->link);
	event_active(&ask->next, 0, 0);
	if (ret)
		*ret = ask;
	return 0;
}

void
runsc_ask_drop(struct runsc_ask *ask)
{
	if (ask)
		ask_free(ask);
}

enum runsc_ask_way
runsc_ask_way(const struct runsc_ask *ask)
{
	return ask->way;
}

void
runsc_ask_cancel_all(struct list *asks)
{
	struct err err;

	(void)err_set(&err, ERR_CANCELED, ECANCELED,
	    "the container is gone: context canceled");
	/* Whoever is told may drop another of them. */
	while (!list_empty(asks))
		deliver(
		    list_entry(asks->next, struct runsc_ask, link), NULL, &err);
}
