/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

/*
 * One idle container for each shim, there for long: what the shims take, before
 * and after many execs, and how long calls take.
 */
#include "test/tool/bench/rig.h"

/* Prints its rows. */
void idle_run(struct bench *bench);

#endif
