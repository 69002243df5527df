/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel counts the sandbox, gVisor counts inside it. Where a sandbox holds
 * one container the kernel's figures are that container's, its sandbox
 * included, which is what its memory limit is about. Where it holds several,
 * each is told its part: CPU time by gVisor's own accounting, memory as gVisor
 * sees it. Processes are always those inside.
 */
#include "shim/runsc-stats.h"

#include <cjson/cJSON.h>

#include "shim/container.h"
#include "shim/reply.h"
#include "shim/runsc-sandbox.h"
#include "shim/stats.h"

static const cJSON *
member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static uint64_t
number(const cJSON *json)
{
	double value = cJSON_GetNumberValue(json);

	return value > 0 && value < 1e18 ? (uint64_t)value : 0;
}

/* {"ID":nanoseconds,...}, over the socket only. */
static void
share_cpu(const cJSON *usages, const char *id, struct stats_part *part)
{
	const cJSON *usage;

	cJSON_ArrayForEach(usage, usages)
	{
		part->cpu_all += number(usage);
	}
	part->cpu_own = number(member(usages, id));
}

void
runsc_stats_reply(struct request *req, struct container *c, const cJSON *event)
{
	const cJSON *inner = member(event, "event");
	const cJSON *data = member(inner ? inner : event, "data");
	struct stats_part part = {
		.pids = number(member(member(data, "pids"), "current")),
	};

	if (c->sandbox->refs > 1) {
		part.memory = number(
		    member(member(member(data, "memory"), "usage"), "usage"));
		share_cpu(member(event, "containerUsage"), c->id, &part);
	}
	reply_stats_part(req, c, &part);
}
