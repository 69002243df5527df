/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts and codes of failed runtime commands.
 */
#include "shim/runtime-error.h"

#include <errno.h>

#include "base/cleanup.h"
#include "oci/run.h"
#include "oci/runtime-log.h"
#include "shim/container.h"

static void
describe(const struct container *c, off_t log_mark,
    const struct oci_run_result *result, struct err *ret)
{
	cleanup_free char *text = NULL;
	struct err log_err, cmd_err;

	oci_run_describe(result, &cmd_err);
	int r = oci_log_last_error(c->bundle, log_mark, &text, &log_err);
	if (r < 0)
		(void)err_set(ret, ERR_UNKNOWN, EIO,
		    "unable to retrieve OCI runtime error (%s): %s",
		    log_err.msg, cmd_err.msg);
	else if (text && *text)
		(void)err_set(ret, ERR_UNKNOWN, EIO, "%s", text);
	else
		*ret = cmd_err;
}

void
runtime_error(const struct container *c, const char *verb, off_t log_mark,
    const struct oci_run_result *result, struct err *ret)
{
	if (result->timed_out) {
		(void)err_set(ret, ERR_DEADLINE_EXCEEDED, ETIMEDOUT,
		    "OCI runtime %s did not end in time: "
		    "context deadline exceeded",
		    verb);
		return;
	}
	if (result->aborted) {
		(void)err_set(ret, ERR_CANCELED, ECANCELED,
		    "OCI runtime %s was aborted: context canceled", verb);
		return;
	}
	describe(c, log_mark, result, ret);
	(void)err_wrap(ret, "OCI runtime %s failed", verb);
}
