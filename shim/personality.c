/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as containerd makes them: io.containerd.NAME.VERSION is the program
 * containerd-shim-NAME-VERSION.
 */
#include "shim/personality.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *program;
	struct personality personality;
} known[] = {
	{ "containerd-shim-runsc-v1", { "io.containerd.runsc.v1", "runsc",
					  "/run/containerd/runsc", true } },
	{ "containerd-shim-runc-v2", { "io.containerd.runc.v2", "runc",
					 "/run/containerd/runc", false } },
};

const struct personality *
personality(void)
{
	static const struct personality own = { "io.containerd.chock.v1",
		"runc", "/run/containerd/runc", false };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(program_invocation_short_name, known[i].program) ==
		    0)
			return &known[i].personality;
	}
	return &own;
}
