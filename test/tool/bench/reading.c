/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory from smaps_rollup, threads from task/, descriptors from fd/, time from
 * fields 14 and 15 of stat, whose second field may contain anything (proc(5)).
 */
#include "test/tool/bench/reading.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define TEXT_MAX 65536

static char *
read_text(pid_t pid, const char *name)
{
	char path[64];
	cleanup_close int fd = -1;
	char *text = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, TEXT_MAX, &text, NULL) < 0)
		err(1, "%s", path);
	return text;
}

static double
count_entries(pid_t pid, const char *name)
{
	char path[64];
	double n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	cleanup_dir DIR *dir = opendir(path);
	if (!dir)
		err(1, "%s", path);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	return n;
}

static double
kib_of(const char *text, const char *key)
{
	double kib = 0;
	const char *line = strstr(text, key);

	if (!line || sscanf(line + strlen(key), "%lf", &kib) != 1)
		errx(1, "no '%s' in smaps_rollup", key);
	return kib;
}

struct reading
reading_take(pid_t pid)
{
	cleanup_free char *text = read_text(pid, "smaps_rollup");

	return (struct reading){
		.private_dirty = kib_of(text, "\nPrivate_Dirty:"),
		.rss = kib_of(text, "\nRss:"),
		.pss = kib_of(text, "\nPss:"),
		.threads = count_entries(pid, "task"),
		.fds = count_entries(pid, "fd"),
	};
}

double
reading_cpu(pid_t pid)
{
	cleanup_free char *text = read_text(pid, "stat");
	const char *rest = strrchr(text, ')');
	unsigned long user = 0, sys = 0;

	if (!rest ||
	    sscanf(rest,
		") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		&sys) != 2)
		errx(1, "cannot read the times of process %d", pid);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}
