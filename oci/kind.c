/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By name first, which costs one readlink; a runtime with another name is run
 * once to say what it is.
 */
#include "oci/kind.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

/* The file that the shell would run; false when there is none. */
static bool
find_in_path(const char *name, char *buf, size_t size)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t len = strcspn(path, ":");

		if (path_format(buf, size, "%.*s/%s", (int)len, path, name) ==
			0 &&
		    access(buf, X_OK) == 0)
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

enum oci_kind
oci_kind_of_binary(const char *binary)
{
	char found[PATH_MAX], real[PATH_MAX];
	const char *name = *binary ? binary : "runc";

	if (!strchr(name, '/') && find_in_path(name, found, sizeof(found)))
		name = found;
	if (realpath(name, real))
		name = real;
	const char *slash = strrchr(name, '/');
	if (slash)
		name = slash + 1;
	if (strcmp(name, "runc") == 0 || strcmp(name, "crun") == 0)
		return OCI_KIND_RUNC;
	return strcmp(name, "runsc") == 0 ? OCI_KIND_RUNSC : OCI_KIND_UNKNOWN;
}

enum oci_kind
oci_kind_parse(const char *version_output)
{
	const char gvisor[] = "runsc version ";

	return strncmp(version_output, gvisor, sizeof(gvisor) - 1) == 0
		   ? OCI_KIND_RUNSC
		   : OCI_KIND_RUNC;
}
