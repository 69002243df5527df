/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

/*
 * The output of a container, through its shim and a FIFO to this program.
 */
#include "test/tool/bench/rig.h"

struct stream_figures {
	double mb_per_s;
	double cpu_per_gb; /* of the shim */
};

/* One container of stream.json, from its start to its end. */
struct stream_figures stream_run(struct bench *bench, enum side side);

#endif
