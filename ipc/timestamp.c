/* SPDX-License-Identifier: Apache-2.0 */
/*
 * google.protobuf.Timestamp counts seconds from 1970, negative before, and
 * nanoseconds that always count forward (0 to 999999999). 64 bits of
 * nanoseconds reach from 1677 to 2262; Go's zero time is outside and has a
 * value of its own.
 */
#include "ipc/timestamp.h"

#include "base/clock.h"

#define GO_ZERO_SECONDS INT64_C(-62135596800)

google_protobuf_Timestamp
timestamp_from_ns(int64_t ns)
{
	int64_t seconds = ns / NSEC_PER_SEC, nanos = ns % NSEC_PER_SEC;

	if (ns == TIMESTAMP_NEVER)
		return (
		    google_protobuf_Timestamp){ .seconds = GO_ZERO_SECONDS };
	if (nanos < 0) {
		nanos += NSEC_PER_SEC;
		seconds--;
	}
	return (google_protobuf_Timestamp){ .seconds = seconds,
		.nanos = (int32_t)nanos };
}

int64_t
timestamp_to_ns(const google_protobuf_Timestamp *timestamp)
{
	int64_t ns;

	if (timestamp->seconds == GO_ZERO_SECONDS && timestamp->nanos == 0)
		return TIMESTAMP_NEVER;
	if (!__builtin_mul_overflow(timestamp->seconds, NSEC_PER_SEC, &ns) &&
	    !__builtin_add_overflow(ns, timestamp->nanos, &ns) &&
	    ns != TIMESTAMP_NEVER)
		return ns;
	return timestamp->seconds < 0 ? INT64_MIN + 1 : INT64_MAX;
}
