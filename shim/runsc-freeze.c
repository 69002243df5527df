/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn: what is wanted --> a question --> its answer: who waited --> turn
 *
 * After most failures there is no next turn until somebody wants something.
 */
#include "shim/runsc-freeze.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/argv.h"
#include "shim/container.h"
#include "shim/refuse.h"
#include "shim/runsc-ask.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

/* Descriptors and places in a queue come free, and there may be nobody left who
 * would ask for what is to die to be resumed. */
#define RETRY_AFTER NSEC_PER_SEC

static void
next_turn(struct runsc_freezer *f)
{
	event_active(&f->turn, 0, 0);
}

/* ---- what is wanted ---- */

static bool
stays_paused(const struct container *c)
{
	return c->stay_paused && !c->init.exit_seen;
}

/* The first that wants it paused; NULL: it has to run. */
static struct container *
find_cause(const struct runsc_sandbox *sandbox)
{
	struct container *cause = NULL;

	list_for_each(l, tmp, &sandbox->shim->containers)
	{
		struct container *c = list_entry(l, struct container, link);
		if (c->sandbox != sandbox)
			continue;
		if (c->must_run && !c->init.exit_seen)
			return NULL;
		if (!cause && stays_paused(c))
			cause = c;
	}
	return cause;
}

static bool
is_granted(const struct runsc_freeze_wait *wait)
{
	const struct runsc_sandbox *sandbox = wait->c->sandbox;
	bool paused = sandbox->freezer.paused;

	switch (wait->wish) {
	case RUNSC_FREEZE_PAUSED:
		return paused;
	case RUNSC_FREEZE_LET_GO:
		return !paused || find_cause(sandbox);
	case RUNSC_FREEZE_RUNS:
		return !paused;
	}
	return false;
}

/* ---- who waits ---- */

void
runsc_freeze_stop(struct runsc_freeze_wait *wait)
{
	if (list_empty(&wait->link))
		return;
	list_del(&wait->link);
	list_init(&wait->link);
	(void)event_del(&wait->deadline);
}

static void
end_wait(struct runsc_freeze_wait *wait, const struct err *err)
{
	runsc_freeze_stop(wait);
	if (err && wait->wish == RUNSC_FREEZE_PAUSED)
		wait->c->stay_paused = false;
	wait->fn(err, wait->arg);
}

static bool
is_any(const struct runsc_freeze_wait *wait)
{
	(void)wait;
	return true;
}

/* The question has failed that was to grant it. */
static bool
is_refused(const struct runsc_freeze_wait *wait)
{
	return wait->c->sandbox->freezer.pausing ==
	       (wait->wish == RUNSC_FREEZE_PAUSED);
}

/* err is NULL for success. One that waits may stop another that does. */
static void
end_waits(struct runsc_freezer *f,
    bool (*is_meant)(const struct runsc_freeze_wait *wait),
    const struct err *err)
{
	struct list *l = f->waits.next;

	while (l != &f->waits) {
		struct runsc_freeze_wait *wait =
		    list_entry(l, struct runsc_freeze_wait, link);
		l = l->next;
		if (!is_meant(wait))
			continue;
		end_wait(wait, err);
		l = f->waits.next;
	}
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct runsc_freeze_wait *wait = arg;
	struct runsc_freezer *f = &wait->c->sandbox->freezer;
	struct err err;

	(void)fd;
	(void)what;
	(void)err_set(&err, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
	    "the sandbox does not answer: context deadline exceeded");
	end_wait(wait, &err);
	next_turn(f);
}

void
runsc_freeze_hurry(struct runsc_freeze_wait *wait, int64_t timeout_ns)
{
	struct timeval tv = clock_timeval(timeout_ns);
	int64_t at = clock_monotonic_ns() + timeout_ns;

	if (list_empty(&wait->link) || at >= wait->deadline_at)
		return;
	wait->deadline_at = at;
	(void)event_add(&wait->deadline, &tv);
}

void
runsc_freeze_start(struct runsc_freeze_wait *wait, enum runsc_freeze_wish wish,
    int64_t timeout_ns)
{
	struct container *c = wait->c;
	struct runsc_freezer *f = &c->sandbox->freezer;

	if (wish != RUNSC_FREEZE_RUNS)
		c->stay_paused = wish == RUNSC_FREEZE_PAUSED;
	wait->wish = wish;
	list_init(&wait->link);
	list_add_tail(&f->waits, &wait->link);
	(void)event_assign(
	    &wait->deadline, c->shim->base, -1, 0, on_deadline, wait);
	wait->deadline_at = INT64_MAX;
	runsc_freeze_hurry(wait, timeout_ns);
	next_turn(f);
}

/* ---- questions ---- */

static void
give_up_pausing(struct runsc_sandbox *sandbox)
{
	list_for_each(l, tmp, &sandbox->shim->containers)
	{
		struct container *c = list_entry(l, struct container, link);
		if (c->sandbox != sandbox || !stays_paused(c))
			continue;
		c->stay_paused = false;
		log_task(LOG_LEVEL_WARN, c->id, NULL,
		    "its sandbox cannot be paused again: it runs");
	}
}

