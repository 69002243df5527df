/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_GVISOR_CONFIG_H
#define SHIM_GVISOR_CONFIG_H

/*
 * gVisor's config.toml, which holds defaults for what a request does not say.
 */
#include "base/err.h"

struct task_options;

/*
 * The first that exists of <options->root>/config.toml, where a root was given,
 * /run/containerd/runsc/config.toml, /etc/containerd/runsc/config.toml, and
 * <bundle>/config.toml, put under *options: what they have is left as it is.
 * Without any, nothing.
 */
int gvisor_config_load(
    const char *bundle, struct task_options *options, struct err *err);

#endif
