/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through a recording.
 *
 * process_event() and effects.c are followed as they run: a step that speaks to
 * the container rule must be followed by the rule's record, a change of state
 * by the requests that wait, the end of init by that of its execs. What nothing
 * in the recording has caused is an input from outside: requests, completions,
 * exits. A recording may end anywhere, for its writer may have died.
 *
 * After a problem the walk goes on with what was recorded, so that one problem
 * is told once. A ring that has wrapped has lost its beginning: the first
 * record of a process is taken as given then, and what depends on the past is
 * not asked of it.
 */
#include "shim/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "shim/replay-internal.h"

bool
actor_is_init(const struct actor *a)
{
	return a->slot == 0;
}

const char *
actor_state_name(const struct actor *a, uint8_t state)
{
	return actor_is_init(a)
		   ? fsm_init_state_name((enum fsm_init_state)state)
		   : fsm_exec_state_name((enum fsm_exec_state)state);
}

const char *
actor_event_name(const struct actor *a, uint8_t event)
{
	return actor_is_init(a)
		   ? fsm_init_event_name((enum fsm_init_event)event)
		   : fsm_exec_event_name((enum fsm_exec_event)event);
}

static struct fsm_step
machine_step(const struct actor *a, uint8_t state, uint8_t event)
{
	return actor_is_init(a) ? fsm_init_step((enum fsm_init_state)state,
				      (enum fsm_init_event)event)
				: fsm_exec_step((enum fsm_exec_state)state,
				      (enum fsm_exec_event)event);
}

/* Newest first: who is spoken of is mostly the youngest. */
struct actor *
replay_find(const struct replay *r, uint32_t slot)
{
	for (struct list *l = r->actors.prev; l != &r->actors; l = l->prev) {
		struct actor *a = list_entry(l, struct actor, link);
		if (a->slot == slot)
			return a;
	}
	return NULL;
}

static struct actor *
find_or_make(struct replay *r, uint32_t slot)
{
	struct actor *a = replay_find(r, slot);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a) {
		r->no_memory = true;
		return NULL;
	}
	a->slot = slot;
	if (slot == 0)
		(void)snprintf(a->name, sizeof(a->name), "init");
	else
		(void)snprintf(a->name, sizeof(a->name), "exec#%u", slot);
	list_add_tail(&r->actors, &a->link);
	return a;
}

static const struct record *
peek(const struct replay *r)
{
	const struct recording *recording = r->recording;

	return !r->no_memory && r->next < recording->n
		   ? &recording->records[r->next]
		   : NULL;
}

static bool
is_step_of(const struct record *record, uint32_t slot)
{
	return record->process == slot &&
	       record->kind == (slot == 0 ? RECORD_INIT : RECORD_EXEC);
}

/* ---- the queue of requests that wait ---- */

static void
queue_put(struct replay *r, struct actor *a, uint8_t event, bool at_head)
{
	if (a->n_queue == a->max_queue) {
		size_t max = a->max_queue ? 2 * a->max_queue : 8;
		uint8_t *queue = realloc(a->queue, max);
		if (!queue) {
			r->no_memory = true;
			return;
		}
		a->queue = queue;
		a->max_queue = max;
	}
	if (at_head)
		memmove(a->queue + 1, a->queue, a->n_queue);
	a->queue[at_head ? 0 : a->n_queue] = event;
	a->n_queue++;
}

static uint8_t
queue_take(struct actor *a)
{
	uint8_t event = a->queue[0];

	a->n_queue--;
	memmove(a->queue, a->queue + 1, a->n_queue);
	return event;
}

/* ---- steps ---- */

static void follow_step(struct replay *r, struct actor *a);

/* The next record is what has to come; without one the recording ends here. */
static bool
expect_step(struct replay *r, const struct actor *a, uint8_t event)
{
	const struct record *record = peek(r);

	if (!record)
		return false;
	if (is_step_of(record, a->slot) && record->event == event)
		return true;
	replay_problem(
	    r, "%s of %s does not follow", actor_event_name(a, event), a->name);
	return false;
}

static uint64_t
encode_rule(struct fsm_rule rule)
{
	return rule.execs | (rule.init_dead ? RECORD_RULE_DEAD : 0) |
	       (rule.init_waits ? RECORD_RULE_WAITS : 0);
}

