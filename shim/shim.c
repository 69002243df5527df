/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serving process's one object: made, ended, and rid of its dead.
 */
#include "shim/shim.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/publish.h"
#include "ipc/server.h"
#include "oci/child.h"
#include "oci/logger.h"
#include "shim/config.h"
#include "shim/container.h"
#include "shim/launch.h"
#include "shim/rpc.h"
#include "shim/sandbox.h"

/* From a runtime's success to its terminal. */
#define CONSOLE_TIME (10 * NSEC_PER_SEC)
/* What a runtime command has left once init is dead. */
#define ORPHANED_TIME (2 * NSEC_PER_SEC)

static void await_idle(void *arg);

/* A runtime that is still at it may name this one in its pid file yet: crun's
 * processes are our children before that is written. */
static bool
on_orphan(pid_t pid, void *arg)
{
	struct shim *shim = arg;

	launch_claim(&shim->launches, pid);
	return !list_empty(&shim->launches);
}

/* Nothing runs on the dead any more: this is a turn of its own. */
static void
on_bury(evutil_socket_t fd, short what, void *arg)
{
	struct shim *shim = arg;

	(void)fd;
	(void)what;
	list_for_each(l, tmp, &shim->dead)
	{
		struct process *p = list_entry(l, struct process, link);
		if (p->is_init) {
			container_free(p->container);
		} else {
			process_done(p);
			free(p);
		}
	}
	/* What an exec needed is not kept for the next one. */
	(void)malloc_trim(0);
	await_idle(shim);
}

void
shim_bury(struct shim *shim, struct process *p)
{
	list_del(&p->link);
	/* A container's execs are buried before it, and freed before it. */
	list_add_tail(&shim->dead, &p->link);
	if (p->is_init)
		list_del(&p->container->link);
	event_active(shim->bury, 0, 0);
}

static void
leave(struct shim *shim)
{
	(void)event_base_loopexit(shim->base, NULL);
}

static void
on_queue_empty(void *arg)
{
	leave(arg);
}

static void
on_end_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct shim *shim = arg;

	(void)fd;
	(void)what;
	log_warn(
	    "ending with %zu events untold", publisher_queued(shim->publisher));
	leave(shim);
}

void
shim_end(struct shim *shim)
{
	struct timeval tv = clock_timeval(shim->times.shutdown);

	if (shim->ending)
		return;
	shim->ending = true;
	ttrpc_server_stop_listening(shim->server);
	if (publisher_queued(shim->publisher) == 0) {
		leave(shim);
		return;
	}
	publisher_on_empty(shim->publisher, on_queue_empty, shim);
	(void)event_add(shim->end, &tv);
}

static int
make_parts(struct shim *shim, const char *publish_address, struct err *err)
{
	const struct ttrpc_server_limits server_limits =
	    TTRPC_SERVER_LIMITS_DEFAULT;
	struct publish_limits publish_limits = PUBLISH_LIMITS_DEFAULT;

	publish_limits.droppable_max = shim->config->event_queue;
	int r = child_set_new(
	    shim->base, PRIORITY_CHILD, on_orphan, shim, &shim->children, err);
	if (r == 0)
		r = ttrpc_server_new(shim->base, PRIORITY_RPC, rpc_methods,
		    rpc_methods_n, shim, &server_limits, &shim->server, err);
	if (r == 0)
		r = publisher_new(shim->base, PRIORITY_PUBLISH, publish_address,
		    shim->ns, &publish_limits, &shim->publisher, err);
	return r;
}

bool
shim_is_idle(const struct shim *shim)
{
	return list_empty(&shim->containers) && !shim->sandbox &&
	       ttrpc_server_connections(shim->server) == 0;
}

static void
await_idle(void *arg)
{
	struct shim *shim = arg;
	struct timeval tv = clock_timeval(shim->config->idle);

	if (shim->idle && shim_is_idle(shim))
		(void)event_add(shim->idle, &tv);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct shim *shim = arg;

	(void)fd;
	(void)what;
	/* Whoever is in the queue of the socket has connected to us. */
	ttrpc_server_accept_now(shim->server);
	if (!shim_is_idle(shim))
		return;
	log_info("ending: nobody has needed this shim for a while");
	shim_end(shim);
}

int
shim_watch_idle(struct shim *shim, struct err *err)
{
	if (!shim->config->idle)
		return 0;
	shim->idle = event_new(shim->base, -1, 0, on_idle, shim);
	if (!shim->idle)
		return err_set_errno(err, ENOMEM, "make events");
	(void)event_priority_set(shim->idle, PRIORITY_PUBLISH);
	ttrpc_server_on_idle(shim->server, await_idle, shim);
	await_idle(shim);
	return 0;
}

int
shim_init(struct shim *shim, const struct config *config, const char *ns,
    const char *publish_address, struct err *err)
{
	*shim = (struct shim){
		.times = {
			.runtime = config->runtime_timeout,
			.console = CONSOLE_TIME,
			.drain = config->output_drain,
			.orphaned = ORPHANED_TIME,
			.shutdown = config->event_drain,
		},
		.config = config,
		.ns = ns,
	};
	list_init(&shim->containers);
	list_init(&shim->launches);
	list_init(&shim->loggers);
	list_init(&shim->sandboxes);
	list_init(&shim->dead);
	tombstones_init(&shim->tombstones);
	shim->base = event_base_new();
	if (!shim->base || event_base_priority_init(shim->base, PRIORITIES) < 0)
		return err_set_errno(err, ENOMEM, "make event loop");
	shim->bury = event_new(shim->base, -1, 0, on_bury, shim);
	shim->end = event_new(shim->base, -1, 0, on_end_deadline, shim);
	if (!shim->bury || !shim->end)
		return err_set_errno(err, ENOMEM, "make events");
	(void)event_priority_set(shim->bury, PRIORITY_PUBLISH);
	return make_parts(shim, publish_address, err);
}

void
shim_done(struct shim *shim)
{
	if (shim->bury)
		on_bury(-1, 0, shim);
	list_for_each(l, tmp, &shim->containers)
	{
		container_free(list_entry(l, struct container, link));
	}
	sandbox_free(shim->sandbox);
	oci_logger_free_lingering(&shim->loggers);
	ttrpc_server_free(shim->server);
	publisher_free(shim->publisher);
	child_set_free(shim->children);
	tombstones_done(&shim->tombstones);
	free(shim->known.binary);
	if (shim->bury)
		event_free(shim->bury);
	if (shim->end)
		event_free(shim->end);
	if (shim->idle)
		event_free(shim->idle);
	if (shim->base)
		event_base_free(shim->base);
}
