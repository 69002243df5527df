/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline of a replay: a line for each record, in the words of the shim's
 * own log,
 *
 *     SECONDS  PROCESS  FROM --EVENT--> TO [ACTIONS]
 *
 * with the kind of step after TO where it is not GO, and pid and status where
 * they come to be known. Seconds count from the first record; an exit has the
 * time when it happened, which may lie before that of the record before it. A
 * line that begins with "!" tells of a problem with the line above it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "shim/replay-internal.h"

void
replay_problem(struct replay *r, const char *fmt, ...)
{
	va_list args;

	r->problems++;
	(void)fputs("! ", r->out);
	va_start(args, fmt);
	(void)vfprintf(r->out, fmt, args);
	va_end(args);
	(void)fputc('\n', r->out);
}

static void
print_start(
    const struct replay *r, const struct record *record, const char *process)
{
	/* Unsigned: the times of a damaged file may be any numbers. */
	uint64_t since =
	    (uint64_t)record->at_ns - (uint64_t)r->recording->records[0].at_ns;

	(void)fprintf(r->out, "%12.6f  %-10s ",
	    (double)(int64_t)since / (double)NSEC_PER_SEC, process);
}

static void
print_actions(FILE *out, uint64_t actions)
{
	const char *space = "";

	(void)fputs(" [", out);
	for (unsigned a = 0; a < 64; a++) {
		if (!(actions & FSM_ACTION_BIT(a)))
			continue;
		(void)fprintf(
		    out, "%s%s", space, fsm_action_name((enum fsm_action)a));
		space = " ";
	}
	(void)fputc(']', out);
}

static bool
is_exit(const struct actor *a, const struct record *record)
{
	return record->event == (actor_is_init(a) ? (int)FSM_INIT_EV_EXITED
						  : (int)FSM_EXEC_EV_EXITED);
}

static void
print_process(FILE *out, struct actor *a, const struct record *record)
{
	if (record->pid != 0 && record->pid != a->pid) {
		(void)fprintf(out, " pid %" PRIu32, record->pid);
		a->pid = record->pid;
	}
	if (is_exit(a, record))
		(void)fprintf(out, " status %" PRIu32, record->status);
}

void
timeline_step(struct replay *r, struct actor *a, const struct record *record)
{
	print_start(r, record, a->name);
	(void)fprintf(r->out, "%s --%s--> %s",
	    actor_state_name(a, record->from),
	    actor_event_name(a, record->event),
	    actor_state_name(a, record->next));
	if (record->step != FSM_GO)
		(void)fprintf(
		    r->out, " %s", fsm_kind_name((enum fsm_kind)record->step));
	print_actions(r->out, record->actions);
	print_process(r->out, a, record);
	(void)fputc('\n', r->out);
}

void
timeline_rule(struct replay *r, const struct record *record)
{
	print_start(r, record, "rule");
	(void)fprintf(r->out, "execs=%" PRIu32 "%s%s --%s-->%s%s\n",
	    (uint32_t)record->actions,
	    record->actions & RECORD_RULE_DEAD ? " init-dead" : "",
	    record->actions & RECORD_RULE_WAITS ? " init-waits" : "",
	    fsm_rule_event_name((enum fsm_rule_event)record->event),
	    record->next ? " EXECS_GONE" : "", record->step ? " BUG" : "");
}

void
timeline_name(struct replay *r, const struct record *record)
{
	print_start(r, record, "name");
	(void)fprintf(
	    r->out, "exec#%" PRIu32 " is %s\n", record->process, record->name);
}

void
timeline_unknown(struct replay *r, const struct record *record)
{
	print_start(r, record, "?");
	(void)fprintf(r->out, "kind %u of process %" PRIu32 "\n", record->kind,
	    record->process);
	replay_problem(r, "no such record");
}
