/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_ARGS_H
#define SHIM_ARGS_H

/*
 * The command line that containerd gives a shim, in the syntax of Go's flag
 * package: -x v, -x=v, --x; the first other word is the action, what follows it
 * is ignored.
 */
#include <stdbool.h>

#include "base/err.h"

struct args {
	bool debug, version, info;
	const char *ns, *id, *socket, *debug_socket, *bundle, *address,
	    *publish_binary;
	const char *action; /* "" for none: serve */
};

/* Strings are borrowed from argv; those not given are "". */
int args_parse(int argc, char *const *argv, struct args *ret, struct err *err);

#endif
