/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The freezer.
 *
 * v1: "FROZEN" or "THAWED" is written to freezer.state in the freezer's own
 * hierarchy. What was asked for may read FREEZING for a while, and a task that
 * the kernel caught at a bad moment needs asking again. v2: cgroup.freeze, and
 * "frozen" in cgroup.events tells when all have stopped (Linux 5.2 and up). The
 * root of a hierarchy has neither.
 */
#include "cgroups/freezer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/cgroup-internal.h"

static int
no_freezer(struct err *err)
{
	return err_set(
	    err, ERR_FAILED_PRECONDITION, EOPNOTSUPP, "cgroup has no freezer");
}

/* Tells a cgroup without the file from one that is gone. */
static int
explain(const char *dir, int r, struct err *err)
{
	if (r == -ENODEV || access(dir, F_OK) < 0)
		return cgroup_missing(err);
	return r == -ENOENT ? no_freezer(err)
			    : err_set_errno(err, -r, "freezer of '%s'", dir);
}

int
cgroup_freeze(const struct cgroup *cg, bool frozen, struct err *err)
{
	const char *dir = cgroup_dir(cg, CGROUP_V1_FREEZER);
	int r;

	if (!dir)
		return no_freezer(err);
	if (cgroup_is_v2(cg))
		r = cgroup_write(dir, "cgroup.freeze", frozen ? "1" : "0");
	else
		r = cgroup_write(
		    dir, "freezer.state", frozen ? "FROZEN" : "THAWED");
	return r < 0 ? explain(dir, r, err) : 0;
}

int
cgroup_is_frozen(const struct cgroup *cg, bool *ret_frozen, struct err *err)
{
	const char *dir = cgroup_dir(cg, CGROUP_V1_FREEZER);
	uint64_t value = 0;
	char text[256];

	if (!dir)
		return no_freezer(err);
	ssize_t n = cgroup_read(dir,
	    cgroup_is_v2(cg) ? "cgroup.events" : "freezer.state", text,
	    sizeof(text));
	if (n < 0)
		return explain(dir, (int)n, err);
	if (!cgroup_is_v2(cg))
		*ret_frozen = strcmp(text, "FROZEN\n") == 0;
	else if (cgroup_find_value(text, "frozen", &value))
		*ret_frozen = value != 0;
	else
		return no_freezer(err);
	return 0;
}
