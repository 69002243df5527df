/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PERSONALITY_H
#define SHIM_PERSONALITY_H

/*
 * What follows from the name that this program was installed under, and from
 * nothing else: defaults. Which runtime is driven comes from its binary.
 */
#include <stdbool.h>

struct personality {
	const char *runtime; /* containerd's name for it, for the log */
	const char *binary;  /* default runtime */
	const char *root;    /* its default state, without the namespace */
	bool gvisor;         /* gVisor's config.toml has a say in both */
};

/* Of this process. Static. */
const struct personality *personality(void);

#endif
