/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gVisor's shim reads such a file in two places, for different keys; here one
 * file is read, for all of them, and the options of the request come first.
 */
#include "shim/gvisor-config.h"

#include <errno.h>
#include <limits.h>

#include "base/fd.h"
#include "shim/options-toml.h"
#include "shim/options.h"

/* 1 when it was there. */
static int
try(const char *dir, struct task_options *options, struct err *err)
{
	struct task_options config = { 0 };
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/config.toml", dir);
	if (r < 0)
		return err_set_errno(err, -r, "find config.toml");
	r = options_decode("", NULL, 0, &config, err);
	if (r == 0)
		r = options_toml_load(path, &config, err);
	if (r == 0)
		r = options_underlay(options, &config, err);
	options_done(&config);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int
gvisor_config_load(
    const char *bundle, struct task_options *options, struct err *err)
{
	const char *const dirs[] = { options->root, "/run/containerd/runsc",
		"/etc/containerd/runsc", bundle };
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && r == 0; i++) {
		if (*dirs[i])
			r = try(dirs[i], options, err);
	}
	return r < 0 ? r : 0;
}
