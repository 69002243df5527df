/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_KILL_RECORDED_H
#define SHIM_KILL_RECORDED_H

struct recording;

/*
 * SIGKILLs the init of a recording whose shim is gone, and waits for its end
 * for a moment. Only a pid is recorded: it is taken for init's only if its
 * process had begun by the time of the record. A stranger with the same pid
 * began later.
 */
void kill_recorded_init(const struct recording *recording);

#endif
