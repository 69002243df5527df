/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line for each figure, printed as soon as it is known. A budget that is
 * missed is marked, and nothing more: figures of a busy machine are no test.
 */
#include "test/tool/bench/table.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CELL_MAX 64

static void
put_line(const char *what, const char *ours, const char *theirs,
    const char *bare, const char *ratio, const char *budget)
{
	(void)printf("%-36s | %9s | %9s | %9s | %6s | %s\n", what, ours, theirs,
	    bare, ratio, budget);
	(void)fflush(stdout);
}

void
table_head(void)
{
	put_line("what", "ours", "Go shim", "no shim", "ratio", "budget");
}

static void
format_value(char *buf, enum unit unit, double value)
{
	const char *suffix = "";
	int decimals = 0;

	if (isnan(value)) {
		(void)strcpy(buf, "-");
		return;
	}
	switch (unit) {
	case UNIT_MS:
		suffix = fabs(value) < 1 ? " us" : " ms";
		decimals = fabs(value) < 1 ? 0 : 2;
		value *= fabs(value) < 1 ? 1000 : 1;
		break;
	case UNIT_KIB:
		suffix = " kB";
		break;
	case UNIT_COUNT:
		break;
	case UNIT_MB_PER_S:
		suffix = " MB/s";
		break;
	case UNIT_CPU_PER_GB:
		suffix = " s/GB";
		decimals = 2;
		break;
	}
	(void)snprintf(buf, CELL_MAX, "%.*f%s", decimals, value, suffix);
}

static bool
is_met(const struct budget *budget, double ours, double theirs)
{
	switch (budget->bound) {
	case BOUND_NONE:
		break;
	case BOUND_AT_MOST:
		return ours <= budget->limit;
	case BOUND_RATIO_AT_MOST:
		return ours <= budget->limit * theirs;
	case BOUND_RATIO_AT_LEAST:
		return ours >= budget->limit * theirs;
	}
	return true;
}

void
table_values(const char *what, enum unit unit, double ours, double theirs,
    double bare, struct budget budget)
{
	char cells[3][CELL_MAX], ratio[CELL_MAX], verdict[CELL_MAX];

	format_value(cells[0], unit, ours);
	format_value(cells[1], unit, theirs);
	format_value(cells[2], unit, bare);
	(void)snprintf(ratio, sizeof(ratio), "%.3f", ours / theirs);
	(void)snprintf(verdict, sizeof(verdict), "%s%s", budget.text,
	    is_met(&budget, ours, theirs) ? "" : " MISSED");
	put_line(what, cells[0], cells[1], cells[2], ratio, verdict);
}

void
table_figure(const char *what, enum unit unit, struct figure *figure,
    struct budget budget)
{
	table_values(what, unit, series_median(&figure->side[OURS]),
	    series_median(&figure->side[THEIRS]), series_median(&figure->bare),
	    budget);
	for (unsigned side = 0; side < SIDES; side++)
		series_done(&figure->side[side]);
	series_done(&figure->bare);
}
