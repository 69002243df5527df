/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FSM_MODEL_WORLD_H
#define TEST_FSM_MODEL_WORLD_H

/*
 * One container as the shim sees it, the world around it, and as much of the
 * past as the rules ask for. It is plain bytes without padding, so that two
 * worlds can be compared and hashed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fsm/fsm.h"
#include "test/fsm/model/tables.h"
#include "test/fsm/model/verdict.h"

#define WORLD_EXECS 6
#define QUEUE_MAX   3
#define NO_OP       ((uint8_t)FSM_ACTIONS)
#define ABSENT      ((uint8_t)FSM_EXEC_STATES) /* state of a free slot */

enum life {
	LIFE_NONE, /* there is no process, or none that is known of yet */
	LIFE_ALIVE,
	LIFE_DEAD, /* its exit was seen */
};

/* What happened to a process. */
enum mark {
	MARK_CREATED = 1 << 0, /* TaskCreate or TaskExecAdded is out */
	MARK_STARTED = 1 << 1,
	MARK_EXITED = 1 << 2,
	MARK_DELETED = 1 << 3,
	MARK_RECORDED = 1 << 4, /* its exit, for those who ask */
	MARK_FAILED = 1 << 5,   /* likewise, that it never ran */
	MARK_KILLED = 1 << 6,   /* for Delete, or because init is dead */
	MARK_TOLD = 1 << 7,     /* a Delete was answered with success */
	MARK_STONE = 1 << 8,    /* and is remembered */
};

struct waiting {
	uint8_t event;
	uint8_t slot; /* of an EXEC: the exec it names */
};

struct proc {
	uint8_t state;
	uint8_t op; /* the action that began what is in flight, or NO_OP */
	uint8_t life;
	uint8_t waiters; /* 0 or more */
	uint16_t marks;
	struct waiting queue[QUEUE_MAX];
	uint8_t queued;
	uint8_t zero;
};

struct world {
	uint8_t rule_execs, rule_dead, rule_waits;
	uint8_t frozen; /* by Pause: nothing can exit by itself */
	uint8_t paused; /* TaskPaused is out, TaskResumed is not */
	uint8_t zero;
	struct proc p[1 + WORLD_EXECS]; /* init, then execs */
};

_Static_assert((int)FSM_EXEC_STATES <= (int)FSM_INIT_STATES &&
		   (int)FSM_EXEC_EVENTS <= (int)FSM_INIT_EVENTS,
    "one size has to do for rows of both machines");
_Static_assert(sizeof(struct proc) == 14 &&
		   sizeof(struct world) == 6 + 14 * (1 + WORLD_EXECS),
    "worlds are compared as bytes");

struct model {
	struct tables tables;
	unsigned execs;     /* slots in use */
	unsigned queue_max; /* requests that may wait for one process */
	struct verdict verdict;
	bool seen_init[FSM_INIT_STATES][FSM_INIT_EVENTS];
	bool seen_exec[FSM_EXEC_STATES][FSM_EXEC_EVENTS];
	/* By machine (1: init) and row: which of WAKE and THAW, that may be
	 * done in vain, ever found somebody waiting, or something frozen. */
	uint64_t useful[2][FSM_INIT_STATES][FSM_INIT_EVENTS];
};

/* A container that was just allocated. */
void world_init(struct world *w);

/* ---- moves ---- */

struct move {
	uint8_t who; /* index in world.p */
	uint8_t event;
	uint8_t slot;
	uint8_t inevitable; /* happens for sure: see progress.c */
};

#define MOVES_MAX 256

/* All that may happen next. */
unsigned moves_list(
    const struct model *m, const struct world *w, struct move *ret);
/* Makes it happen, as the shim would; broken rules go to the verdict. */
void moves_apply(struct model *m, struct world *w, const struct move *move);

/* ---- steps ---- */

/* A request on its way through the machines. */
struct request {
	uint8_t event;
	uint8_t slot;
	bool taken;
};

/* process_event() of the shim. */
void step_event(struct model *m, struct world *w, unsigned who, unsigned event,
    struct request *req);

/* One step of a machine while its actions are carried out. */
struct stepping {
	struct model *m;
	struct world *w;
	unsigned who;
	unsigned event;
	uint8_t from;
	struct fsm_step step;
	enum fsm_action action; /* being carried out */
	struct request *req;
	uint8_t op;     /* in flight when the step began */
	uint16_t marks; /* likewise */
	bool replied;   /* to the operation's request */
	bool oom_told;
};

/* Carries out the step's actions in their order. */
void actions_run(struct stepping *s);
/* Has its operation succeeded? */
bool stepping_is_success(const struct stepping *s);
/* Breaks a rule, naming the step. */
void stepping_break(const struct stepping *s, enum rule rule, const char *why);

/* ---- what must be true between steps ---- */

/* In a state in which its end is known, or that it never began? */
bool world_is_over(const struct proc *p, bool init);

void invariants_check(struct model *m, const struct world *w);

/* Does anything wait that something inevitable must answer? */
bool progress_needed(const struct model *m, const struct world *w);
/* Sinks with each inevitable move: so there is an end to them. */
unsigned progress_left(const struct model *m, const struct world *w);

#endif
