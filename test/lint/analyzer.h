/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_LINT_ANALYZER_H
#define TEST_LINT_ANALYZER_H

/*
 * Included before everything else when clang-tidy runs, and never otherwise.
 * The analyzer sees one file at a time, so it takes a failed err_set() for a
 * possible success and then complains about what success would have set. This
 * tells it what base/err.h and POSIX promise.
 */
#include "base/err.h"

static inline int
analyzer_negative(int r)
{
	if (r >= 0)
		__builtin_unreachable();
	return r;
}

int analyzer_unknown(void);

static inline int
analyzer_minus(int error)
{
	(void)error;
	return analyzer_negative(analyzer_unknown());
}

#define err_set(...)       analyzer_negative(err_set(__VA_ARGS__))
#define err_set_errno(...) analyzer_negative(err_set_errno(__VA_ARGS__))
#define err_wrap(...)      analyzer_negative(err_wrap(__VA_ARGS__))

#endif
