/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REPLAY_INTERNAL_H
#define SHIM_REPLAY_INTERNAL_H

/*
 * What the parts of a replay share: the walk (replay.c), the rules
 * (replay-rules.c), the timeline (replay-timeline.c).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/list.h"
#include "fsm/fsm.h"
#include "shim/recorder.h"
#include "shim/replay.h"

/* A process as far as the recording has told of it. */
struct actor {
	struct list link;
	uint32_t slot; /* 0 is init */
	char name[RECORDER_NAME_MAX + 1];
	uint8_t state;
	bool stepped;   /* its state is known */
	bool whole;     /* it was seen from its beginning on */
	bool dead;      /* its exit was seen */
	bool deleted;   /* it was forgotten */
	uint32_t pid;   /* the last that was shown */
	size_t waiters; /* Waits not yet answered */
	bool op;        /* an operation is in flight */
	uint8_t *queue; /* events of the requests that were told to wait */
	size_t n_queue; /* how many, the first is the head */
	size_t max_queue;
	/* how often each was published */
	unsigned created, started, exited, removed, paused, resumed;
};

struct replay {
	const struct recording *recording;
	FILE *out;
	struct list actors; /* struct actor, init first */
	struct actor *init;
	struct fsm_rule rule;
	bool rule_known;
	bool settled; /* an input was seen whose causes are all recorded */
	size_t next;  /* index of the next record */
	size_t steps, problems;
	bool no_memory;
};

/* Counts and prints a problem found at the last record. */
void replay_problem(struct replay *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

bool actor_is_init(const struct actor *a);
const char *actor_state_name(const struct actor *a, uint8_t state);
const char *actor_event_name(const struct actor *a, uint8_t event);
/* NULL when the recording has not told of it. */
struct actor *replay_find(const struct replay *r, uint32_t slot);

/* ---- timeline: one line for a record ---- */

void timeline_step(
    struct replay *r, struct actor *a, const struct record *record);
void timeline_rule(struct replay *r, const struct record *record);
void timeline_name(struct replay *r, const struct record *record);
void timeline_unknown(struct replay *r, const struct record *record);

/* ---- rules ---- */

/* Checks the actions of a step that was just taken, and remembers them. */
void rules_step(struct replay *r, struct actor *a, const struct record *record);
/* Checks what must hold of a process once it is gone. */
void rules_gone(struct replay *r, struct actor *a);

#endif