static void
failed(struct runsc_sandbox *sandbox, const struct runsc_answer *answer,
    const struct err *ask_err)
{
	struct runsc_freezer *f = &sandbox->freezer;
	struct timeval retry = clock_timeval(RETRY_AFTER);
	struct err err;

	if (answer)
		(void)err_set(&err, ERR_UNKNOWN, EIO, "%s", answer->refusal);
	else
		err = *ask_err;
	log_warn("sandbox %s: cannot be %s: %s", sandbox->id,
	    f->pausing ? "paused" : "resumed", err.msg);
	end_waits(f, is_refused, &err);
	end_waits(f, is_granted, NULL);
	if (f->pausing)
		give_up_pausing(sandbox);
	else if (!f->paused)
		next_turn(f);
	else if (err.code == ERR_RESOURCE_EXHAUSTED)
		(void)event_add(&f->turn, &retry);
}

/* A Resume that the sandbox may have had is not repeated, whatever it says:
 * newer ones tell of what failed afterwards. */
static void
on_answer(const struct runsc_answer *answer, const struct err *err, void *arg)
{
	struct runsc_sandbox *sandbox = arg;
	struct runsc_freezer *f = &sandbox->freezer;
	enum runsc_ask_way way = runsc_ask_way(f->ask);
	bool ok = answer && answer->ok;

	f->ask = NULL;
	if (f->pausing)
		f->paused = ok;
	else if (ok || way == RUNSC_ASK_SOCKET)
		f->paused = false;
	if (f->pausing && way == RUNSC_ASK_SOCKET)
		f->by = NULL;
	if (!ok) {
		failed(sandbox, answer, err);
		return;
	}
	end_waits(f, is_granted, NULL);
	next_turn(f);
}

static int
ask_to_pause(
    struct runsc_sandbox *sandbox, struct container *c, struct err *err)
{
	struct runsc_freezer *f = &sandbox->freezer;
	struct oci_runtime runtime = container_runtime(c);
	struct runsc_ask_spec spec = {
		.method = "containerManager.Pause",
		.older = "Lifecycle.Pause",
		.once = true,
	};

	f->pausing = true;
	f->by = c;
	if (oci_argv_pause(&runtime, c->id, &spec.argv) < 0)
		return err_set_errno(err, ENOMEM, "pause");
	return runsc_ask_start(
	    sandbox, &f->asks, &spec, on_answer, sandbox, &f->ask, err);
}

static int
ask_to_resume(struct runsc_sandbox *sandbox, struct err *err)
{
	struct runsc_freezer *f = &sandbox->freezer;
	struct runsc_ask_spec spec = { .once = true };

	f->pausing = false;
	if (f->by) {
		struct oci_runtime runtime = container_runtime(f->by);
		if (oci_argv_resume(&runtime, f->by->id, &spec.argv) < 0)
			return err_set_errno(err, ENOMEM, "resume");
	} else {
		spec.method = "containerManager.Resume";
		spec.older = "Lifecycle.Resume";
	}
	return runsc_ask_start(
	    sandbox, &f->asks, &spec, on_answer, sandbox, &f->ask, err);
}

/* Whoever has let go of its `runsc pause` is to be resumed by runsc, so that
 * it can be deleted: another takes its place. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct runsc_sandbox *sandbox = arg;
	struct runsc_freezer *f = &sandbox->freezer;
	struct container *cause = find_cause(sandbox);
	struct err err;
	int r = 0;

	(void)fd;
	(void)what;
	if (f->ask || sandbox->dead)
		return;
	end_waits(f, is_granted, NULL);
	if (cause && !f->paused)
		r = ask_to_pause(sandbox, cause, &err);
	else if (f->paused && (!cause || (f->by && !stays_paused(f->by))))
		r = ask_to_resume(sandbox, &err);
	if (r < 0)
		failed(sandbox, NULL, &err);
}

/* ---- what becomes of a container ---- */

void
runsc_freeze_let_die(struct container *c, bool dies)
{
	c->must_run = dies;
	next_turn(&c->sandbox->freezer);
}

bool
runsc_freeze_by_command(const struct container *c)
{
	const struct runsc_freezer *f = &c->sandbox->freezer;

	if (f->ask && f->pausing)
		return runsc_ask_way(f->ask) == RUNSC_ASK_COMMAND;
	return f->paused && f->by;
}

void
runsc_freeze_exited(struct container *c)
{
	if (c->sandbox)
		next_turn(&c->sandbox->freezer);
}

void
runsc_freeze_forget(struct container *c)
{
	struct runsc_freezer *f = &c->sandbox->freezer;
	struct err err;

	(void)err_set(&err, ERR_CANCELED, ECANCELED,
	    "the container is gone: context canceled");
	list_for_each(l, tmp, &f->waits)
	{
		struct runsc_freeze_wait *wait =
		    list_entry(l, struct runsc_freeze_wait, link);
		if (wait->c == c)
			end_wait(wait, &err);
	}
	c->stay_paused = c->must_run = false;
	if (f->by == c)
		f->by = NULL;
	next_turn(f);
}

void
runsc_freeze_died(struct runsc_sandbox *sandbox)
{
	struct runsc_freezer *f = &sandbox->freezer;
	struct err err;

	(void)refuse_finished(&err);
	runsc_ask_drop(f->ask);
	f->ask = NULL;
	f->paused = false;
	end_waits(f, is_any, &err);
}

void
runsc_freeze_init(struct runsc_sandbox *sandbox)
{
	struct runsc_freezer *f = &sandbox->freezer;

	list_init(&f->waits);
	list_init(&f->asks);
	(void)event_assign(
	    &f->turn, sandbox->shim->base, -1, 0, on_turn, sandbox);
	(void)event_priority_set(&f->turn, PRIORITY_CHILD);
}

void
runsc_freeze_done(struct runsc_sandbox *sandbox)
{
	runsc_ask_drop(sandbox->freezer.ask);
	(void)event_del(&sandbox->freezer.turn);
}
