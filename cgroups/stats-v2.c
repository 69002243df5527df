/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of cgroup2, all in one directory (kernel documentation,
 * admin-guide/cgroup-v2).
 *
 * Which files there are depends on the controllers that are enabled for this
 * cgroup and on the kernel's age and configuration: what cannot be read is 0 or
 * left out, and only want of memory is an error. A pressure file that exists
 * may still answer EOPNOTSUPP.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"
#include "cgroups/stats-internal.h"

static int
unless_memory(int r)
{
	return r == -ENOMEM ? r : 0;
}

static int
read_values(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
	const struct {
		const char *name;
		uint64_t *ret;
	} files[] = {
		{ "pids.current", &ret->pids.current },
		{ "pids.max", &ret->pids.limit },
		{ "memory.current", &ret->memory.usage },
		{ "memory.max", &ret->memory.usage_limit },
		{ "memory.swap.current", &ret->memory.swap_usage },
		{ "memory.swap.max", &ret->memory.swap_limit },
		{ "memory.peak", &ret->memory.max_usage },
		{ "memory.swap.peak", &ret->memory.swap_max_usage },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(*files); i++)
		r = unless_memory(
		    stat_read_value(reader, files[i].name, files[i].ret));
	return r;
}

static int
read_cpu(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
#define KEY(name) { #name, offsetof(struct cgroup_v2_cpu, name) },
	static const struct stat_key keys[] = { CGROUP_V2_CPU_STAT(KEY) };
#undef KEY

	return unless_memory(
	    stat_read_keys(reader, "cpu.stat", STAT_KEYS(keys), &ret->cpu));
}

static int
read_memory(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
#define KEY(name) { #name, offsetof(struct cgroup_v2_memory, name) },
	static const struct stat_key keys[] = { CGROUP_V2_MEMORY_STAT(KEY) };
#undef KEY

	return unless_memory(stat_read_keys(
	    reader, "memory.stat", STAT_KEYS(keys), &ret->memory));
}

static int
read_memory_events(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
#define KEY(name) { #name, offsetof(struct cgroup_v2_memory_events, name) },
	static const struct stat_key keys[] = { CGROUP_V2_MEMORY_EVENTS(KEY) };
#undef KEY

	int r = stat_read_keys(
	    reader, "memory.events", STAT_KEYS(keys), &ret->memory_events);
	ret->has_memory_events = r == 0 && *reader->text;
	return unless_memory(r);
}

/* ---- pressure ---- */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", behind its first word. */
static struct cgroup_psi_line
parse_psi_line(char *line)
{
	struct cgroup_psi_line psi = { .present = true };
	char *word;

	while ((word = stat_next_word(&line))) {
		if (strncmp(word, "avg10=", 6) == 0)
			psi.avg10 = strtod(word + 6, NULL);
		else if (strncmp(word, "avg60=", 6) == 0)
			psi.avg60 = strtod(word + 6, NULL);
		else if (strncmp(word, "avg300=", 7) == 0)
			psi.avg300 = strtod(word + 7, NULL);
		else if (strncmp(word, "total=", 6) == 0)
			psi.total = stat_parse_value(word + 6);
	}
	return psi;
}

static int
read_psi(struct stat_reader *reader, const char *name, struct cgroup_psi *ret)
{
	char *line, *cursor, *word;

	int r = stat_read(reader, name);
	if (r < 0)
		return unless_memory(r);
	ret->present = true;
	cursor = reader->text;
	while ((line = stat_next_line(&cursor))) {
		word = stat_next_word(&line);
		if (word && strcmp(word, "some") == 0)
			ret->some = parse_psi_line(line);
		else if (word && strcmp(word, "full") == 0)
			ret->full = parse_psi_line(line);
	}
	return 0;
}

static int
read_pressures(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
	int r = read_psi(reader, "cpu.pressure", &ret->cpu_psi);

	if (r == 0)
		r = read_psi(reader, "memory.pressure", &ret->memory_psi);
	return r < 0 ? r : read_psi(reader, "io.pressure", &ret->io_psi);
}

/* ---- io ---- */

