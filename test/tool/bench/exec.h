/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_EXEC_H
#define BENCH_EXEC_H

/*
 * Exec cycles: Exec, Start, Wait and Delete of one process that ends at once.
 */
#include "base/bytes.h"
#include "test/tool/bench/rig.h"

/* process is its OCI description. One cycle; returns its milliseconds. */
double exec_once(struct rig *rig, const struct bytes *process);

/* n cycles in each container, several at a time. */
void exec_many(
    struct rig rigs[static SIDES], const struct bytes *process, unsigned n);

#endif
