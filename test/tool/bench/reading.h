/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_READING_H
#define BENCH_READING_H

/*
 * What /proc says about a process. A process that is not there ends the
 * program.
 */
#include <sys/types.h>

struct reading {
	double private_dirty, rss, pss; /* KiB */
	double threads, fds;
};

struct reading reading_take(pid_t pid);

/* User and system time so far, in seconds, without its children. */
double reading_cpu(pid_t pid);

#endif
