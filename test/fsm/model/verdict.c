/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the rules, and what was found about them. The numbers are those
 * of "What must always hold" in the design: 1 replies, 2 events, 3 ends,
 * 4 answers at once, 5 a repeated Delete. (6, purity, is a check of its own.)
 */
#include "test/fsm/model/verdict.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[RULES] = {
	[RULE_ROWS] = "a row that refuses does nothing, one that accepts does "
		      "something",
	[RULE_KINDS] = "what is accepted, refused and kept waiting is what the "
		       "state of the container allows",
	[RULE_AT_ONCE] = "4: State, Wait and SIGKILL never wait",
	[RULE_REQUEST] = "1: each request is replied to once, or kept by one "
			 "holder",
	[RULE_REPLY] = "1: each reply says what happened",
	[RULE_STATE] = "a state says which operation is in flight and what has "
		       "been told",
	[RULE_ORDER] = "2: create before start before exit before delete, each "
		       "once",
	[RULE_EXIT] = "2: exactly one exit is told, after it was recorded and "
		      "its waiters were",
	[RULE_ACROSS] = "2: execs exit before their init does",
	[RULE_OOM] = "2: each OOM is told, before the exit",
	[RULE_DEATH] = "only what is to die is killed, aborted and thawed",
	[RULE_RETRY] = "5: a Delete that was told is remembered, no other",
	[RULE_DELETED] = "3: no row leads out of DELETED",
	[RULE_BUG] = "3: no BUG cell is reached",
	[RULE_PROGRESS] = "1: what waits is answered once operations end and "
			  "the killed exit",
	[RULE_END] = "3: from every state some path leads to DELETED",
	[RULE_REACHED] = "every row is reached that has no reason not to be",
};

const char *
rule_name(enum rule rule)
{
	return names[rule];
}

void
verdict_break(struct verdict *v, enum rule rule, const char *format, ...)
{
	uint32_t bit = UINT32_C(1) << rule;
	va_list ap;

	if (v->broken & bit)
		return;
	v->broken |= bit;
	va_start(ap, format);
	(void)vsnprintf(v->text[rule], sizeof(v->text[rule]), format, ap);
	va_end(ap);
}

void
verdict_print(const struct verdict *v, uint32_t rules)
{
	for (unsigned r = 0; r < RULES; r++) {
		bool broken = v->broken >> r & 1;

		if (!(rules >> r & 1))
			continue;
		printf("%sok - %s\n", broken ? "not " : "", names[r]);
		if (broken)
			printf("# broken: %s\n", v->text[r]);
	}
}
