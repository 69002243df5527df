/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FSM_MODEL_VERDICT_H
#define TEST_FSM_MODEL_VERDICT_H

/*
 * The rules that the machines must keep, and which of them were seen broken.
 */
#include <stdbool.h>
#include <stdint.h>

enum rule {
	RULE_ROWS,
	RULE_KINDS,
	RULE_AT_ONCE,
	RULE_REQUEST,
	RULE_REPLY,
	RULE_STATE,
	RULE_ORDER,
	RULE_EXIT,
	RULE_ACROSS,
	RULE_OOM,
	RULE_DEATH,
	RULE_RETRY,
	RULE_DELETED,
	RULE_BUG,
	RULE_PROGRESS,
	RULE_END,
	RULE_REACHED,
	RULES
};

/* Zeroed: nothing is broken. The first break of each rule keeps its text. */
struct verdict {
	uint32_t broken; /* bits of enum rule */
	char text[RULES][160];
};

const char *rule_name(enum rule rule);

void verdict_break(struct verdict *v, enum rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Prints one TAP line for each rule in the set, and what broke it. */
void verdict_print(const struct verdict *v, uint32_t rules);

#endif
