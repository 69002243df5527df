/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container rule: an init's exit is published after the exits of all execs,
 * and no exec starts once init was reaped. Both are promises between machines
 * that know nothing of each other, so they are kept here, over a count and two
 * flags.
 */
#include "fsm/fsm.h"

static struct fsm_rule_step
bug(struct fsm_rule rule)
{
	struct fsm_rule_step step = { .next = rule, .bug = true };

	return step;
}

/* init_waits is cleared when EXECS_GONE is raised: it is raised once. */
static struct fsm_rule_step
settle(struct fsm_rule rule)
{
	struct fsm_rule_step step = { .next = rule };

	if (rule.init_waits && rule.execs == 0) {
		step.execs_gone = true;
		step.next.init_waits = false;
	}
	return step;
}

struct fsm_rule_step
fsm_rule_step(struct fsm_rule rule, enum fsm_rule_event event)
{
	switch (event) {
	case FSM_RULE_EXEC_BEGIN:
		if (rule.init_dead || rule.execs == UINT32_MAX)
			return bug(rule);
		rule.execs++;
		return settle(rule);
	case FSM_RULE_EXEC_END:
		if (rule.execs == 0)
			return bug(rule);
		rule.execs--;
		return settle(rule);
	case FSM_RULE_INIT_DEAD:
		if (rule.init_dead)
			return bug(rule);
		rule.init_dead = true;
		return settle(rule);
	case FSM_RULE_INIT_ASKS:
		if (!rule.init_dead || rule.init_waits)
			return bug(rule);
		rule.init_waits = true;
		return settle(rule);
	case FSM_RULE_EVENTS:
		break;
	}
	return bug(rule);
}

bool
fsm_rule_admits_start(struct fsm_rule rule)
{
	return !rule.init_dead;
}

const char *
fsm_rule_event_name(enum fsm_rule_event event)
{
	switch (event) {
	case FSM_RULE_EXEC_BEGIN:
		return "EXEC_BEGIN";
	case FSM_RULE_EXEC_END:
		return "EXEC_END";
	case FSM_RULE_INIT_DEAD:
		return "INIT_DEAD";
	case FSM_RULE_INIT_ASKS:
		return "INIT_ASKS";
	case FSM_RULE_EVENTS:
		break;
	}
	return "?";
}
