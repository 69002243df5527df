/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

/*
 * Samples of one figure. Start with { 0 }.
 */
#include <stddef.h>

struct series {
	double *values;
	size_t n, room;
};

void series_add(struct series *series, double value);

/* Frees the samples; there are none then. */
void series_done(struct series *series);

/* Sorts the samples; NAN when there are none. */
double series_median(struct series *series);

#endif
