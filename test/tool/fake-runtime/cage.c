/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups of their own for the container's processes, in every hierarchy, below
 * the cgroup of whoever runs the tests.
 *
 * A shim acts on the cgroups it finds in /proc/<init>/cgroup (kill, freeze,
 * list), so a process that stayed in the caller's cgroup would hand the tests
 * themselves to the shim. Hence failure to isolate is failure to create.
 * cpuset needs values before anything may enter, and no test needs it.
 */
#include "test/tool/fake-runtime/fake.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIDS_MAX 4096

static char *
list_path(const struct call *call)
{
	return text_format("%s/cgroups", call->state);
}

/* The folder for one line of /proc/self/cgroup, or NULL to leave it out. */
static char *
folder_of(char *line, const char *id)
{
	(void)strsep(&line, ":");
	const char *controllers = strsep(&line, ":");
	if (!line || strcmp(controllers, "cpuset") == 0)
		return NULL;
	if (strncmp(controllers, "name=", 5) == 0)
		controllers += 5;
	if (!*controllers && access("/sys/fs/cgroup/unified", F_OK) == 0)
		controllers = "unified";
	if (strcmp(line, "/") == 0)
		line++;
	return text_format(
	    "/sys/fs/cgroup/%s%s/chock-fake-%s", controllers, line, id);
}

int
cage_make(const struct call *call)
{
	char *text = text_read("/proc/self/cgroup");
	char *list = list_path(call);

	for (char *line; text && (line = strsep(&text, "\n"));) {
		char *folder = folder_of(line, call->id);
		if (!folder)
			continue;
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
		char *entry = text_format("%s\n", folder);
		if (text_append(list, entry) < 0)
			return -errno;
		free(entry);
		free(folder);
	}
	return 0;
}

int
cage_enter(const struct call *call)
{
	char *list = list_path(call);
	char *text = text_read(list);

	for (char *line; text && (line = strsep(&text, "\n")) && *line;) {
		char *procs = text_format("%s/cgroup.procs", line);
		if (text_append(procs, "0") < 0)
			return -errno;
		free(procs);
	}
	return 0;
}

size_t
cage_pids(const struct call *call, pid_t *pids, size_t max)
{
	char *list = list_path(call);
	char *folders = text_read(list);
	size_t n = 0;

	if (!folders || !*folders)
		return 0;
	char *procs = text_format("%s/cgroup.procs", strsep(&folders, "\n"));
	char *text = text_read(procs);
	for (char *line; text && (line = strsep(&text, "\n")) && *line;) {
		if (n < max)
			pids[n++] = atoi(line);
	}
	return n;
}

static void
kill_and_wait(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		return;
	(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };
	(void)poll(&fd, 1, -1);
	close(pidfd);
}

void
cage_remove(const struct call *call)
{
	static pid_t pids[PIDS_MAX];
	size_t n;

	while ((n = cage_pids(call, pids, PIDS_MAX)) > 0) {
		for (size_t i = 0; i < n; i++)
			kill_and_wait(pids[i]);
	}
	char *list = list_path(call);
	char *text = text_read(list);
	for (char *line; text && (line = strsep(&text, "\n")) && *line;)
		(void)rmdir(line);
}
