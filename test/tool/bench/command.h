/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

/*
 * Programs that this one runs to their end.
 */
#include <stddef.h>

/*
 * Runs argv in dir (NULL: here) with nothing to read, waits until it has ended
 * and closed its output, and puts the output into out, without the newlines at
 * its end. A failed command ends the program. With out NULL the output goes
 * nowhere. Returns the milliseconds that all this took.
 */
double command_run(
    const char *const *argv, const char *dir, char *out, size_t out_size);

#endif
