/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNSC_FREEZE_H
#define SHIM_RUNSC_FREEZE_H

/*
 * Pausing a sandbox, which is to pause all that live in it.
 *
 * A sandbox counts: each Pause wants one Resume, nothing in it runs or dies
 * before the last, and one too many kills it, with all its containers (gVisor's
 * TaskSet; seen with runsc 20221219 and 20240729). So it is asked by nobody but
 * this file, which counts for it: one question at a time, one Pause in force
 * whoever of the containers wants it, and a Resume only for a Pause that has
 * succeeded. A question that is out is waited for as long as the sandbox lives,
 * whoever has stopped waiting for what it leads to.
 *
 * It is paused while a container wants to stay paused and none has to run. The
 * latter are those that got their SIGKILL: they run to die of it, and the
 * others run for that time with them.
 */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct container;
struct runsc_ask;

/* Part of a sandbox. */
struct runsc_freezer {
	struct list waits; /* struct runsc_freeze_wait */
	struct list asks;  /* the question that is out */
	struct runsc_ask *ask;
	bool pausing; /* what it is for */
	bool paused;  /* a Pause is in force */
	/* By whose `runsc pause`, and then only its `runsc resume` ends it,
	 * which goes by a file of runsc's; NULL: by the socket. */
	struct container *by;
	struct event turn;
};

enum runsc_freeze_wish {
	RUNSC_FREEZE_PAUSED,
	RUNSC_FREEZE_LET_GO, /* not paused for this container's sake */
	RUNSC_FREEZE_RUNS,
};

/* err is NULL when it has come true; else DEADLINE_EXCEEDED or what the sandbox
 * has said. Never from inside a function of this header but
 * runsc_freeze_forget() and runsc_freeze_died(). */
typedef void runsc_freeze_fn(const struct err *err, void *arg);

/* What somebody waits for. Embedded by its owner, who sets c, fn and arg, and
 * keeps it until fn was called or runsc_freeze_stop(). */
struct runsc_freeze_wait {
	struct list link;
	struct container *c; /* has joined its sandbox */
	runsc_freeze_fn *fn;
	void *arg;
	enum runsc_freeze_wish wish;
	struct event deadline;
	int64_t deadline_at;
};

struct runsc_sandbox;
void runsc_freeze_init(struct runsc_sandbox *sandbox);
void runsc_freeze_done(struct runsc_sandbox *sandbox);

/* A container that waits for PAUSED wants to stay so, until it waits for LET_GO
 * or its wait for PAUSED has failed. */
void runsc_freeze_start(struct runsc_freeze_wait *wait,
    enum runsc_freeze_wish wish, int64_t timeout_ns);
/* Gives it at most this long from now on. */
void runsc_freeze_hurry(struct runsc_freeze_wait *wait, int64_t timeout_ns);
/* Ends it without a call; one that has ended is fine. */
void runsc_freeze_stop(struct runsc_freeze_wait *wait);

/* It has to run, as it gets a SIGKILL; or not any more, as it did not get it.
 */
void runsc_freeze_let_die(struct container *c, bool dies);
/* runsc passes no signal on to what its file calls paused: RUNS has to be
 * waited for, while the socket passes on any. */
bool runsc_freeze_by_command(const struct container *c);

/* Its init is dead, or its sandbox has died, or it leaves it. */
void runsc_freeze_exited(struct container *c);
void runsc_freeze_died(struct runsc_sandbox *sandbox);
void runsc_freeze_forget(struct container *c);

#endif
