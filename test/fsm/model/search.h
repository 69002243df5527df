/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FSM_MODEL_SEARCH_H
#define TEST_FSM_MODEL_SEARCH_H

/*
 * Every world that can come to be, breadth first: the first way found to a
 * broken rule is a shortest one.
 */
#include "test/fsm/model/world.h"

struct search {
	uint64_t transitions;
	uint32_t states;
	uint32_t depth;
	struct verdict found;
};

/*
 * Explores with the tables and bounds in m, whose verdict is used up. With
 * early it returns at the first broken rule; else it prints the way to the
 * first break of each rule, goes on without what lies behind, and checks ends.
 * Returns 0 or -ENOMEM.
 */
int search_run(struct model *m, bool early, struct search *ret);

/* Prints one move, as a TAP comment. */
void search_print_move(const struct move *move, const struct world *after);

#endif
