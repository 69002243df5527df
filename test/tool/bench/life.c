/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The init process is killed by its pid, so that the time to its exit contains
 * no call. That time includes the kernel's for taking the process down, the
 * same for all: life_bare() tells it.
 */
#include "test/tool/bench/life.h"

#include <err.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/proto/task.pb.h"
#include "test/tool/bench/command.h"
#include "test/tool/bench/sink.h"

static double
ms_between(int64_t began, int64_t ended)
{
	return (double)(ended - began) / NSEC_PER_MSEC;
}

/* The process is still about to execute its program when it was started. */
static void
let_it_run(void)
{
	const struct timespec pause = { .tv_nsec = 10 * NSEC_PER_MSEC };

	(void)nanosleep(&pause, NULL);
}

static void
kill_init(struct rig *rig, struct life *life)
{
	containerd_task_v2_WaitRequest request = { .id = rig->id };
	struct sink *sink = rig->bench->sink;
	struct call wait = { 0 };

	rig_send(rig, "Wait", containerd_task_v2_WaitRequest_fields, &request,
	    &wait);
	/* Once this is answered Wait has been read, too. */
	(void)rig_call_id(rig, "State");
	sink_expect_exit(sink, rig->id);
	let_it_run();
	int64_t began = clock_monotonic_ns();
	if (kill(rig->init_pid, SIGKILL) < 0)
		err(1, "kill %d", rig->init_pid);
	while (!wait.done || sink_exit_at(sink) == 0) {
		if (event_base_loop(rig->bench->base, EVLOOP_ONCE) < 0)
			errx(1, "the event loop failed");
	}
	life->exit_wait = ms_between(began, wait.at);
	life->exit_event = ms_between(began, sink_exit_at(sink));
	sink_expect_exit(sink, NULL);
	bytes_free(&wait.reply);
}

struct life
life_run(struct bench *bench, enum side side)
{
	struct life life;
	struct rig rig;

	rig_open(&rig, bench, side, "idle.json");
	life.address = rig.start_ms;
	life.create = rig_create(&rig, NULL, NULL);
	life.start = rig_call_id(&rig, "Start");
	kill_init(&rig, &life);
	life.delete = rig_call_id(&rig, "Delete");
	rig_close(&rig);
	return life;
}

/* The dead process is a child of this one, the subreaper. */
static double
kill_bare(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		err(1, "process %d", pid);
	let_it_run();
	int64_t began = clock_monotonic_ns();
	if (kill(pid, SIGKILL) < 0 || poll(&poll_fd, 1, -1) < 0)
		err(1, "kill %d", pid);
	int64_t ended = clock_monotonic_ns();
	(void)close(pidfd);
	if (waitpid(pid, NULL, 0) < 0)
		err(1, "wait for %d", pid);
	return ms_between(began, ended);
}

static double
runc(const char *root, const char *const *words)
{
	const char *argv[16] = { "/usr/bin/runc", "--root", root };

	for (size_t i = 3; *words && i < 15; i++)
		argv[i] = *words++;
	return command_run(argv, NULL, NULL, 0);
}

struct life
life_bare(struct bench *bench)
{
	char id[64], bundle[128], pid_file[192], root[192];
	struct life life = { 0 };
	pid_t pid = -1;

	bundle_make(bench, "idle.json", id, bundle);
	(void)snprintf(root, sizeof(root), "%s/runc", bench->dir);
	(void)snprintf(pid_file, sizeof(pid_file), "%s/init.pid", bundle);
	life.create =
	    runc(root, (const char *const[]){ "create", "--bundle", bundle,
			   "--pid-file", pid_file, id, NULL });
	life.start = runc(root, (const char *const[]){ "start", id, NULL });
	if (file_read_pid(AT_FDCWD, pid_file, &pid) < 0)
		errx(1, "%s: no pid", pid_file);
	life.exit_wait = life.exit_event = kill_bare(pid);
	life.delete = runc(root, (const char *const[]){ "delete", id, NULL });
	bundle_remove(bundle);
	return life;
}
