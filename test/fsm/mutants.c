/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the rules strict enough? Each row of the tables is made wrong in every
 * way that comes to mind, one at a time, and some rule must break. What is not
 * noticed either makes no difference, and is listed below with the reason, or
 * shows that a rule is missing.
 *
 *   mutants [PART PARTS]     PART is a number below PARTS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/fsm/model/search.h"

struct size {
	unsigned execs;
	unsigned queue_max;
};

/* From cheap to thorough. */
static const struct size sizes[] = { { 0, 2 }, { 1, 1 }, { 1, 2 }, { 2, 1 } };

/* Wrong rows that behave as the right ones do. */
static const struct {
	const char *mutant;
	const char *reason;
} equivalent[] = {
	{ "exec DELETED, DELETE: add REMEMBER",
	    "what is remembered twice is remembered" },
	{ "exec DELETED, GONE: becomes BUG",
	    "what is forgotten is found by nobody" },
	{ "exec DELETED, GONE: just BUG",
	    "what is forgotten is found by nobody" },
};

enum way {
	WAY_NEXT,
	WAY_DROP,
	WAY_ADD,
	WAY_SWAP,
	WAY_KIND,
	WAYS,
};

static const char *const way_names[WAYS] = {
	[WAY_NEXT] = "another next state",
	[WAY_DROP] = "an action less",
	[WAY_ADD] = "an action more",
	[WAY_SWAP] = "another action",
	[WAY_KIND] = "another kind",
};

struct bench {
	struct model m;
	bool init; /* the cell being mutated */
	unsigned state, event;
	struct fsm_step right;
	bool reached;
	unsigned made[WAYS], missed[WAYS], excused[WAYS];
	unsigned part, parts, turn;
};

/* ---- judging ---- */

static bool
breaks_statically(struct bench *b)
{
	struct verdict v = { 0 };
	enum fsm_kind kind =
	    tables_cell(&b->m.tables, b->init, b->state, b->event)->kind;

	tables_check(&b->m.tables, &v);
	tables_check_kinds(&b->m.tables, &v);
	/* What was never reached as BUG is not reached as anything else. */
	return v.broken || (b->right.kind == FSM_BUG && kind != FSM_BUG);
}

static bool
breaks(struct bench *b)
{
	struct search search;

	if (breaks_statically(b))
		return true;
	if (!b->reached)
		return false;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (!b->init && sizes[i].execs == 0)
			continue;
		b->m.execs = sizes[i].execs;
		b->m.queue_max = sizes[i].queue_max;
		if (search_run(&b->m, /* early= */ true, &search) < 0)
			abort();
		if (search.found.broken)
			return true;
	}
	return false;
}

static bool
is_equivalent(const char *mutant)
{
	for (size_t i = 0; i < sizeof(equivalent) / sizeof(*equivalent); i++) {
		if (strcmp(equivalent[i].mutant, mutant) != 0)
			continue;
		printf("# makes no difference: %s: %s\n", mutant,
		    equivalent[i].reason);
		return true;
	}
	return false;
}

static void
try(struct bench *b, enum way way, const struct fsm_step *wrong,
    const char *what, const char *which)
{
	char name[120];

	if (b->turn++ % b->parts != b->part)
		return;
	b->made[way]++;
	*tables_cell(&b->m.tables, b->init, b->state, b->event) = *wrong;
	if (!breaks(b)) {
		(void)snprintf(name, sizeof(name), "%s %s, %s: %s %s",
		    b->init ? "init" : "exec",
		    tables_state_name(b->init, b->state),
		    tables_event_name(b->init, b->event), what, which);
		if (is_equivalent(name)) {
			b->excused[way]++;
		} else {
			b->missed[way]++;
			printf("# not noticed: %s\n", name);
		}
		(void)fflush(stdout);
	}
	*tables_cell(&b->m.tables, b->init, b->state, b->event) = b->right;
}

/* ---- mutating ---- */

static void
try_next(struct bench *b)
{
	for (unsigned s = 0; s < tables_states(b->init); s++) {
		struct fsm_step wrong = b->right;

		wrong.next = (uint8_t)s;
		if (s != b->right.next)
			try(b, WAY_NEXT, &wrong, "to",
			    tables_state_name(b->init, s));
	}
}