static void
step_rule(struct replay *r)
{
	const struct record *record = &r->recording->records[r->next++];
	const struct fsm_rule rule = {
		.execs = (uint32_t)record->actions,
		.init_dead = record->actions & RECORD_RULE_DEAD,
		.init_waits = record->actions & RECORD_RULE_WAITS,
	};
	struct fsm_rule_step step =
	    fsm_rule_step(rule, (enum fsm_rule_event)record->event);

	timeline_rule(r, record);
	if (r->rule_known && encode_rule(r->rule) != record->actions)
		replay_problem(r, "the rule was in another state");
	if (step.execs_gone != record->next || step.bug != record->step)
		replay_problem(r, "the rule says%s%s%s",
		    step.execs_gone ? " EXECS_GONE" : "",
		    step.bug ? " BUG" : "",
		    step.execs_gone || step.bug ? "" : " nothing");
	if (record->step)
		replay_problem(r, "an event that cannot happen");
	r->rule = step.next;
	r->rule_known = true;
	if (record->next && expect_step(r, r->init, FSM_INIT_EV_EXECS_GONE))
		follow_step(r, r->init);
}

static void
follow_rule(struct replay *r, enum fsm_rule_event event)
{
	const struct record *record = peek(r);

	if (!record)
		return;
	if (record->kind == RECORD_RULE && record->event == event)
		step_rule(r);
	else
		replay_problem(r, "the rule's %s does not follow",
		    fsm_rule_event_name(event));
}

static void
take_name(struct replay *r)
{
	const struct record *record = &r->recording->records[r->next++];
	struct actor *a = find_or_make(r, record->process);

	timeline_name(r, record);
	if (!a)
		return;
	if (actor_is_init(a) || a->stepped)
		replay_problem(r, "a name for a process that has one");
	else
		memcpy(a->name, record->name, sizeof(a->name));
}

/* An exec that cannot be made is refused before its machine is asked. */
static void
follow_admission(struct replay *r)
{
	const struct record *record = peek(r);

	if (record && record->kind == RECORD_NAME)
		take_name(r);
	record = peek(r);
	if (!record || record->kind != RECORD_EXEC || record->process == 0 ||
	    record->event != FSM_EXEC_EV_ADD)
		return;
	struct actor *a = find_or_make(r, record->process);
	if (a)
		follow_step(r, a);
}

static void
follow_end_of_execs(struct replay *r)
{
	const struct record *record;

	while ((record = peek(r)) && record->kind == RECORD_EXEC &&
	       record->process != 0 && record->event == FSM_EXEC_EV_GONE) {
		struct actor *a = find_or_make(r, record->process);
		if (!a)
			return;
		follow_step(r, a);
	}
	if (!record)
		return;
	list_for_each(l, tmp, &r->actors)
	{
		const struct actor *a = list_entry(l, struct actor, link);
		if (a->stepped && !a->deleted)
			replay_problem(r, "%s outlives init", a->name);
	}
}

/* What comes of actions that lead to other steps, in the order of actions. */
static void
follow_actions(struct replay *r, struct actor *a, uint64_t actions)
{
	if (actor_is_init(a) && actions & FSM_ACTION_BIT(FSM_ACT_RECORD_EXIT))
		follow_rule(r, FSM_RULE_INIT_DEAD);
	if (actions & FSM_ACTION_BIT(FSM_ACT_EXEC_BEGIN))
		follow_rule(r, FSM_RULE_EXEC_BEGIN);
	if (actions & FSM_ACTION_BIT(FSM_ACT_ADMIT))
		follow_admission(r);
	if (actions & FSM_ACTION_BIT(FSM_ACT_ASK_EXECS))
		follow_rule(r, FSM_RULE_INIT_ASKS);
	if (actions & FSM_ACTION_BIT(FSM_ACT_EXEC_END))
		follow_rule(r, FSM_RULE_EXEC_END);
	if (actions & FSM_ACTION_BIT(FSM_ACT_FORGET)) {
		rules_gone(r, a);
		a->deleted = true;
		if (actor_is_init(a))
			follow_end_of_execs(r);
	}
}

static void
check_from(struct replay *r, struct actor *a, const struct record *record)
{
	if (a->stepped && record->from != a->state)
		replay_problem(
		    r, "%s was %s", a->name, actor_state_name(a, a->state));
	if (!a->stepped) {
		/* NEW is the first state of both machines. */
		a->whole = r->recording->complete || record->from == 0;
		if (a->whole && record->from != 0)
			replay_problem(r, "%s has no beginning", a->name);
	}
	a->stepped = true;
}

