/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_KEEP_H
#define SHIM_KEEP_H

/*
 * A bundle goes away with its container, and the flight recording with it. As
 * chock.conf wants it, it is kept: never, always, or when something went wrong,
 * which is read off the recording itself: an impossible event, or an end before
 * the container was deleted (its shim died). Bounded in number and size: beyond
 * that the oldest is removed.
 */
struct config;

/* Copies the bundle's recording to config->keep_dir, which is made when it is
 * not there. Failures are logged; without a recording there is nothing to keep.
 */
void keep_recording(const struct config *config, const char *bundle,
    const char *ns, const char *id);

#endif
