/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two containers of this part live side by side, so that their shims can be
 * called in turn. What a shim takes is read after a pause, in which a garbage
 * collector may do what it would do anyway.
 */
#include "test/tool/bench/idle.h"

#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/proto/task.pb.h"
#include "test/tool/bench/exec.h"
#include "test/tool/bench/reading.h"
#include "test/tool/bench/table.h"

/* In one of the bench's rounds. */
#define CALLS_PER_ROUND 4
#define EXECS_PER_ROUND 25 /* of which one is timed */
#define PROCESS_MAX     65536

struct timed_call {
	const char *what, *method;
	double (*make)(struct rig *rig, const char *method);
	struct budget budget;
};

/* The first process of a pid namespace ignores what it has no handler for. */
static double
call_kill(struct rig *rig, const char *method)
{
	containerd_task_v2_KillRequest request = {
		.id = rig->id,
		.signal = SIGUSR1,
	};
	cleanup_bytes struct bytes reply = { 0 };

	return rig_call(rig, method, containerd_task_v2_KillRequest_fields,
	    &request, &reply);
}

/* In this order. The shim was idle for as long as the other one's turn took:
 * the first call pays for waking up. */
static const struct timed_call calls[] = {
	{ "State, first after a rest", "State", rig_call_id,
	    { .bound = BOUND_NONE, .text = "" } },
	{ "State", "State", rig_call_id,
	    { BOUND_RATIO_AT_MOST, 0.5, "<= 1/2" } },
	{ "Kill", "Kill", call_kill, { BOUND_RATIO_AT_MOST, 0.05, "<= 1/20" } },
	{ "Pids", "Pids", rig_call_id,
	    { BOUND_RATIO_AT_MOST, 0.05, "<= 1/20" } },
	{ "Pause", "Pause", rig_call_id,
	    { BOUND_RATIO_AT_MOST, 0.05, "<= 1/20" } },
	{ "Resume", "Resume", rig_call_id,
	    { BOUND_RATIO_AT_MOST, 0.05, "<= 1/20" } },
	{ "Stats", "Stats", rig_call_id,
	    { BOUND_RATIO_AT_MOST, 0.25, "<= 1/4" } },
};
#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

static void
time_calls(struct rig rigs[static SIDES], unsigned rounds)
{
	struct figure figures[N_CALLS] = { 0 };

	for (unsigned turn = 0; turn < rounds * SIDES; turn++) {
		enum side side = bench_turn(turn);
		for (size_t i = 0; i < N_CALLS; i++)
			series_add(&figures[i].side[side],
			    calls[i].make(&rigs[side], calls[i].method));
	}
	for (size_t i = 0; i < N_CALLS; i++)
		table_figure(
		    calls[i].what, UNIT_MS, &figures[i], calls[i].budget);
}

static void
time_execs(
    struct rig rigs[static SIDES], const struct bytes *process, unsigned rounds)
{
	struct figure figure = { 0 };

	for (unsigned turn = 0; turn < rounds * SIDES; turn++) {
		enum side side = bench_turn(turn);
		series_add(&figure.side[side], exec_once(&rigs[side], process));
	}
	table_figure(
	    "Exec + Start + Wait + Delete", UNIT_MS, &figure, budget_none);
}

static void
print_readings(const struct rig rigs[static SIDES], const char *when)
{
	const struct timespec pause = { .tv_nsec = 500 * NSEC_PER_MSEC };

	(void)nanosleep(&pause, NULL);
	struct reading ours = reading_take(rigs[OURS].shim_pid);
	struct reading theirs = reading_take(rigs[THEIRS].shim_pid);
	const struct {
		const char *name;
		enum unit unit;
		double ours, theirs;
		struct budget budget;
	} rows[] = {
		{ "private dirty", UNIT_KIB, ours.private_dirty,
		    theirs.private_dirty, { BOUND_AT_MOST, 200, "<= 200 kB" } },
		{ "RSS", UNIT_KIB, ours.rss, theirs.rss,
		    { BOUND_AT_MOST, 2048, "<= 2048 kB" } },
		{ "PSS", UNIT_KIB, ours.pss, theirs.pss, budget_none },
		{ "threads", UNIT_COUNT, ours.threads, theirs.threads,
		    { BOUND_AT_MOST, 1, "1" } },
		{ "descriptors", UNIT_COUNT, ours.fds, theirs.fds,
		    budget_none },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char what[64];
		(void)snprintf(
		    what, sizeof(what), "%s, %s", rows[i].name, when);
		table_values(what, rows[i].unit, rows[i].ours, rows[i].theirs,
		    NAN, rows[i].budget);
	}
}

static void
read_process(const struct bench *bench, struct bytes *ret)
{
	char path[192];
	char *text = NULL;

	(void)snprintf(path, sizeof(path), "%s/process.json", bench->dir);
	if (file_read(AT_FDCWD, path, PROCESS_MAX, &text, &ret->len) < 0)
		errx(1, "cannot read %s", path);
	ret->data = (uint8_t *)text;
}

void
idle_run(struct bench *bench)
{
	unsigned execs = EXECS_PER_ROUND * bench->rounds;
	cleanup_bytes struct bytes process = { 0 };
	struct rig rigs[SIDES];
	char when[32];

	read_process(bench, &process);
	for (unsigned side = 0; side < SIDES; side++) {
		rig_open(&rigs[side], bench, side, "idle.json");
		(void)rig_create(&rigs[side], NULL, NULL);
		(void)rig_call_id(&rigs[side], "Start");
	}
	print_readings(rigs, "idle");
	time_calls(rigs, CALLS_PER_ROUND * bench->rounds);
	time_execs(rigs, &process, bench->rounds);
	exec_many(rigs, &process, execs - bench->rounds);
	(void)snprintf(when, sizeof(when), "after %u execs", execs);
	print_readings(rigs, when);
	for (unsigned side = 0; side < SIDES; side++)
		rig_end(&rigs[side]);
}
