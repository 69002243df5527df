/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RESOURCES_H
#define SHIM_RESOURCES_H

/*
 * linux.resources of an OCI configuration (runtime-spec, config-linux), which
 * Update brings as JSON.
 */
#include "base/err.h"
#include "cgroups/limits.h"

struct cJSON;

struct resources {
	struct cgroup_limits limits; /* its strings belong to json */
	struct cJSON *json;
};

/*
 * INVALID_ARGUMENT for what is no JSON object of this kind, UNIMPLEMENTED,
 * which names it, where something is asked for that has no limit in struct
 * cgroup_limits. Zero, "" and a list of such ask for nothing; devices, which
 * containerd repeats with every update, and the kernel's memory, which no
 * kernel limits any more, are not looked at. On failure *ret needs no
 * resources_done().
 */
int resources_parse(const char *text, struct resources *ret, struct err *err);
void resources_done(struct resources *resources);

#endif
