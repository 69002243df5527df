/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FSM_MODEL_TABLES_H
#define TEST_FSM_MODEL_TABLES_H

/*
 * The tables as values that can be changed: what is proven of the real ones
 * must not be provable of wrong ones.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fsm/fsm.h"
#include "test/fsm/model/verdict.h"

#define BIT(name) FSM_ACTION_BIT(FSM_ACT_##name)

/* Actions that take the request of the event being stepped. */
#define TAKES_REQUEST                                                          \
	(BEGINS_OP | BIT(ADMIT) | BIT(SIGNAL) | BIT(SIGNAL_ALL) |              \
	    BIT(RESIZE) | BIT(CLOSE_STDIN) | BIT(ADD_WAITER) | BIT(ANSWER))
#define BEGINS_OP                                                              \
	(BIT(OP_CREATE) | BIT(OP_PREPARE) | BIT(OP_START) | BIT(OP_RESTORE) |  \
	    BIT(OP_PAUSE) | BIT(OP_RESUME) | BIT(OP_UPDATE) |                  \
	    BIT(OP_CHECKPOINT) | BIT(OP_DELETE) | BIT(OP_EXEC) |               \
	    BIT(OP_CLEAN))

struct tables {
	struct fsm_step init[FSM_INIT_STATES][FSM_INIT_EVENTS];
	struct fsm_step exec[FSM_EXEC_STATES][FSM_EXEC_EVENTS];
};

void tables_load(struct tables *t);

/* "init" or "exec" cells by number, so that both can be walked alike. */
struct fsm_step *tables_cell(
    struct tables *t, bool init, unsigned state, unsigned event);
unsigned tables_states(bool init);
unsigned tables_events(bool init);
const char *tables_state_name(bool init, unsigned state);
const char *tables_event_name(bool init, unsigned event);

/* Does the event stand for a client's request? */
bool tables_is_request(bool init, unsigned event);
/* The actions with which a request of this event may be served. */
uint64_t tables_serves(bool init, unsigned event);

/* What can be said of each row without running anything. */
void tables_check(const struct tables *t, struct verdict *v);

/* Are the kinds those that the runtime's life demands? */
void tables_check_kinds(const struct tables *t, struct verdict *v);

#endif
