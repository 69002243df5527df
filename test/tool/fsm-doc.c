/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes what the tables say in a form to be read and to be reviewed.
 *
 *   fsm-doc DIR
 *
 * STATES.md has, for each machine, a matrix to see at a glance what may happen
 * where, and for each state what happens then; init.dot and exec.dot draw the
 * ways from state to state. The output depends on the tables alone.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fsm/fsm.h"

struct machine {
	const char *name;
	const char *what;
	unsigned states, events;
	struct fsm_step (*step)(unsigned state, unsigned event);
	const char *(*state_name)(unsigned state);
	const char *(*event_name)(unsigned event);
	enum fsm_status (*status)(unsigned state);
};

/* ---- the two machines behind one face ---- */

static struct fsm_step
init_step(unsigned state, unsigned event)
{
	return fsm_init_step(
	    (enum fsm_init_state)state, (enum fsm_init_event)event);
}

static const char *
init_state_name(unsigned state)
{
	return fsm_init_state_name((enum fsm_init_state)state);
}

static const char *
init_event_name(unsigned event)
{
	return fsm_init_event_name((enum fsm_init_event)event);
}

static enum fsm_status
init_status(unsigned state)
{
	return fsm_init_status((enum fsm_init_state)state);
}

static struct fsm_step
exec_step(unsigned state, unsigned event)
{
	return fsm_exec_step(
	    (enum fsm_exec_state)state, (enum fsm_exec_event)event);
}

static const char *
exec_state_name(unsigned state)
{
	return fsm_exec_state_name((enum fsm_exec_state)state);
}

static const char *
exec_event_name(unsigned event)
{
	return fsm_exec_event_name((enum fsm_exec_event)event);
}

static enum fsm_status
exec_status(unsigned state)
{
	return fsm_exec_status((enum fsm_exec_state)state);
}

static const struct machine machines[] = {
	{ "init", "The init process of a container", FSM_INIT_STATES,
	    FSM_INIT_EVENTS, init_step, init_state_name, init_event_name,
	    init_status },
	{ "exec", "A process added to a container", FSM_EXEC_STATES,
	    FSM_EXEC_EVENTS, exec_step, exec_state_name, exec_event_name,
	    exec_status },
};

static const char *
status_name(enum fsm_status status)
{
	switch (status) {
	case FSM_STATUS_UNKNOWN:
		return "UNKNOWN";
	case FSM_STATUS_CREATED:
		return "CREATED";
	case FSM_STATUS_RUNNING:
		return "RUNNING";
	case FSM_STATUS_STOPPED:
		return "STOPPED";
	case FSM_STATUS_PAUSED:
		return "PAUSED";
	case FSM_STATUS_PAUSING:
		return "PAUSING";
	}
	return "?";
}

/* ---- matrix ---- */

static char
symbol(const struct fsm_step *step, unsigned state)
{
	switch (step->kind) {
	case FSM_GO:
		return step->next == state ? 'o' : '>';
	case FSM_WAIT:
		return step->next == state ? 'w' : 'W';
	case FSM_IGNORE:
		return 'i';
	case FSM_REJECT:
		return '-';
	case FSM_BUG:
		return '.';
	}
	return '?';
}

static unsigned
longest(const struct machine *m, bool events)
{
	unsigned n = events ? m->events : m->states, max = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t len =
		    strlen(events ? m->event_name(i) : m->state_name(i));
		if (len > max)
			max = (unsigned)len;
	}
	return max;
}

/* The names of the events, written downwards, end above their columns. */
static void
write_heads(FILE *f, const struct machine *m, unsigned width)
{
	unsigned height = longest(m, /* events= */ true);

	for (unsigned line = 0; line < height; line++) {
		fprintf(f, "%*s", (int)width, "");
		for (unsigned e = 0; e < m->events; e++) {
			const char *name = m->event_name(e);
			size_t above = height - strlen(name);

			fprintf(
			    f, " %c", line < above ? ' ' : name[line - above]);
		}
		fputc('\n', f);
	}
}

static void
write_matrix(FILE *f, const struct machine *m)
{
	unsigned width = longest(m, /* events= */ false);

	fprintf(f, "```\n");
	write_heads(f, m, width);
	for (unsigned s = 0; s < m->states; s++) {
		fprintf(f, "%-*s", (int)width, m->state_name(s));
		for (unsigned e = 0; e < m->events; e++) {
			struct fsm_step step = m->step(s, e);

			fprintf(f, " %c", symbol(&step, s));
		}
		fputc('\n', f);
	}
	fprintf(f, "```\n\n");
}

/* ---- states ---- */

static void
write_row(FILE *f, const struct machine *m, unsigned state, unsigned event)
{
	struct fsm_step step = m->step(state, event);
	const char *comma = "";

	fprintf(f, "| %s | %s | %s |", m->event_name(event),
	    step.kind == FSM_WAIT ? "waits" : "",
	    step.next == state ? "" : m->state_name(step.next));
	for (unsigned a = 0; a < FSM_ACTIONS; a++) {
		if (!(step.actions & FSM_ACTION_BIT(a)))
			continue;
		fprintf(f, "%s %s", comma, fsm_action_name((enum fsm_action)a));
		comma = ",";
	}
	fprintf(f, " |\n");
}

