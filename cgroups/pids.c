/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a cgroup and of those below it. A cgroup that is gone has
 * none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/cgroup-internal.h"

#define PROCS_MAX (64 << 20) /* bytes of one cgroup.procs */

/* Processes outside our pid namespace are shown as 0. */
static int
parse_procs(const char *text, struct pid_list *ret)
{
	int r = 0;

	while (*text && r == 0) {
		char *end;
		long pid = strtol(text, &end, 10);

		if (end == text)
			break;
		if (pid > 0)
			r = pid_list_add(ret, (pid_t)pid);
		text = end + strspn(end, "\n");
	}
	return r;
}

/* The processes of a threaded cgroup (EOPNOTSUPP) are in its domain's file. */
static int
read_procs(int dir, void *arg)
{
	cleanup_free char *text = NULL;
	struct pid_list *list = arg;

	int r = file_read(dir, "cgroup.procs", PROCS_MAX, &text, NULL);
	if (r == -EOPNOTSUPP)
		return 0;
	return r < 0 ? r : parse_procs(text, list);
}

int
cgroup_list_pids(const struct cgroup *cg, struct pid_list *ret, struct err *err)
{
	int r = cgroup_walk(cg->dir, read_procs, ret);

	if (r < 0 && r != -ENOENT)
		return err_set_errno(
		    err, -r, "read processes of cgroup '%s'", cg->dir);
	return 0;
}

int
cgroup_pids(
    const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *err)
{
	cleanup_pid_list struct pid_list list = { 0 };

	int r = cgroup_list_pids(cg, &list, err);
	if (r < 0)
		return r;
	*ret_n = list.n;
	*ret = take_ptr(list.pids);
	return 0;
}
