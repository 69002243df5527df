/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a container whose supervisor was killed.
 */
#include "shim/kill-recorded.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "fsm/fsm.h"
#include "shim/recorder.h"

#define STAT_MAX   4096
#define START_TIME 22 /* field of /proc/<pid>/stat, proc(5) */
#define DEATH_MSEC 500
#define SLACK      (20 * NSEC_PER_MSEC) /* the field counts in ticks of 10 ms */

/* The record of the operation that gave init its pid; NULL when there is none.
 */
static const struct record *
find_birth(const struct recording *recording)
{
	for (size_t i = recording->n; i-- > 0;) {
		const struct record *r = &recording->records[i];
		if (r->kind == RECORD_INIT && r->event == FSM_INIT_EV_OP_OK &&
		    r->pid != 0)
			return r;
	}
	return NULL;
}

/* When a process began, on CLOCK_BOOTTIME. -1 when it cannot be told. */
static int64_t
begin_of(pid_t pid)
{
	cleanup_free char *text = NULL;
	char path[64];

	if (path_format(path, sizeof(path), "/proc/%d/stat", (int)pid) < 0 ||
	    file_read(AT_FDCWD, path, STAT_MAX, &text, NULL) < 0)
		return -1;
	/* The name in field 2 may hold anything; what follows it does not. */
	const char *p = strrchr(text, ')');
	for (int field = 2; p && field < START_TIME; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -1;
	return strtoll(p, NULL, 10) * (NSEC_PER_SEC / sysconf(_SC_CLK_TCK));
}

static bool
began_before(pid_t pid, int64_t realtime_ns)
{
	struct timespec boot;
	int64_t begin = begin_of(pid);

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	int64_t age = boot.tv_sec * NSEC_PER_SEC + boot.tv_nsec - begin;
	return begin >= 0 && clock_realtime_ns() - age <= realtime_ns + SLACK;
}

void
kill_recorded_init(const struct recording *recording)
{
	const struct record *birth = find_birth(recording);

	if (!birth)
		return;
	/* The pidfd first: what is checked is then what is killed. */
	cleanup_close int fd =
	    (int)syscall(SYS_pidfd_open, (pid_t)birth->pid, 0);
	if (fd < 0 || !began_before((pid_t)birth->pid, birth->at_ns))
		return;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
		return;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	(void)poll(&poll_fd, 1, DEATH_MSEC);
}
