/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RUNSC_STATS_H
#define SHIM_RUNSC_STATS_H

/*
 * The answer to Stats of a container in a sandbox.
 */
struct cJSON;
struct container;
struct request;

/*
 * From the sandbox's cgroup and from what the sandbox said of the container:
 * the result of containerManager.Event, or the output of `runsc events
 * --stats`. Answers the request.
 */
void runsc_stats_reply(
    struct request *req, struct container *c, const struct cJSON *event);

#endif
