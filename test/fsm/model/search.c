/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Breadth-first search. Worlds are kept once, in the order in which they were
 * found, as the bytes in use; a hash table of their numbers finds them again.
 * For each the world before it and the move in between are kept, to print a
 * path, and its different successors, to walk backwards from the ends.
 */
#include "test/fsm/model/search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX

struct node {
	uint32_t parent;
	struct move move;
	uint32_t depth;
	size_t edges; /* where its successors begin */
};

struct space {
	struct model *m;
	size_t width; /* bytes of a world that are in use */
	uint8_t *worlds;
	struct node *nodes;
	uint32_t n, room;
	uint32_t *table; /* number + 1, 0 when free */
	uint32_t mask;
	uint32_t *edges;
	size_t n_edges, room_edges;
};

static void
space_done(struct space *s)
{
	free(s->worlds);
	free(s->nodes);
	free(s->table);
	free(s->edges);
}

static const uint8_t *
bytes_at(const struct space *s, uint32_t i)
{
	return s->worlds + s->width * i;
}

static void
world_at(const struct space *s, uint32_t i, struct world *ret)
{
	world_init(ret);
	memcpy(ret, bytes_at(s, i), s->width);
}

static uint32_t
hash(const uint8_t *bytes, size_t n)
{
	uint64_t h = 0;

	while (n > 0) {
		size_t step = n < sizeof(uint64_t) ? n : sizeof(uint64_t);
		uint64_t word = 0;

		memcpy(&word, bytes, step);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
		bytes += step;
		n -= step;
	}
	return (uint32_t)h;
}

/* The place in the table where these bytes are, or would be. */
static uint32_t
place_of(const struct space *s, const uint8_t *bytes)
{
	uint32_t at = hash(bytes, s->width) & s->mask;

	while (s->table[at] &&
	       memcmp(bytes_at(s, s->table[at] - 1), bytes, s->width) != 0)
		at = (at + 1) & s->mask;
	return at;
}

static int
resize(void **array, size_t n, size_t size)
{
	void *p = realloc(*array, n * size);

	if (!p)
		return -ENOMEM;
	*array = p;
	return 0;
}

static int
grow(struct space *s)
{
	uint32_t room = s->room ? s->room * 2 : 1024;
	void *worlds = s->worlds, *nodes = s->nodes;

	int r = resize(&worlds, room, s->width);
	s->worlds = worlds;
	if (r == 0)
		r = resize(&nodes, room, sizeof(*s->nodes));
	s->nodes = nodes;
	if (r < 0)
		return r;
	free(s->table);
	s->table = calloc((size_t)room * 2, sizeof(*s->table));
	if (!s->table)
		return -ENOMEM;
	s->room = room;
	s->mask = room * 2 - 1;
	for (uint32_t i = 0; i < s->n; i++)
		s->table[place_of(s, bytes_at(s, i))] = i + 1;
	return 0;
}

/* *ret is the world's number, new or old. */
static int
insert(struct space *s, const struct world *w, const struct node *node,
    uint32_t *ret)
{
	const uint8_t *bytes = (const uint8_t *)w;

	if (s->n == s->room) {
		int r = grow(s);
		if (r < 0)
			return r;
	}
	uint32_t at = place_of(s, bytes);
	if (!s->table[at]) {
		memcpy(s->worlds + s->width * s->n, bytes, s->width);
		s->nodes[s->n] = *node;
		s->table[at] = ++s->n;
	}
	*ret = s->table[at] - 1;
	return 0;
}

static int
add_edge(struct space *s, uint32_t to)
{
	if (s->n_edges == s->room_edges) {
		size_t room = s->room_edges ? s->room_edges * 2 : 4096;
		void *edges = s->edges;
		int r = resize(&edges, room, sizeof(*s->edges));

		s->edges = edges;
		if (r < 0)
			return r;
		s->room_edges = room;
	}
	s->edges[s->n_edges++] = to;
	return 0;
}

/* ---- telling ---- */

void
search_print_move(const struct move *move, const struct world *after)
{
	bool init = move->who == 0;
	const struct proc *p = &after->p[move->who];

	printf("#   %s", init ? "init" : "exec");
	if (!init)
		printf(" %u", move->who);
	printf(" %s", tables_event_name(init, move->event));
	if (init && move->event == FSM_INIT_EV_EXEC)
		printf(" %u", move->slot);
	printf(" -> %s", init || p->state != ABSENT
			     ? tables_state_name(init, p->state)
			     : "DELETED");
	if (p->queued)
		printf(", %u waiting", p->queued);
	printf("\n");
}

static void
print_path(const struct space *s, uint32_t to)
{
	struct world w;

	if (s->nodes[to].parent == NOWHERE)
		return;
	print_path(s, s->nodes[to].parent);
	world_at(s, to, &w);
	search_print_move(&s->nodes[to].move, &w);
}

/* Takes over what a move has broken, and prints the way to each first. */
static void
collect(struct search *search, const struct space *s, uint32_t from,
    const struct move *move, const struct world *after, bool quiet)
{
	struct verdict *v = &s->m->verdict;

	for (unsigned r = 0; r < RULES; r++) {
		if (!((v->broken & ~search->found.broken) >> r & 1))
			continue;
		verdict_break(&search->found, (enum rule)r, "%s", v->text[r]);
		if (quiet)
			continue;
		printf("# %s: %s\n", rule_name((enum rule)r), v->text[r]);
		print_path(s, from);
		if (move)
			search_print_move(move, after);
	}
	v->broken = 0;
}

