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
#include "shim/container.h"
#include "shim/launch.h"
#include "shim/rpc.h"

static void
on_orphan(pid_t pid, void *arg)
{
	struct shim *shim = arg;

	launch_claim(&shim->launches, pid);
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
	const struct publish_limits publish_limits = PUBLISH_LIMITS_DEFAULT;

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

int
shim_init(struct shim *shim, const char *ns, const char *publish_address,
    struct err *err)
{
	*shim = (struct shim){ .times = SHIM_TIMES_DEFAULT, .ns = ns };
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
	if (shim->base)
		event_base_free(shim->base);
}
