/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples and their median: on a machine with other work the mean says more
 * about that work than about the shims.
 */
#include "test/tool/bench/series.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>

void
series_add(struct series *series, double value)
{
	if (series->n == series->room) {
		series->room = series->room ? 2 * series->room : 64;
		series->values = reallocarray(
		    series->values, series->room, sizeof(*series->values));
		if (!series->values)
			errx(1, "out of memory");
	}
	series->values[series->n++] = value;
}

void
series_done(struct series *series)
{
	free(series->values);
	*series = (struct series){ 0 };
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
series_median(struct series *series)
{
	size_t n = series->n;

	if (n == 0)
		return NAN;
	qsort(series->values, n, sizeof(*series->values), compare);
	return (series->values[n / 2] + series->values[(n - 1) / 2]) / 2;
}
