/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_TIMESTAMP_H
#define IPC_TIMESTAMP_H

/*
 * Points in time: nanoseconds since 1970 here, google.protobuf.Timestamp on the
 * wire.
 */
#include <stdint.h>

#include "ipc/proto/google.pb.h"

/*
 * "Not yet", which Go writes as its zero time, the start of year 1. A Timestamp
 * that is left out would be read as 1970 by containerd 1.7 and later.
 */
#define TIMESTAMP_NEVER INT64_MIN

google_protobuf_Timestamp timestamp_from_ns(int64_t ns);

/*
 * Go's zero time gives TIMESTAMP_NEVER; what does not fit gives the nearest
 * value that does.
 */
int64_t timestamp_to_ns(const google_protobuf_Timestamp *timestamp);

#endif
