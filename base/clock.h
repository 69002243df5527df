/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define NSEC_PER_SEC  INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)

/* Wall clock, nanoseconds since 1970. */
static inline int64_t
clock_realtime_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Monotonic clock, nanoseconds since some fixed point. */
static inline int64_t
clock_monotonic_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* For libevent's timers; rounded up, so that none is early. */
static inline struct timeval
clock_timeval(int64_t ns)
{
	int64_t up = ns + 999;
	struct timeval tv = {
		.tv_sec = up / NSEC_PER_SEC,
		.tv_usec = up % NSEC_PER_SEC / 1000,
	};

	return tv;
}

#endif
