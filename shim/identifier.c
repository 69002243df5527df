/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of containers, execs and namespaces.
 */
#include "shim/identifier.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool
is_joint(char c)
{
	return c == '.' || c == '_' || c == '-';
}

static bool
is_valid(const char *id)
{
	bool after_alnum = false;

	for (; *id; id++) {
		if (is_alnum(*id))
			after_alnum = true;
		else if (is_joint(*id) && after_alnum)
			after_alnum = false;
		else
			return false;
	}
	return after_alnum;
}

int
identifier_check(const char *id, struct err *err)
{
	size_t len = strlen(id);

	if (len == 0)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "identifier must not be empty: invalid argument");
	if (len > IDENTIFIER_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "identifier of %zu characters is longer than %d: "
		    "invalid argument",
		    len, IDENTIFIER_MAX);
	if (!is_valid(id))
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "identifier '%s' must be letters and digits joined by "
		    "single '.', '_' or '-': invalid argument",
		    id);
	return 0;
}