static void
check_step(struct replay *r, const struct actor *a, const struct record *record)
{
	struct fsm_step step = machine_step(a, record->from, record->event);

	if (step.kind != record->step)
		replay_problem(
		    r, "the machine says %s", fsm_kind_name(step.kind));
	if (step.next != record->next)
		replay_problem(r, "the machine goes to %s",
		    actor_state_name(a, step.next));
	for (unsigned i = 0; i < 64; i++) {
		uint64_t bit = UINT64_C(1) << i;
		if ((step.actions ^ record->actions) & bit)
			replay_problem(r, "the machine %s %s",
			    step.actions & bit ? "also does" : "does not do",
			    fsm_action_name((enum fsm_action)i));
	}
	if (record->step == FSM_BUG)
		replay_problem(r, "an event that cannot happen");
}

/* True when a request was told to wait. */
static bool
step_once(struct replay *r, struct actor *a, bool again)
{
	const struct record *record = &r->recording->records[r->next++];
	bool waits = record->step == FSM_WAIT;

	r->steps++;
	timeline_step(r, a, record);
	check_from(r, a, record);
	check_step(r, a, record);
	a->state = record->next;
	if (!waits && record->step != FSM_GO)
		return false;
	rules_step(r, a, record);
	/* What waited before the beginning is not known. */
	if (waits && a->whole)
		queue_put(r, a, record->event, again);
	follow_actions(r, a, record->actions);
	return waits;
}

static void
offer_queue(struct replay *r, struct actor *a)
{
	while (a->n_queue > 0 && peek(r)) {
		uint8_t before = a->state;
		uint8_t event = queue_take(a);

		if (!expect_step(r, a, event)) {
			a->n_queue = 0;
			return;
		}
		if (step_once(r, a, /* again= */ true) && a->state == before)
			return;
	}
}

static void
follow_step(struct replay *r, struct actor *a)
{
	uint8_t before = r->recording->records[r->next].from;

	(void)step_once(r, a, /* again= */ false);
	if (a->state != before)
		offer_queue(r, a);
}

/* ---- inputs from outside ---- */

/* Raised by other steps only. */
static bool
is_raised(const struct record *record)
{
	if (record->kind == RECORD_INIT)
		return record->event == FSM_INIT_EV_EXECS_GONE;
	if (record->kind == RECORD_EXEC)
		return record->event == FSM_EXEC_EV_ADD ||
		       record->event == FSM_EXEC_EV_GONE;
	return true;
}

/* It may have waited, and been taken up by a step that is lost. */
static bool
may_have_waited(const struct actor *a, uint8_t event)
{
	unsigned states = actor_is_init(a) ? FSM_INIT_STATES : FSM_EXEC_STATES;

	for (unsigned s = 0; s < states; s++) {
		if (machine_step(a, (uint8_t)s, event).kind == FSM_WAIT)
			return true;
	}
	return false;
}

static void
take_step(struct replay *r, const struct record *record)
{
	struct actor *a = find_or_make(r, record->process);

	if (!a)
		return;
	if (!is_raised(record) && !may_have_waited(a, record->event))
		r->settled = true;
	follow_step(r, a);
}

static void
take_input(struct replay *r)
{
	const struct record *record = &r->recording->records[r->next];

	if (record->kind == RECORD_RULE)
		step_rule(r);
	else if (record->kind == RECORD_NAME)
		take_name(r);
	else if (is_step_of(record, record->process))
		take_step(r, record);
	else
		timeline_unknown(r, &r->recording->records[r->next++]);
}

static void
walk(struct replay *r)
{
	const struct record *record;

	r->settled = r->recording->complete;
	while ((record = peek(r))) {
		if (r->settled && is_raised(record))
			replay_problem(r, "nothing has caused what follows");
		take_input(r);
	}
}

/* ---- all of it ---- */

static void
sum_up(const struct replay *r, struct replay_result *ret)
{
	*ret = (struct replay_result){ .steps = r->steps,
		.problems = r->problems };
	list_for_each(l, tmp, &r->actors)
	{
		const struct actor *a = list_entry(l, struct actor, link);
		ret->processes += a->stepped;
		ret->waiting += a->waiters + a->n_queue + a->op;
	}
}

static void
free_actors(struct replay *r)
{
	list_for_each(l, tmp, &r->actors)
	{
		struct actor *a = list_entry(l, struct actor, link);
		list_del(&a->link);
		free(a->queue);
		free(a);
	}
}

int
replay_run(const struct recording *recording, FILE *out,
    struct replay_result *ret, struct err *err)
{
	struct replay r = { .recording = recording, .out = out };

	list_init(&r.actors);
	r.rule_known = recording->complete;
	r.init = find_or_make(&r, 0);
	if (r.init)
		walk(&r);
	if (!r.no_memory)
		sum_up(&r, ret);
	free_actors(&r);
	return r.no_memory ? err_set_errno(err, ENOMEM, "replay") : 0;
}
