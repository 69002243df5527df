/* SPDX-License-Identifier: Apache-2.0 */
/*
 * v1 has a file for each limit, and two pairs of them where one may forbid the
 * other: memory may not be more than memory and swap, a quota not less than the
 * smallest part of its period. v2 has other scales (runtime-spec, config-linux;
 * the weight is that of runc's conversion).
 */
#include "cgroups/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cgroups/cgroup-internal.h"

#define SHARES_MIN     2
#define SHARES_MAX     262144
#define WEIGHT_MAX     10000
#define DEFAULT_PERIOD 100000

struct setting {
	enum cgroup_v1 controller;
	const char *file;
	const char *text; /* NULL: it stays as it is */
	char number[48];
};

static int
write_one(const struct cgroup *cg, const struct setting *s)
{
	const char *dir = cgroup_dir(cg, s->controller);

	if (!s->text)
		return 0;
	return dir ? cgroup_write(dir, s->file, s->text) : -ENOENT;
}

static int
explain(const struct setting *s, int r, struct err *err)
{
	enum err_code code = ERR_UNKNOWN;

	if (r == -EINVAL || r == -ERANGE)
		code = ERR_INVALID_ARGUMENT;
	else if (r == -EBUSY || r == -ENOENT)
		code = ERR_FAILED_PRECONDITION;
	return err_set(err, code, -r, "cannot set %s to '%s': %s", s->file,
	    s->text, strerror(-r));
}

static int
write_each(const struct cgroup *cg, const struct setting *settings, size_t n,
    struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = write_one(cg, &settings[i]);

		if (r < 0)
			return explain(&settings[i], r, err);
	}
	return 0;
}

/* Where the first is refused as long as the second is what it is. */
static int
write_pair(const struct cgroup *cg, const struct setting *pair, struct err *err)
{
	if (pair[1].text && write_one(cg, &pair[0]) == -EINVAL) {
		int r = write_each(cg, &pair[1], 1, err);

		return r < 0 ? r : write_each(cg, &pair[0], 1, err);
	}
	return write_each(cg, pair, 2, err);
}

static void
set_text(struct setting *s, int64_t value)
{
	(void)snprintf(s->number, sizeof(s->number), "%" PRId64, value);
	s->text = s->number;
}

static void
set_number(struct setting *s, int64_t value, const char *none)
{
	if (value < 0)
		s->text = none;
	else if (value > 0)
		set_text(s, value);
}

static int
set_cpusets(const struct cgroup *cg, const struct cgroup_limits *limits,
    struct err *err)
{
	const struct setting settings[] = {
		{ CGROUP_V1_CPUSET, "cpuset.cpus", limits->cpus, "" },
		{ CGROUP_V1_CPUSET, "cpuset.mems", limits->mems, "" },
	};

	return write_each(cg, settings, 2, err);
}

static int
set_v1(const struct cgroup *cg, const struct cgroup_limits *limits,
    struct err *err)
{
	struct setting memory[] = {
		{ CGROUP_V1_MEMORY, "memory.limit_in_bytes", NULL, "" },
		{ CGROUP_V1_MEMORY, "memory.memsw.limit_in_bytes", NULL, "" },
	};
	struct setting cpu[] = {
		{ CGROUP_V1_CPU, "cpu.cfs_period_us", NULL, "" },
		{ CGROUP_V1_CPU, "cpu.cfs_quota_us", NULL, "" },
	};
	struct setting others[] = {
		{ CGROUP_V1_MEMORY, "memory.soft_limit_in_bytes", NULL, "" },
		{ CGROUP_V1_CPU, "cpu.shares", NULL, "" },
		{ CGROUP_V1_PIDS, "pids.max", NULL, "" },
	};

	set_number(&memory[0], limits->memory, "-1");
	set_number(&memory[1], limits->swap, "-1");
	set_number(&cpu[0], limits->period, NULL);
	set_number(&cpu[1], limits->quota, "-1");
	set_number(&others[0], limits->reservation, "-1");
	set_number(&others[1], limits->shares, NULL);
	set_number(&others[2], limits->pids, "max");
	int r = write_pair(cg, memory, err);
	if (r == 0)
		r = write_pair(cg, cpu, err);
	return r < 0 ? r : write_each(cg, others, 3, err);
}

/* cpu.max has both, and the one that is not given is to stay. */
static int
set_cpu_max(const struct cgroup *cg, const struct cgroup_limits *limits,
    struct setting *s)
{
	char now[64], quota[24] = "max";
	int64_t period = DEFAULT_PERIOD;

	if (!limits->quota && !limits->period)
		return 0;
	ssize_t n = cgroup_read(cg->dir, s->file, now, sizeof(now));
	if (n < 0)
		return (int)n;
	(void)sscanf(now, "%23s %" SCNd64, quota, &period);
	if (limits->quota < 0)
		(void)snprintf(quota, sizeof(quota), "max");
	else if (limits->quota > 0)
		(void)snprintf(quota, sizeof(quota), "%" PRId64, limits->quota);
	(void)snprintf(s->number, sizeof(s->number), "%s %" PRId64, quota,
	    limits->period > 0 ? limits->period : period);
	s->text = s->number;
	return 0;
}

static int64_t
weight_of(int64_t shares)
{
	if (shares <= 0)
		return 0;
	if (shares < SHARES_MIN)
		shares = SHARES_MIN;
	if (shares > SHARES_MAX)
		shares = SHARES_MAX;
	return 1 + (shares - SHARES_MIN) * (WEIGHT_MAX - 1) /
		       (SHARES_MAX - SHARES_MIN);
}

/* v2 counts swap by itself; 0 bytes of it is a limit like any other. */
static int
set_swap(const struct cgroup_limits *limits, struct setting *s, struct err *err)
{
	if (limits->swap < 0)
		s->text = "max";
	if (limits->swap <= 0)
		return 0;
	if (limits->memory <= 0 || limits->swap < limits->memory)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "memory and swap together are less than the memory: "
		    "invalid argument");
	set_text(s, limits->swap - limits->memory);
	return 0;
}

static int
set_v2(const struct cgroup *cg, const struct cgroup_limits *limits,
    struct err *err)
{
	struct setting settings[] = {
		{ CGROUP_V1_MEMORY, "memory.swap.max", NULL, "" },
		{ CGROUP_V1_MEMORY, "memory.max", NULL, "" },
		{ CGROUP_V1_MEMORY, "memory.low", NULL, "" },
		{ CGROUP_V1_CPU, "cpu.max", NULL, "" },
		{ CGROUP_V1_CPU, "cpu.weight", NULL, "" },
		{ CGROUP_V1_PIDS, "pids.max", NULL, "" },
	};

	int r = set_swap(limits, &settings[0], err);
	if (r < 0)
		return r;
	set_number(&settings[1], limits->memory, "max");
	set_number(&settings[2], limits->reservation, "0");
	r = set_cpu_max(cg, limits, &settings[3]);
	if (r < 0)
		return explain(&settings[3], r, err);
	set_number(&settings[4], weight_of(limits->shares), NULL);
	set_number(&settings[5], limits->pids, "max");
	return write_each(
	    cg, settings, sizeof(settings) / sizeof(*settings), err);
}

int
cgroup_set_limits(const struct cgroup *cg, const struct cgroup_limits *limits,
    struct err *err)
{
	int r = cgroup_is_v2(cg) ? set_v2(cg, limits, err)
				 : set_v1(cg, limits, err);

	return r < 0 ? r : set_cpusets(cg, limits, err);
}
