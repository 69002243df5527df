/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LIFE_H
#define BENCH_LIFE_H

/*
 * The life of a container of idle.json, which SIGKILL ends: in a new shim, and
 * by the bare runtime. All in milliseconds.
 */
#include "test/tool/bench/rig.h"

struct life {
	double address; /* from "start" to its address */
	double create, start, delete;
	double exit_wait; /* from SIGKILL to the reply to Wait */
	double exit_event;
};

struct life life_run(struct bench *bench, enum side side);

/* Without a shim there is no address, and both exits are the moment at which
 * the kernel says it. */
struct life life_bare(struct bench *bench);

#endif