/* ---- searching ---- */

static void
check_inevitable(const struct space *s, const struct world *before,
    const struct world *after)
{
	if (progress_left(s->m, after) >= progress_left(s->m, before))
		verdict_break(&s->m->verdict, RULE_PROGRESS,
		    "what is inevitable may go on for ever");
}

/* *ret_new is set when the move led somewhere. */
static int
follow(struct space *s, struct search *search, uint32_t from,
    const struct world *before, const struct move *move, bool early)
{
	struct world w = *before;
	struct node node = { from, *move, s->nodes[from].depth + 1, 0 };
	uint32_t to;

	search->transitions++;
	moves_apply(s->m, &w, move);
	if (!s->m->verdict.broken && move->inevitable)
		check_inevitable(s, before, &w);
	if (s->m->verdict.broken) {
		collect(search, s, from, move, &w, early);
		return 0;
	}
	/* Most requests change nothing. */
	if (memcmp(&w, before, s->width) == 0)
		return 0;
	int r = insert(s, &w, &node, &to);
	return r < 0 ? r : add_edge(s, to);
}

static int
expand(struct space *s, struct search *search, uint32_t from, bool early)
{
	struct move moves[MOVES_MAX];
	struct world w;
	bool inevitable = false;
	int r = 0;

	world_at(s, from, &w);
	s->nodes[from].edges = s->n_edges;
	search->depth = s->nodes[from].depth;
	unsigned n = moves_list(s->m, &w, moves);
	for (unsigned i = 0; i < n && r == 0; i++) {
		inevitable |= moves[i].inevitable;
		r = follow(s, search, from, &w, &moves[i], early);
		if (early && search->found.broken)
			return r;
	}
	if (!inevitable && progress_needed(s->m, &w)) {
		verdict_break(&s->m->verdict, RULE_PROGRESS,
		    "nothing will answer what waits");
		collect(search, s, from, NULL, NULL, early);
	}
	return r;
}

/* ---- ends ---- */

static bool
is_end(const struct space *s, uint32_t i)
{
	struct world w;

	world_at(s, i, &w);
	return w.p[0].state == FSM_INIT_DELETED;
}

static bool
leads_on(const struct space *s, uint32_t i, const uint8_t *good)
{
	size_t end = i + 1 < s->n ? s->nodes[i + 1].edges : s->n_edges;

	for (size_t e = s->nodes[i].edges; e < end; e++) {
		if (good[s->edges[e]])
			return true;
	}
	return false;
}

/* Backwards, until no world is found any more from which an end is reached. */
static int
check_ends(const struct space *s, struct search *search)
{
	uint8_t *good = calloc((size_t)s->n + 1, 1);
	bool changed = true;

	if (!good)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++)
		good[i] = is_end(s, i);
	while (changed) {
		changed = false;
		for (uint32_t i = s->n; i-- > 0;) {
			if (!good[i] && leads_on(s, i, good))
				good[i] = changed = true;
		}
	}
	for (uint32_t i = 0; i < s->n; i++) {
		if (good[i])
			continue;
		verdict_break(&s->m->verdict, RULE_END, "a dead end");
		collect(search, s, i, NULL, NULL, false);
		break;
	}
	free(good);
	return 0;
}

/* What a row does in vain whenever it is taken, it need not do. */
static void
check_use(const struct space *s, struct search *search, bool init)
{
	struct model *m = s->m;

	for (unsigned i = 0; i < tables_states(init); i++) {
		for (unsigned e = 0; e < tables_events(init); e++) {
			uint64_t vain =
			    tables_cell(&m->tables, init, i, e)->actions &
			    ~m->useful[init][i][e] & (BIT(THAW) | BIT(WAKE));

			if (vain)
				verdict_break(&search->found, RULE_ROWS,
				    "%s, %s %s in vain",
				    tables_state_name(init, i),
				    tables_event_name(init, e),
				    vain & BIT(THAW) ? "thaws" : "wakes");
		}
	}
}

static int
run(struct space *s, bool early, struct search *search)
{
	const struct node root = { .parent = NOWHERE };
	struct world w;
	uint32_t i;

	world_init(&w);
	s->m->verdict.broken = 0;
	memset(s->m->useful, 0, sizeof(s->m->useful));
	int r = insert(s, &w, &root, &i);
	for (i = 0; r == 0 && i < s->n; i++) {
		r = expand(s, search, i, early);
		if (early && search->found.broken)
			return r;
	}
	if (r < 0)
		return r;
	check_use(s, search, /* init= */ true);
	if (s->m->execs > 0)
		check_use(s, search, /* init= */ false);
	search->states = s->n;
	return check_ends(s, search);
}

int
search_run(struct model *m, bool early, struct search *ret)
{
	struct space s = {
		.m = m,
		.width = offsetof(struct world, p) +
			 sizeof(struct proc) * (1 + m->execs),
	};

	*ret = (struct search){ 0 };
	int r = run(&s, early, ret);
	space_done(&s);
	return r;
}
