/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording as a graph: a cluster for each process, a node for each state
 * that it was in, an edge for each pair of states with the events that were
 * stepped there and how often. Requests that were refused are edges too: they
 * show what a client tried. The steps are sorted, so that the same ones stand
 * together.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "fsm/fsm.h"
#include "shim/replay.h"

struct edge {
	uint32_t process;
	uint8_t from, next, event;
};

static int
compare_edges(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->from != b->from)
		return a->from - b->from;
	if (a->next != b->next)
		return a->next - b->next;
	return a->event - b->event;
}

static bool
same_states(const struct edge *a, const struct edge *b)
{
	return a->process == b->process && a->from == b->from &&
	       a->next == b->next;
}

static size_t
collect(const struct recording *recording, struct edge *edges)
{
	size_t n = 0;

	for (size_t i = 0; i < recording->n; i++) {
		const struct record *r = &recording->records[i];
		if (r->kind != (r->process == 0 ? RECORD_INIT : RECORD_EXEC))
			continue;
		edges[n++] = (struct edge){ .process = r->process,
			.from = r->from,
			.next = r->next,
			.event = r->event };
	}
	return n;
}

static const char *
name_of(const struct recording *recording, uint32_t process)
{
	if (process == 0)
		return "init";
	for (size_t i = 0; i < recording->n; i++) {
		const struct record *r = &recording->records[i];
		if (r->kind == RECORD_NAME && r->process == process)
			return r->name;
	}
	return "exec";
}

static const char *
state_name(uint32_t process, uint8_t state)
{
	return process == 0 ? fsm_init_state_name((enum fsm_init_state)state)
			    : fsm_exec_state_name((enum fsm_exec_state)state);
}

static const char *
event_name(uint32_t process, uint8_t event)
{
	return process == 0 ? fsm_init_event_name((enum fsm_init_event)event)
			    : fsm_exec_event_name((enum fsm_exec_event)event);
}

static void
print_nodes(FILE *out, const struct edge *edges, size_t n)
{
	bool seen[UINT8_MAX + 1] = { false };
	uint32_t process = edges->process;

	for (size_t i = 0; i < n && edges[i].process == process; i++)
		seen[edges[i].from] = seen[edges[i].next] = true;
	for (unsigned s = 0; s <= UINT8_MAX; s++) {
		if (seen[s])
			(void)fprintf(out,
			    "\t\tp%" PRIu32 "s%u [label=\"%s\"];\n", process, s,
			    state_name(process, (uint8_t)s));
	}
}

/* All steps between two states; returns how many edges they are. */
static size_t
print_edge(FILE *out, const struct edge *edges, size_t n)
{
	const struct edge *e = edges;
	size_t i = 0;

	(void)fprintf(out, "\t\tp%" PRIu32 "s%u -> p%" PRIu32 "s%u [label=\"",
	    e->process, e->from, e->process, e->next);
	while (i < n && same_states(e, &edges[i])) {
		size_t first = i;

		while (i < n && compare_edges(&edges[first], &edges[i]) == 0)
			i++;
		(void)fprintf(
		    out, "%s", event_name(e->process, edges[first].event));
		if (i - first > 1)
			(void)fprintf(out, " x%zu", i - first);
		(void)fputs("\\n", out);
	}
	(void)fputs("\"];\n", out);
	return i;
}

static size_t
print_process(FILE *out, const struct recording *recording,
    const struct edge *edges, size_t n)
{
	uint32_t process = edges->process;
	size_t i = 0;

	(void)fprintf(out,
	    "\tsubgraph cluster_%" PRIu32 " {\n\t\tlabel=\"%s\";\n", process,
	    name_of(recording, process));
	print_nodes(out, edges, n);
	while (i < n && edges[i].process == process)
		i += print_edge(out, edges + i, n - i);
	(void)fputs("\t}\n", out);
	return i;
}

int
replay_dot(const struct recording *recording, FILE *out, struct err *err)
{
	cleanup_free struct edge *edges =
	    calloc(recording->n + 1, sizeof(*edges));

	if (!edges)
		return err_set_errno(err, ENOMEM, "draw");
	size_t n = collect(recording, edges);
	qsort(edges, n, sizeof(*edges), compare_edges);
	(void)fprintf(out,
	    "digraph chock {\n\tlabel=\"%s/%s\";\n\tnode [shape=box];\n",
	    recording->ns, recording->id);
	for (size_t i = 0; i < n;)
		i += print_process(out, recording, edges + i, n - i);
	(void)fputs("}\n", out);
	return 0;
}