static void
try_swap(struct bench *b, unsigned old)
{
	char what[60];

	for (unsigned a = 0; a < FSM_ACTIONS; a++) {
		struct fsm_step wrong = b->right;

		if (b->right.actions & FSM_ACTION_BIT(a))
			continue;
		wrong.actions &= ~FSM_ACTION_BIT(old);
		wrong.actions |= FSM_ACTION_BIT(a);
		(void)snprintf(what, sizeof(what), "for %s do",
		    fsm_action_name((enum fsm_action)old));
		try(b, WAY_SWAP, &wrong, what,
		    fsm_action_name((enum fsm_action)a));
	}
}

static void
try_actions(struct bench *b)
{
	for (unsigned a = 0; a < FSM_ACTIONS; a++) {
		bool there = b->right.actions & FSM_ACTION_BIT(a);
		struct fsm_step wrong = b->right;

		wrong.actions ^= FSM_ACTION_BIT(a);
		try(b, there ? WAY_DROP : WAY_ADD, &wrong,
		    there ? "drop" : "add",
		    fsm_action_name((enum fsm_action)a));
		if (there)
			try_swap(b, a);
	}
}

/* Refusing properly: nothing done, nowhere gone. */
static void
try_refusing(struct bench *b, enum fsm_kind kind)
{
	struct fsm_step wrong = {
		.kind = kind,
		.next = (uint8_t)b->state,
	};

	if (kind != b->right.kind)
		try(b, WAY_KIND, &wrong, "just", fsm_kind_name(kind));
}

/* Accepting properly: the request is served in one of the ways there are. */
static void
try_accepting(struct bench *b)
{
	uint64_t serves = tables_serves(b->init, b->event);

	for (unsigned a = 0; a < FSM_ACTIONS; a++) {
		struct fsm_step wrong = {
			.kind = FSM_GO,
			.next = (uint8_t)b->state,
			.actions = FSM_ACTION_BIT(a),
		};
		if (!tables_is_request(b->init, b->event) ||
		    serves & wrong.actions)
			try(b, WAY_KIND, &wrong, "do",
			    fsm_action_name((enum fsm_action)a));
	}
}

static void
try_kinds(struct bench *b)
{
	struct fsm_step wrong = b->right;

	for (unsigned kind = 0; kind <= FSM_BUG; kind++) {
		wrong.kind = (enum fsm_kind)kind;
		if (wrong.kind != b->right.kind)
			try(b, WAY_KIND, &wrong, "becomes",
			    fsm_kind_name(wrong.kind));
	}
	try_refusing(b, FSM_IGNORE);
	try_refusing(b, FSM_REJECT);
	try_refusing(b, FSM_WAIT);
	try_refusing(b, FSM_BUG);
	if (b->right.kind != FSM_GO)
		try_accepting(b);
}

static void
try_cell(struct bench *b)
{
	b->right = *tables_cell(&b->m.tables, b->init, b->state, b->event);
	b->reached = b->init ? b->m.seen_init[b->state][b->event]
			     : b->m.seen_exec[b->state][b->event];
	try_kinds(b);
	if (b->right.kind != FSM_GO && b->right.kind != FSM_WAIT)
		return;
	try_next(b);
	try_actions(b);
}

static void
try_table(struct bench *b, bool init)
{
	b->init = init;
	for (b->state = 0; b->state < tables_states(init); b->state++) {
		for (b->event = 0; b->event < tables_events(init); b->event++)
			try_cell(b);
	}
}

/* ---- telling ---- */

static bool
print_ways(const struct bench *b)
{
	bool good = true;

	for (unsigned way = 0; way < WAYS; way++) {
		bool ok = b->missed[way] == 0;

		printf("%sok - %s is noticed (%u made, %u not noticed, %u make "
		       "no difference)\n",
		    ok ? "" : "not ", way_names[way], b->made[way],
		    b->missed[way], b->excused[way]);
		good = good && ok;
	}
	return good;
}

/* The tables as they are must break nothing: else everything is noticed. */
static bool
is_right(struct bench *b)
{
	struct search search;

	if (breaks_statically(b))
		return false;
	b->m.execs = 2;
	b->m.queue_max = 1;
	return search_run(&b->m, /* early= */ true, &search) == 0 &&
	       !search.found.broken;
}

int
main(int argc, char **argv)
{
	static struct bench b = { .parts = 1 };

	if (argc == 3) {
		b.part = (unsigned)strtoul(argv[1], NULL, 10);
		b.parts = (unsigned)strtoul(argv[2], NULL, 10);
	}
	tables_load(&b.m.tables);
	if (!is_right(&b)) {
		printf("not ok - the tables themselves are right\n");
		return 1;
	}
	try_table(&b, /* init= */ true);
	try_table(&b, /* init= */ false);
	return print_ways(&b) ? 0 : 1;
}
