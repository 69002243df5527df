/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a sandbox that is paused, resumed and signalled. It counts
 * its pauses, and one resume too many is its death. Signals to what is in it
 * wait until it runs: a process of the fake is a process of the host, which
 * would die of SIGKILL at once.
 *
 * The count and then the signals, each "pid signal", are the lines of the file
 * sentry in the folder of the sandbox's own container. Who works on it has it
 * locked: there are commands here and a test's answers at the socket.
 */
#include "test/tool/fake-runtime/fake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define WAITING_MAX 64

struct sentry {
	FILE *file;
	int pauses;
	size_t n;
	struct {
		int pid, signal;
	} waiting[WAITING_MAX];
};

static void
sentry_open(struct call *call, struct sentry *ret)
{
	char *id = text_read(text_format("%s/sandbox-id", call->state));
	char *path =
	    text_format("%s/%s/sentry", call->root, id ? id : call->id);

	*ret = (struct sentry){ .file = fopen(path, "a+e") };
	if (!ret->file || flock(fileno(ret->file), LOCK_EX) < 0)
		fail(call, "%s: %s", path, strerror(errno));
	rewind(ret->file);
	if (fscanf(ret->file, "%d", &ret->pauses) != 1)
		return;
	while (ret->n < WAITING_MAX &&
	       fscanf(ret->file, "%d %d", &ret->waiting[ret->n].pid,
		   &ret->waiting[ret->n].signal) == 2)
		ret->n++;
}

static void
sentry_close(struct call *call, const struct sentry *sentry)
{
	if (ftruncate(fileno(sentry->file), 0) < 0)
		fail(call, "sentry: %s", strerror(errno));
	fprintf(sentry->file, "%d\n", sentry->pauses);
	for (size_t i = 0; i < sentry->n; i++)
		fprintf(sentry->file, "%d %d\n", sentry->waiting[i].pid,
		    sentry->waiting[i].signal);
	fclose(sentry->file);
}

static void
deliver_waiting(struct sentry *sentry)
{
	for (size_t i = 0; i < sentry->n; i++)
		(void)kill(sentry->waiting[i].pid, sentry->waiting[i].signal);
	sentry->n = 0;
}

/* ---- what runsc knows of the container */

static const char *
status(const struct call *call)
{
	if (!process_alive(call->pid))
		return "stopped";
	if (access(text_format("%s/gate", call->state), F_OK) == 0)
		return "created";
	return access(text_format("%s/paused", call->state), F_OK) == 0
		   ? "paused"
		   : "running";
}

static void
need_status(struct call *call, const char *verb, const char *needed)
{
	const char *is = status(call);

	if (strcmp(is, needed) != 0)
		fail(call, "cannot %s container \"%s\" in state %s", verb,
		    call->id, is);
}

/* ---- verbs */

void
runsc_kill(struct call *call, int signal)
{
	struct sentry sentry;

	need_status(call, "signal", "running");
	sentry_open(call, &sentry);
	if (sentry.pauses > 0 && sentry.n < WAITING_MAX) {
		sentry.waiting[sentry.n].pid = call->pid;
		sentry.waiting[sentry.n++].signal = signal;
	} else {
		(void)kill(call->pid, signal);
	}
	sentry_close(call, &sentry);
}

void
runsc_pause(struct call *call)
{
	struct sentry sentry;

	need_status(call, "pause", "running");
	sentry_open(call, &sentry);
	sentry.pauses++;
	sentry_close(call, &sentry);
}

void
runsc_resume(struct call *call)
{
	struct sentry sentry;

	need_status(call, "resume", "paused");
	sentry_open(call, &sentry);
	if (--sentry.pauses < 0)
		(void)kill(text_read_pid(call->state, "sandbox"), SIGKILL);
	else if (sentry.pauses == 0)
		deliver_waiting(&sentry);
	sentry_close(call, &sentry);
}
