/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REPLAY_H
#define SHIM_REPLAY_H

/*
 * Stepping the machines through a recording. The recorded inputs must lead to
 * the recorded states and actions, what a step brings about must follow it in
 * the recording, and the recorded actions must keep the rules of what is told
 * to containerd and when.
 */
#include <stddef.h>
#include <stdio.h>

#include "shim/recorder.h"

struct replay_result {
	size_t steps;     /* of processes */
	size_t processes; /* that took a step */
	size_t waiting;   /* requests without an answer at the end */
	size_t problems;
};

/*
 * Writes the timeline to out: a line for each record, and after it a line
 * beginning with "!" for each problem found there. Returns -ENOMEM, else 0,
 * problems or not.
 */
int replay_run(const struct recording *recording, FILE *out,
    struct replay_result *ret, struct err *err);

/*
 * Writes the states that the processes went through and how often each step was
 * taken, as a graph for dot(1). Returns -ENOMEM or 0.
 */
int replay_dot(const struct recording *recording, FILE *out, struct err *err);

#endif
