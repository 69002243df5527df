/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing array of pids. It is a set only where its user sorts it and asks
 * before adding: containers have few processes or, when something went wrong,
 * thousands, and neither calls for more than a sorted array.
 */
#include <errno.h>
#include <stdlib.h>

#include "cgroups/cgroup-internal.h"

int
pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : 16;
		pid_t *grown =
		    reallocarray(list->pids, size, sizeof(*list->pids));

		if (!grown)
			return -ENOMEM;
		list->pids = grown;
		list->size = size;
	}
	list->pids[list->n++] = pid;
	return 0;
}

static int
compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

void
pid_list_sort(struct pid_list *list)
{
	if (list->n > 0)
		qsort(list->pids, list->n, sizeof(*list->pids), compare_pids);
}

int
pid_list_merge(struct pid_list *list, const struct pid_list *more)
{
	int r = 0;

	for (size_t i = 0; i < more->n && r == 0; i++)
		r = pid_list_add(list, more->pids[i]);
	pid_list_sort(list);
	return r;
}

bool
pid_list_has(const struct pid_list *list, pid_t pid)
{
	return list->n > 0 && bsearch(&pid, list->pids, list->n,
				  sizeof(*list->pids), compare_pids);
}

void
pid_list_done(struct pid_list *list)
{
	free(list->pids);
	*list = (struct pid_list){ 0 };
}
