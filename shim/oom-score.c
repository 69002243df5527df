/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who dies first when memory runs out.
 */
#include "shim/oom-score.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define SCORE_MAX 1000

static int
read_score(pid_t pid, int *ret)
{
	cleanup_free char *text = NULL;
	char path[64];

	int r =
	    path_format(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	if (r >= 0)
		r = file_read(AT_FDCWD, path, 32, &text, NULL);
	if (r < 0)
		return r;
	*ret = (int)strtol(text, NULL, 10);
	return 0;
}

static int
write_score(pid_t pid, int score)
{
	char path[64], text[16];

	int r =
	    path_format(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%d", score);
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd_write_full(fd, text, strlen(text));
}

int
oom_score_above_parent(pid_t pid, struct err *err)
{
	int score;

	int r = read_score(getppid(), &score);
	if (r == 0)
		r = write_score(pid, score < SCORE_MAX ? score + 1 : SCORE_MAX);
	if (r == 0 || r == -EPERM || r == -EACCES)
		return 0;
	return err_set_errno(err, -r, "set OOM score");
}