static void
write_list(FILE *f, const struct machine *m, unsigned state, enum fsm_kind kind,
    const char *title)
{
	const char *between = title;

	for (unsigned e = 0; e < m->events; e++) {
		if (m->step(state, e).kind != kind)
			continue;
		fprintf(f, "%s%s", between, m->event_name(e));
		between = ", ";
	}
	if (between != title)
		fprintf(f, ".\n");
}

static void
write_state(FILE *f, const struct machine *m, unsigned state)
{
	fprintf(f, "### %s %s\n\nSeen as %s.\n\n", m->name,
	    m->state_name(state), status_name(m->status(state)));
	fprintf(f, "| event | | to | actions |\n|---|---|---|---|\n");
	for (unsigned e = 0; e < m->events; e++) {
		enum fsm_kind kind = m->step(state, e).kind;

		if (kind == FSM_GO || kind == FSM_WAIT)
			write_row(f, m, state, e);
	}
	fputc('\n', f);
	write_list(f, m, state, FSM_REJECT, "- Refused: ");
	write_list(f, m, state, FSM_IGNORE, "- Ignored: ");
	write_list(f, m, state, FSM_BUG, "- Cannot happen: ");
	fputc('\n', f);
}

static void
write_machine(FILE *f, const struct machine *m)
{
	fprintf(f, "## %s: %s\n\n", m->name, m->what);
	write_matrix(f, m);
	for (unsigned s = 0; s < m->states; s++)
		write_state(f, m, s);
}

static void
write_actions(FILE *f)
{
	fprintf(
	    f, "## Actions, in the order in which they are carried out\n\n");
	for (unsigned a = 0; a < FSM_ACTIONS; a++)
		fprintf(
		    f, "%u. %s\n", a + 1, fsm_action_name((enum fsm_action)a));
}

static void
write_states(FILE *f)
{
	fprintf(f, "# The state machines\n\n"
		   "Written by `make fsm-doc` from `init.def`, `exec.def` and\n"
		   "`actions.def`; those say what the names mean.\n\n"
		   "In a matrix a row is a state and a column an event:\n\n"
		   "| | |\n|---|---|\n"
		   "| `>` | accepted, leads to another state |\n"
		   "| `o` | accepted, the state stays |\n"
		   "| `w` | the request waits until the state has changed |\n"
		   "| `W` | likewise, and changes it at once |\n"
		   "| `-` | refused |\n"
		   "| `i` | ignored |\n"
		   "| `.` | cannot happen |\n\n");
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		write_machine(f, &machines[i]);
	write_actions(f);
}

/* ---- graphs ---- */

static bool
leads(const struct fsm_step *step, unsigned to)
{
	return (step->kind == FSM_GO || step->kind == FSM_WAIT) &&
	       step->next == to;
}

/* All events that lead from one state to another are one edge. */
static void
write_edge(FILE *f, const struct machine *m, unsigned from, unsigned to)
{
	bool any = false;

	for (unsigned e = 0; e < m->events; e++) {
		struct fsm_step step = m->step(from, e);

		if (from == to || !leads(&step, to))
			continue;
		if (any)
			fprintf(f, "\\n%s", m->event_name(e));
		else
			fprintf(f, "\t%s -> %s [label=\"%s",
			    m->state_name(from), m->state_name(to),
			    m->event_name(e));
		any = true;
	}
	if (any)
		fprintf(f, "\"];\n");
}

static bool
in_flight(const struct machine *m, unsigned state)
{
	for (unsigned e = 0; e < m->events; e++) {
		if (strcmp(m->event_name(e), "OP_OK") == 0)
			return m->step(state, e).kind != FSM_BUG;
	}
	return false;
}

static void
write_graph(FILE *f, const struct machine *m)
{
	fprintf(f,
	    "// Written by `make fsm-doc`. Dashed: an operation is in flight.\n"
	    "digraph %s {\n"
	    "\tnode [shape=box, style=rounded, fontname=sans];\n"
	    "\tedge [fontname=sans, fontsize=9];\n"
	    "\tranksep=0.6;\n",
	    m->name);
	for (unsigned s = 0; s < m->states; s++)
		fprintf(f, "\t%s%s;\n", m->state_name(s),
		    in_flight(m, s) ? " [style=\"rounded,dashed\"]" : "");
	for (unsigned from = 0; from < m->states; from++) {
		for (unsigned to = 0; to < m->states; to++)
			write_edge(f, m, from, to);
	}
	fprintf(f, "}\n");
}

/* ---- files ---- */

static FILE *
open_in(const char *dir, const char *name, const char *suffix)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);

	if (n < 0 || (size_t)n >= sizeof(path))
		return NULL;
	FILE *f = fopen(path, "we");
	if (!f)
		perror(path);
	return f;
}

static bool
close_well(FILE *f, const char *name)
{
	if (f && !ferror(f) && fclose(f) == 0)
		return true;
	fprintf(stderr, "cannot write %s\n", name);
	return false;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	FILE *f = open_in(argv[1], "STATES", ".md");
	if (f)
		write_states(f);
	bool ok = close_well(f, "STATES.md");
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		f = open_in(argv[1], machines[i].name, ".dot");
		if (f)
			write_graph(f, &machines[i]);
		ok = close_well(f, machines[i].name) && ok;
	}
	return ok ? 0 : 1;
}