static const char *
after(const char *word, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(word, prefix, len) == 0 ? word + len : NULL;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
static bool
parse_io_line(char *line, struct cgroup_v2_io_entry *ret)
{
	char *device = stat_next_word(&line), *word;
	char *colon = device ? strchr(device, ':') : NULL;
	const char *value;
	bool any = false;

	*ret = (struct cgroup_v2_io_entry){ 0 };
	if (!colon)
		return false;
	ret->major = stat_parse_value(device);
	ret->minor = stat_parse_value(colon + 1);
	for (; (word = stat_next_word(&line)); any = true) {
		if ((value = after(word, "rbytes=")))
			ret->rbytes = stat_parse_value(value);
		else if ((value = after(word, "wbytes=")))
			ret->wbytes = stat_parse_value(value);
		else if ((value = after(word, "rios=")))
			ret->rios = stat_parse_value(value);
		else if ((value = after(word, "wios=")))
			ret->wios = stat_parse_value(value);
	}
	return any;
}

static int
read_io(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
	struct cgroup_v2_io_entry entry, *added;
	char *line, *cursor;
	void *array = NULL;

	int r = stat_read(reader, "io.stat");
	if (r < 0)
		return unless_memory(r);
	cursor = reader->text;
	while ((line = stat_next_line(&cursor))) {
		if (!parse_io_line(line, &entry))
			continue;
		added = stat_array_add(&array, &ret->n_io, sizeof(*added));
		if (!added)
			return -ENOMEM;
		ret->io = array;
		*added = entry;
	}
	return 0;
}

/* ---- the rest ---- */

static int
read_rdma(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
	return unless_memory(stat_read_rdma(reader, &ret->rdma));
}

static int
read_hugetlb_size(struct stat_reader *reader, struct cgroup_hugetlb_stat *entry)
{
	const struct stat_key max = { "max",
		offsetof(struct cgroup_hugetlb_stat, failcnt) };
	char current[64], limit[64], events[64];

	(void)snprintf(
	    current, sizeof(current), "hugetlb.%s.current", entry->page_size);
	(void)snprintf(
	    limit, sizeof(limit), "hugetlb.%s.max", entry->page_size);
	(void)snprintf(
	    events, sizeof(events), "hugetlb.%s.events", entry->page_size);
	int r = unless_memory(stat_read_value(reader, current, &entry->usage));
	if (r == 0)
		r = unless_memory(stat_read_value(reader, limit, &entry->max));
	if (r == 0)
		r = unless_memory(
		    stat_read_keys(reader, events, &max, 1, entry));
	return r;
}

static int
read_hugetlb(struct stat_reader *reader, struct cgroup_stats_v2 *ret)
{
	int r =
	    unless_memory(stat_list_page_sizes(&ret->hugetlb, &ret->n_hugetlb));

	for (size_t i = 0; r == 0 && i < ret->n_hugetlb; i++)
		r = read_hugetlb_size(reader, &ret->hugetlb[i]);
	return r;
}

typedef int read_fn(struct stat_reader *reader, struct cgroup_stats_v2 *ret);

static read_fn *const readers[] = { read_values, read_cpu, read_memory,
	read_memory_events, read_pressures, read_io, read_rdma, read_hugetlb };

int
cgroup_stats_v2(
    const struct cgroup *cg, struct cgroup_stats_v2 *ret, struct err *err)
{
	cleanup_stat_reader struct stat_reader reader = STAT_READER_INIT;
	cleanup_stats_v2 struct cgroup_stats_v2 stats = { 0 };

	int r = stat_reader_enter(&reader, cg->dir);
	for (size_t i = 0; r == 0 && i < sizeof(readers) / sizeof(*readers);
	     i++)
		r = readers[i](&reader, &stats);
	if (access(cg->dir, F_OK) < 0)
		return cgroup_missing(err);
	if (r < 0)
		return err_set_errno(
		    err, -r, "statistics of cgroup '%s'", cg->path);
	*ret = stats;
	stats = (struct cgroup_stats_v2){ 0 };
	return 0;
}

void
cgroup_stats_v2_done(struct cgroup_stats_v2 *stats)
{
	free(stats->io);
	stat_rdma_done(&stats->rdma);
	free(stats->hugetlb);
	*stats = (struct cgroup_stats_v2){ 0 };
}
