/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values. Nothing here allocates: the error path has to work when
 * memory is gone.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
mark_if_cut(char *msg, size_t size, int wanted)
{
	if (wanted >= 0 && (size_t)wanted >= size)
		memcpy(msg + size - 4, "...", 4);
}

static int
result_of(const struct err *err)
{
	return -(err->sys > 0 ? err->sys : EIO);
}

int
err_set(struct err *err, enum err_code code, int sys, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->sys = sys;
		err->code = code;
		va_start(ap, fmt);
		int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		mark_if_cut(err->msg, sizeof(err->msg), n);
	}
	return -(sys > 0 ? sys : EIO);
}

int
err_set_errno(struct err *err, int sys, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof(err->msg)];

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mark_if_cut(text, sizeof(text), n);
	return err_set(err, err_code_of_errno(sys), sys, "%s: %s", text,
	    strerrordesc_np(sys) ? strerrordesc_np(sys) : "unknown error");
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	va_list ap;
	char inner[sizeof(err->msg)];

	if (!err)
		return -EIO;
	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(err->msg)) {
		mark_if_cut(err->msg, sizeof(err->msg), n);
		return result_of(err);
	}
	size_t room = sizeof(err->msg) - (size_t)n;
	n = snprintf(err->msg + n, room, ": %s", inner);
	mark_if_cut(err->msg, sizeof(err->msg),
	    n >= (int)room ? (int)sizeof(err->msg) : 0);
	return result_of(err);
}

enum err_code
err_code_of_errno(int sys)
{
	switch (sys) {
	case EEXIST:
		return ERR_ALREADY_EXISTS;
	case EPERM:
	case EACCES:
		return ERR_PERMISSION_DENIED;
	case EINVAL:
		return ERR_INVALID_ARGUMENT;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return ERR_RESOURCE_EXHAUSTED;
	case ETIMEDOUT:
		return ERR_DEADLINE_EXCEEDED;
	default:
		return ERR_UNKNOWN;
	}
}
