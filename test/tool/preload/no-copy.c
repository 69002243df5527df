/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD library: strdup(3) of the text NO_COPY_OF, which is in the
 * environment, finds no memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *
strdup(const char *text)
{
	const char *refused = getenv("NO_COPY_OF");

	if (refused && strcmp(text, refused) == 0) {
		errno = ENOMEM;
		return NULL;
	}
	return strndup(text, strlen(text));
}
