/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Type names of google.protobuf.Any. By its definition the name is what follows
 * the last '/' of the URL; whoever compares whole URLs misses either the bare
 * names of containerd's options or the prefixed ones of its extensions.
 */
#include "ipc/any.h"

#include <string.h>

const char *
any_type_name(const char *type_url)
{
	const char *slash = type_url ? strrchr(type_url, '/') : NULL;

	if (slash)
		return slash + 1;
	return type_url ? type_url : "";
}

bool
any_is(const google_protobuf_Any *any, const char *name)
{
	return strcmp(any_type_name(any->type_url), name) == 0;
}
