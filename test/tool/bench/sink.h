/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

/*
 * containerd's side of event publishing: takes every event, and notes when the
 * exit of one awaited container came.
 */
#include <stdint.h>

struct event_base;
struct sink;

/* Listens on path. */
struct sink *sink_new(struct event_base *base, const char *path);
void sink_free(struct sink *sink);

/* id is borrowed until the next call; the exit of its init process counts. */
void sink_expect_exit(struct sink *sink, const char *id);
/* clock_monotonic_ns() at its arrival; 0 before that. */
int64_t sink_exit_at(const struct sink *sink);

#endif
