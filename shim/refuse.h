/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_REFUSE_H
#define SHIM_REFUSE_H

/*
 * Refusals in the words and codes of the Go shim, which clients match on.
 */
#include "base/err.h"

struct process;

/* What a REJECT of this event in the process's state means. */
void refuse_event(const struct process *p, unsigned event, struct err *ret);

/* The process is not there (any more). Returns a negative errno. */
int refuse_missing(const struct process *p, struct err *ret);
int refuse_missing_container(struct err *ret);
int refuse_missing_exec(const char *exec_id, struct err *ret);

/* The process is dead, or not there yet. */
int refuse_finished(struct err *ret);

#endif
