/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox is found by what runsc keeps about the container, and watched by a
 * pidfd, which needs no child of ours: a container may join a sandbox that
 * another shim has started.
 */
#include "shim/runsc-sandbox.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "oci/child.h"
#include "oci/runsc-state.h"
#include "shim/container.h"
#include "shim/process.h"
#include "shim/shim.h"

#define STATUS_KILLED (128 + SIGKILL)

/* The one that lives: a dead one of the same name stays for as long as there is
 * a container of it. */
static struct runsc_sandbox *
find(const struct shim *shim, const struct oci_runsc_state *state)
{
	list_for_each(l, tmp, &shim->sandboxes)
	{
		struct runsc_sandbox *sandbox =
		    list_entry(l, struct runsc_sandbox, link);
		if (!sandbox->dead && sandbox->pid == state->sandbox_pid &&
		    strcmp(sandbox->id, state->sandbox_id) == 0)
			return sandbox;
	}
	return NULL;
}

static void
sandbox_free(struct runsc_sandbox *sandbox)
{
	list_del(&sandbox->link);
	runsc_freeze_done(sandbox);
	if (sandbox->death)
		event_free(sandbox->death);
	close_fd(&sandbox->pidfd);
	free(sandbox->id);
	free(sandbox);
}

static void
on_death(evutil_socket_t fd, short what, void *arg)
{
	struct runsc_sandbox *sandbox = arg;
	struct container *own = container_find(sandbox->shim, sandbox->id);

	(void)fd;
	(void)what;
	runsc_sandbox_died(sandbox, own);
}

static int
find_peer(struct runsc_sandbox *sandbox, const struct oci_runsc_state *state)
{
	return state->control_socket
		   ? oci_urpc_peer_path(&sandbox->peer, state->control_socket,
			 state->sandbox_pid)
		   : oci_urpc_peer_abstract(
			 &sandbox->peer, state->sandbox_id, state->sandbox_pid);
}

static void
begin_trust(struct runsc_sandbox *sandbox, const struct oci_runsc_state *state)
{
	int r = find_peer(sandbox, state);
	struct err err;

	sandbox->use_socket = true;
	if (r == 0)
		return;
	(void)err_set_errno(&err, -r, "sandbox control socket");
	runsc_sandbox_distrust(sandbox, &err);
}

static int
watch(struct runsc_sandbox *sandbox)
{
	sandbox->pidfd = pidfd_open(sandbox->pid, 0);
	if (sandbox->pidfd < 0)
		return -errno;
	sandbox->death = event_new(
	    sandbox->shim->base, sandbox->pidfd, EV_READ, on_death, sandbox);
	if (!sandbox->death)
		return -ENOMEM;
	(void)event_priority_set(sandbox->death, PRIORITY_CHILD);
	return event_add(sandbox->death, NULL) < 0 ? -ENOMEM : 0;
}

static int
sandbox_new(struct shim *shim, struct oci_runsc_state *state,
    struct runsc_sandbox **ret, struct err *err)
{
	struct runsc_sandbox *sandbox = calloc(1, sizeof(*sandbox));

	if (!sandbox)
		return err_set_errno(err, ENOMEM, "join sandbox");
	list_init(&sandbox->link);
	sandbox->shim = shim;
	sandbox->pid = state->sandbox_pid;
	sandbox->id = take_ptr(state->sandbox_id);
	sandbox->pidfd = -1;
	runsc_freeze_init(sandbox);
	int r = watch(sandbox);
	if (r < 0) {
		(void)err_set_errno(err, -r, "watch sandbox %s", sandbox->id);
		sandbox_free(sandbox);
		return r;
	}
	list_add_tail(&shim->sandboxes, &sandbox->link);
	*ret = sandbox;
	return 0;
}

int
runsc_sandbox_join(struct container *c, struct err *err)
{
	struct oci_runsc_state state = { 0 };
	struct runsc_sandbox *sandbox;

	int r = oci_runsc_state_load(c->runtime_root, c->id, &state, err);
	if (r < 0)
		return r;
	sandbox = find(c->shim, &state);
	if (!sandbox) {
		struct oci_runsc_state copy = state;
		copy.sandbox_id = strdup(state.sandbox_id);
		r = copy.sandbox_id
			? sandbox_new(c->shim, &copy, &sandbox, err)
			: err_set_errno(err, ENOMEM, "join sandbox");
		free(copy.sandbox_id);
		if (r == 0)
			begin_trust(sandbox, &state);
	}
	if (r == 0) {
		sandbox->refs++;
		c->sandbox = sandbox;
	}
	oci_runsc_state_done(&state);
	return r;
}

void
runsc_sandbox_leave(struct container *c)
{
	struct runsc_sandbox *sandbox = c->sandbox;

	if (!sandbox)
		return;
	runsc_freeze_forget(c);
	c->sandbox = NULL;
	if (--sandbox->refs == 0)
		sandbox_free(sandbox);
}

bool
runsc_sandbox_is_dead(const struct runsc_sandbox *sandbox)
{
	struct pollfd p = { .fd = sandbox->pidfd, .events = POLLIN };

	return sandbox->dead || poll(&p, 1, 0) > 0;
}

/* Its runsc only waits for a sandbox that is not there any more. */
static void
end_exec(struct process *p)
{
	if (p->exit_seen || !p->pid)
		return;
	if (p->child) {
		(void)child_signal(p->child, SIGKILL);
		child_free(p->child);
		p->child = NULL;
	}
	process_exited(p, STATUS_KILLED);
}

static void
end_container(struct container *c, bool own)
{
	list_for_each(l, tmp, &c->execs)
	{
		end_exec(list_entry(l, struct process, link));
	}
	if (!own && c->init.pid)
		process_exited(&c->init, STATUS_KILLED);
}

void
runsc_sandbox_died(struct runsc_sandbox *sandbox, const struct container *own)
{
	if (sandbox->dead)
		return;
	sandbox->dead = true;
	sandbox->use_socket = false;
	(void)event_del(sandbox->death);
	runsc_freeze_died(sandbox);
	list_for_each(l, tmp, &sandbox->shim->containers)
	{
		struct container *c = list_entry(l, struct container, link);
		if (c->sandbox == sandbox)
			end_container(c, c == own);
	}
}

void
runsc_sandbox_distrust(struct runsc_sandbox *sandbox, const struct err *why)
{
	if (!sandbox->use_socket || why->code == ERR_RESOURCE_EXHAUSTED)
		return;
	sandbox->use_socket = false;
	log_warn("sandbox %s: %s; using runsc commands", sandbox->id, why->msg);
}
