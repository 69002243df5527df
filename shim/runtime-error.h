/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNTIME_ERROR_H
#define SHIM_RUNTIME_ERROR_H

/*
 * What a failed runtime command is reported as. docker derives exit codes
 * 125-127 from these texts, so the runtime's own words are kept whole.
 */
#include <sys/types.h>

#include "base/err.h"

struct container;
struct oci_run_result;

/*
 * "OCI runtime VERB failed: " and what the runtime said in log.json after
 * log_mark, or what is known when it said nothing. A command that was aborted
 * or ran out of time is CANCELED or DEADLINE_EXCEEDED.
 */
void runtime_error(const struct container *c, const char *verb, off_t log_mark,
    const struct oci_run_result *result, struct err *ret);

#endif
