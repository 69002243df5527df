/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_RUNTIME_LOG_H
#define OCI_RUNTIME_LOG_H

/*
 * log.json: what a runtime says went wrong, one JSON object after another.
 */
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Size of <bundle>/log.json now (0 if missing): where the next run's lines
 * begin, so that an old error is never taken for a new one. */
off_t oci_log_mark(const char *bundle);

/*
 * Text of the last entry of level "error" after `since`, trimmed; owned by the
 * caller. *ret is NULL when there is none (also when the file is missing or
 * empty). -EBADMSG with a reason in err when it cannot be read or parsed. Reads
 * at most the last 1 MiB.
 */
int oci_log_last_error(
    const char *bundle, off_t since, char **ret, struct err *err);

/* The same for the text of a log, which need not end in NUL. */
int oci_log_parse(const char *text, size_t len, char **ret, struct err *err);

#endif
