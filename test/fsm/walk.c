/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random walks through containers with more execs than can be explored, judged
 * by the same rules.
 *
 *   walk [SEED [STEPS]]
 *
 * The same seed walks the same way. A walk begins anew when its container is
 * gone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "test/fsm/model/search.h"

#define SEED  20240229
#define STEPS 1000000
/* What is printed of the way to a broken rule. */
#define TRAIL 30

struct walk {
	struct model m;
	struct world w;
	uint64_t random;
	struct move trail[TRAIL];
	struct world after[TRAIL];
	unsigned steps; /* in the trail, and those before it */
	unsigned ends;
	unsigned most; /* execs under way at a time */
};

/* splitmix64 */
static uint64_t
next_random(struct walk *walk)
{
	uint64_t x = walk->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void
begin(struct walk *walk)
{
	world_init(&walk->w);
	walk->steps = 0;
}

static void
check_progress(
    struct walk *walk, const struct world *before, const struct move *move)
{
	struct verdict *v = &walk->m.verdict;

	if (!v->broken && move->inevitable &&
	    progress_left(&walk->m, &walk->w) >=
		progress_left(&walk->m, before))
		verdict_break(
		    v, RULE_PROGRESS, "what is inevitable may go on for ever");
}

static void
step(struct walk *walk)
{
	struct move moves[MOVES_MAX];
	struct world before = walk->w;
	bool inevitable = false;

	unsigned n = moves_list(&walk->m, &walk->w, moves);
	if (n == 0) {
		verdict_break(&walk->m.verdict, RULE_END, "a dead end");
		return;
	}
	for (unsigned i = 0; i < n; i++)
		inevitable |= moves[i].inevitable;
	if (!inevitable && progress_needed(&walk->m, &walk->w))
		verdict_break(&walk->m.verdict, RULE_PROGRESS,
		    "nothing will answer what waits");
	const struct move move = moves[next_random(walk) % n];
	moves_apply(&walk->m, &walk->w, &move);
	check_progress(walk, &before, &move);
	walk->trail[walk->steps % TRAIL] = move;
	walk->after[walk->steps % TRAIL] = walk->w;
	walk->steps++;
	if (walk->w.rule_execs > walk->most)
		walk->most = walk->w.rule_execs;
}

static void
print_trail(const struct walk *walk)
{
	unsigned i = walk->steps > TRAIL ? walk->steps - TRAIL : 0;

	for (; i < walk->steps; i++)
		search_print_move(
		    &walk->trail[i % TRAIL], &walk->after[i % TRAIL]);
}

static void
run(struct walk *walk, uint64_t steps)
{
	begin(walk);
	for (uint64_t i = 0; i < steps && !walk->m.verdict.broken; i++) {
		step(walk);
		if (walk->w.p[0].state != FSM_INIT_DELETED)
			continue;
		walk->ends++;
		begin(walk);
	}
}

int
main(int argc, char **argv)
{
	static struct walk walk = {
		.m = { .execs = WORLD_EXECS, .queue_max = QUEUE_MAX },
	};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : SEED;
	uint64_t steps = argc > 2 ? strtoull(argv[2], NULL, 0) : STEPS;
	/* Of what a walk can find out. */
	uint32_t rules = (UINT32_C(1) << RULES) - 1;

	rules &= ~(UINT32_C(1) << RULE_ROWS | UINT32_C(1) << RULE_KINDS |
		   UINT32_C(1) << RULE_AT_ONCE | UINT32_C(1) << RULE_DELETED |
		   UINT32_C(1) << RULE_END | UINT32_C(1) << RULE_REACHED);
	walk.random = seed;
	tables_load(&walk.m.tables);
	run(&walk, steps);
	printf("# seed %llu: %llu steps, %u containers deleted, up to %u execs "
	       "under way\n",
	    (unsigned long long)seed, (unsigned long long)steps, walk.ends,
	    walk.most);
	if (walk.m.verdict.broken)
		print_trail(&walk);
	verdict_print(&walk.m.verdict, rules | walk.m.verdict.broken);
	return walk.m.verdict.broken ? 1 : 0;
}
