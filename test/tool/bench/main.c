/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench: two shims side by side, as containerd would drive them. Run by
 * test/bench/run, which prepares what it needs and says what it measures.
 *
 *   bench OURS THEIRS DIR TAG ROUNDS STREAM_MIB
 *
 * Both shims take turns, round by round, and change who begins, so that other
 * work on the machine hits both. DIR has the configurations idle.json and
 * stream.json and the process process.json, and gets what the shims log in
 * shims.log; containers are named TAG-N.
 */
#include <err.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "test/tool/bench/idle.h"
#include "test/tool/bench/life.h"
#include "test/tool/bench/rig.h"
#include "test/tool/bench/sink.h"
#include "test/tool/bench/stream.h"
#include "test/tool/bench/table.h"

/* A stream takes as long as many of the other rounds. */
#define ROUNDS_PER_STREAM 13

struct life_figures {
	struct figure address, create, start, delete, all, beyond_runtime;
	struct figure wait, event, wait_beyond, event_beyond;
};

static double
sum(const struct life *life)
{
	return life->create + life->start + life->delete;
}

static void
add_bare(struct life_figures *figures, const struct life *bare)
{
	series_add(&figures->create.bare, bare->create);
	series_add(&figures->start.bare, bare->start);
	series_add(&figures->delete.bare, bare->delete);
	series_add(&figures->all.bare, sum(bare));
	series_add(&figures->wait.bare, bare->exit_wait);
	series_add(&figures->event.bare, bare->exit_event);
}

/* bare is of the same round. */
static void
add_life(struct life_figures *figures, enum side side, const struct life *life,
    const struct life *bare)
{
	series_add(&figures->address.side[side], life->address);
	series_add(&figures->create.side[side], life->create);
	series_add(&figures->start.side[side], life->start);
	series_add(&figures->delete.side[side], life->delete);
	series_add(&figures->all.side[side], sum(life));
	series_add(&figures->beyond_runtime.side[side], sum(life) - sum(bare));
	series_add(&figures->wait.side[side], life->exit_wait);
	series_add(&figures->event.side[side], life->exit_event);
	series_add(&figures->wait_beyond.side[side],
	    life->exit_wait - bare->exit_wait);
	series_add(&figures->event_beyond.side[side],
	    life->exit_event - bare->exit_event);
}

static void
print_lives(struct life_figures *f)
{
	const struct budget fifth = { BOUND_RATIO_AT_MOST, 0.2, "<= 1/5" };
	const struct budget quarter = { BOUND_RATIO_AT_MOST, 0.25, "<= 1/4" };
	const struct budget one_ms = { BOUND_AT_MOST, 1, "<= 1 ms" };

	table_figure("start to address", UNIT_MS, &f->address, fifth);
	table_figure("Create", UNIT_MS, &f->create, budget_none);
	table_figure("Start", UNIT_MS, &f->start, budget_none);
	table_figure("Delete", UNIT_MS, &f->delete, budget_none);
	table_figure("Create + Start + Delete", UNIT_MS, &f->all, budget_none);
	table_figure(
	    "  beyond the bare runtime", UNIT_MS, &f->beyond_runtime, one_ms);
	table_figure(
	    "SIGKILL to reply of Wait", UNIT_MS, &f->wait, budget_none);
	table_figure("  from the exit", UNIT_MS, &f->wait_beyond, quarter);
	table_figure(
	    "SIGKILL to TaskExit event", UNIT_MS, &f->event, budget_none);
	table_figure("  from the exit", UNIT_MS, &f->event_beyond, quarter);
}

static void
time_lives(struct bench *bench)
{
	struct life_figures figures = { 0 };

	for (unsigned round = 0; round < bench->rounds; round++) {
		struct life bare = life_bare(bench);
		add_bare(&figures, &bare);
		for (unsigned i = 0; i < SIDES; i++) {
			enum side side = bench_turn(SIDES * round + i);
			struct life life = life_run(bench, side);
			add_life(&figures, side, &life, &bare);
		}
	}
	print_lives(&figures);
}

static void
time_streams(struct bench *bench)
{
	unsigned rounds =
	    (bench->rounds + ROUNDS_PER_STREAM - 1) / ROUNDS_PER_STREAM;
	struct figure rate = { 0 }, cpu = { 0 };

	for (unsigned turn = 0; turn < rounds * SIDES; turn++) {
		enum side side = bench_turn(turn);
		struct stream_figures figures = stream_run(bench, side);
		series_add(&rate.side[side], figures.mb_per_s);
		series_add(&cpu.side[side], figures.cpu_per_gb);
	}
	table_figure("stdout", UNIT_MB_PER_S, &rate,
	    (struct budget){ BOUND_RATIO_AT_LEAST, 4, ">= 4" });
	table_figure("  CPU time of the shim", UNIT_CPU_PER_GB, &cpu,
	    (struct budget){ BOUND_RATIO_AT_MOST, 0.25, "<= 1/4" });
}

static unsigned
number(const char *text)
{
	char *end = NULL;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || n < 1 || n > 1000000)
		errx(2, "'%s' is no number of rounds or MiB", text);
	return (unsigned)n;
}

/* As containerd 1.6 does, to which both shims answer with a plain address. */
static void
set_environment(const char *address)
{
	if (setenv("TTRPC_ADDRESS", address, 1) < 0 ||
	    setenv("GOMAXPROCS", "2", 1) < 0)
		err(1, "setenv");
}

static int
open_log(const char *dir)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/shims.log", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

int
main(int argc, char **argv)
{
	char address[128];

	if (argc != 7)
		errx(2, "usage: OURS THEIRS DIR TAG ROUNDS STREAM_MIB");
	struct bench bench = {
		.base = event_base_new(),
		.shim = { [OURS] = argv[1], [THEIRS] = argv[2] },
		.dir = argv[3],
		.tag = argv[4],
		.rounds = number(argv[5]),
		.stream_mib = number(argv[6]),
	};
	if (!bench.base)
		errx(1, "no event loop");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		err(1, "PR_SET_CHILD_SUBREAPER");
	(void)snprintf(address, sizeof(address), "%s/events.sock", bench.dir);
	set_environment(address);
	bench.log_fd = open_log(bench.dir);
	bench.sink = sink_new(bench.base, address);
	table_head();
	idle_run(&bench);
	time_lives(&bench);
	time_streams(&bench);
	sink_free(bench.sink);
	event_base_free(bench.base);
	(void)close(bench.log_fd);
	return 0;
}
