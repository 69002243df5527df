/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves the rules of the state machines by visiting every state of a container
 * that the world in model/moves.c can bring about.
 *
 * The processes of a container touch each other in few places, so three sizes
 * cover what one big one would: long queues without execs, an exec with all its
 * requests, and two execs that end in any order.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "test/fsm/model/search.h"

struct size {
	unsigned execs;
	unsigned queue_max;
};

static const struct size sizes[] = { { 0, 3 }, { 1, 3 }, { 2, 2 } };

/* Rows that no client can reach, and why they are there nevertheless. */
static const char *
excuse(bool init, unsigned state, unsigned event)
{
	(void)event;
	if (state ==
	    (init ? (unsigned)FSM_INIT_DELETED : (unsigned)FSM_EXEC_DELETED))
		return "what is forgotten is found by nobody";
	return NULL;
}

static void
check_reached_of(struct model *m, bool init, struct verdict *v)
{
	for (unsigned s = 0; s < tables_states(init); s++) {
		for (unsigned e = 0; e < tables_events(init); e++) {
			bool seen =
			    init ? m->seen_init[s][e] : m->seen_exec[s][e];
			const char *why = excuse(init, s, e);

			if (seen || tables_cell(&m->tables, init, s, e)->kind ==
					FSM_BUG)
				continue;
			printf("# not reached: %s %s, %s: %s\n",
			    init ? "init" : "exec", tables_state_name(init, s),
			    tables_event_name(init, e), why ? why : "?");
			if (!why)
				verdict_break(v, RULE_REACHED, "%s, %s",
				    tables_state_name(init, s),
				    tables_event_name(init, e));
		}
	}
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
explore(struct model *m, const struct size *size, struct verdict *v)
{
	double began = seconds();
	struct search search;

	m->execs = size->execs;
	m->queue_max = size->queue_max;
	int r = search_run(m, /* early= */ false, &search);
	if (r < 0) {
		printf("not ok - explore: %s\n", strerror(-r));
		return r;
	}
	printf("# %u execs, %u may wait: %u states, %llu transitions, "
	       "depth %u, %.1f s\n",
	    size->execs, size->queue_max, search.states,
	    (unsigned long long)search.transitions, search.depth,
	    seconds() - began);
	(void)fflush(stdout);
	for (unsigned rule = 0; rule < RULES; rule++) {
		if (search.found.broken >> rule & 1)
			verdict_break(
			    v, (enum rule)rule, "%s", search.found.text[rule]);
	}
	return 0;
}

int
main(void)
{
	static struct model m;
	struct verdict v = { 0 };
	int r = 0;

	tables_load(&m.tables);
	tables_check(&m.tables, &v);
	tables_check_kinds(&m.tables, &v);
	for (size_t i = 0; r == 0 && i < sizeof(sizes) / sizeof(*sizes); i++)
		r = explore(&m, &sizes[i], &v);
	check_reached_of(&m, /* init= */ true, &v);
	check_reached_of(&m, /* init= */ false, &v);
	verdict_print(&v, (UINT32_C(1) << RULES) - 1);
	return r < 0 || v.broken ? 1 : 0;
}
