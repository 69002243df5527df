/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_KEEP_H
#define SHIM_KEEP_H

/*
 * A bundle goes away with its container, and the flight recording with it. When
 * something went wrong it is kept: copied to KEEP_DIR before the bundle goes.
 * What went wrong is read off the recording itself: an impossible event, or an
 * end before the container was deleted (its shim died). Bounded: beyond
 * KEEP_FILES the oldest is removed.
 */
#define KEEP_DIR   "/var/lib/chock/recordings"
#define KEEP_FILES 32

/* Failures are logged; without a recording there is nothing to keep. */
void keep_recording(const char *bundle, const char *ns, const char *id);

/* The same with another directory, which is made when it is not there. */
void keep_recording_in(
    const char *dir, const char *bundle, const char *ns, const char *id);

#endif
