/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/resources.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers and strings of the limits, by their names. */
struct member {
	const char *group, *name;
	size_t offset; /* in struct cgroup_limits */
};

static const struct member numbers[] = {
	{ "memory", "limit", offsetof(struct cgroup_limits, memory) },
	{ "memory", "swap", offsetof(struct cgroup_limits, swap) },
	{ "memory", "reservation",
	    offsetof(struct cgroup_limits, reservation) },
	{ "cpu", "shares", offsetof(struct cgroup_limits, shares) },
	{ "cpu", "quota", offsetof(struct cgroup_limits, quota) },
	{ "cpu", "period", offsetof(struct cgroup_limits, period) },
	{ "pids", "limit", offsetof(struct cgroup_limits, pids) },
};

static const struct member strings[] = {
	{ "cpu", "cpus", offsetof(struct cgroup_limits, cpus) },
	{ "cpu", "mems", offsetof(struct cgroup_limits, mems) },
};

static const struct member ignored[] = {
	{ "", "devices", 0 },
	{ "memory", "kernel", 0 },
	{ "memory", "kernelTCP", 0 },
};

#define N(array) (sizeof(array) / sizeof(*(array)))

static const struct member *
find(const struct member *list, size_t n, const char *group, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].group, group) == 0 &&
		    strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static bool
is_zero(const cJSON *item)
{
	return cJSON_IsNull(item) || cJSON_IsFalse(item) ||
	       (cJSON_IsNumber(item) && item->valuedouble == 0) ||
	       (cJSON_IsString(item) && !*item->valuestring);
}

static bool
is_nothing(const cJSON *item)
{
	const cJSON *member;

	if (!cJSON_IsArray(item) && !cJSON_IsObject(item))
		return is_zero(item);
	for (member = item->child; member; member = member->next)
		if (!is_zero(member))
			return false;
	return true;
}

static int
wrong(const char *group, const char *name, struct err *err)
{
	return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
	    "resources: %s%s%s is not what it should be: invalid argument",
	    group, *group ? "." : "", name);
}

/* The largest number is Docker's for "no limit". */
static int
take_number(const cJSON *item, const struct member *m,
    struct cgroup_limits *limits, struct err *err)
{
	int64_t *field = (int64_t *)(void *)((char *)limits + m->offset);

	if (!cJSON_IsNumber(item))
		return wrong(m->group, m->name, err);
	double value = item->valuedouble;
	*field = value >= (double)INT64_MAX ? -1 : (int64_t)value;
	return value < (double)INT64_MIN ? wrong(m->group, m->name, err) : 0;
}

static int
take_string(const cJSON *item, const struct member *m,
    struct cgroup_limits *limits, struct err *err)
{
	const char **field =
	    (const char **)(void *)((char *)limits + m->offset);

	if (!cJSON_IsString(item))
		return wrong(m->group, m->name, err);
	*field = item->valuestring;
	return 0;
}

static int
take(const cJSON *item, const char *group, struct cgroup_limits *limits,
    struct err *err)
{
	const char *name = item->string;
	const struct member *m;

	if (is_nothing(item) || find(ignored, N(ignored), group, name))
		return 0;
	m = find(numbers, N(numbers), group, name);
	if (m)
		return take_number(item, m, limits, err);
	m = find(strings, N(strings), group, name);
	if (m)
		return take_string(item, m, limits, err);
	return err_set(err, ERR_UNIMPLEMENTED, ENOTSUP,
	    "resources: %s%s%s cannot be updated: not implemented", group,
	    *group ? "." : "", name);
}

static bool
is_group(const char *name)
{
	return strcmp(name, "memory") == 0 || strcmp(name, "cpu") == 0 ||
	       strcmp(name, "pids") == 0;
}

static int
take_group(const cJSON *group, struct cgroup_limits *limits, struct err *err)
{
	const cJSON *item;
	int r = 0;

	if (!cJSON_IsObject(group))
		return is_nothing(group) ? 0 : wrong("", group->string, err);
	for (item = group->child; r == 0 && item; item = item->next)
		r = take(item, group->string, limits, err);
	return r;
}

int
resources_parse(const char *text, struct resources *ret, struct err *err)
{
	const cJSON *item;
	int r = 0;

	*ret = (struct resources){ .json = cJSON_Parse(text) };
	if (!cJSON_IsObject(ret->json)) {
		resources_done(ret);
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "resources are no JSON object: invalid argument");
	}
	for (item = ret->json->child; r == 0 && item; item = item->next)
		r = is_group(item->string) ? take_group(item, &ret->limits, err)
					   : take(item, "", &ret->limits, err);
	if (r < 0)
		resources_done(ret);
	return r;
}

void
resources_done(struct resources *resources)
{
	cJSON_Delete(resources->json);
	*resources = (struct resources){ 0 };
}
