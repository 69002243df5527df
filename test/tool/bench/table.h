/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

/*
 * The table that is printed, a row at a time.
 */
#include "test/tool/bench/rig.h"
#include "test/tool/bench/series.h"

enum unit {
	UNIT_MS,
	UNIT_KIB,
	UNIT_COUNT,
	UNIT_MB_PER_S,
	UNIT_CPU_PER_GB,
};

/* What a budget bounds: our figure, or its ratio to the other shim's. */
enum bound {
	BOUND_NONE,
	BOUND_AT_MOST,
	BOUND_RATIO_AT_MOST,
	BOUND_RATIO_AT_LEAST,
};

struct budget {
	enum bound bound;
	double limit;
	const char *text;
};

static const struct budget budget_none = { .bound = BOUND_NONE, .text = "" };

void table_head(void);

/* bare is the runtime's figure, or the kernel's, without a shim; or NAN. */
void table_values(const char *what, enum unit unit, double ours, double theirs,
    double bare, struct budget budget);

/* Samples of one figure from both shims; bare may have none. */
struct figure {
	struct series side[SIDES], bare;
};

/* Their medians; then figure is empty. */
void table_figure(const char *what, enum unit unit, struct figure *figure,
    struct budget budget);

#endif
