/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane makes one cycle after the other, each call from the answer to the one
 * before, so that many lanes can be under way at once.
 */
#include "test/tool/bench/exec.h"

#include <err.h>
#include <event2/event.h>
#include <stdio.h>

#include "base/clock.h"
#include "ipc/message.h"
#include "ipc/proto/task.pb.h"

#define LANES        2 /* for each shim; the runtime keeps a core busy */
#define PROCESS_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Process"

struct lane {
	struct rig *rig;
	const struct bytes *process;
	unsigned left, step;
	char exec_id[32];
	struct call call;
};

static void on_step(struct call *call, void *arg);

static void
send_exec(struct lane *lane)
{
	containerd_task_v2_ExecProcessRequest request = {
		.id = lane->rig->id,
		.exec_id = lane->exec_id,
		.has_spec = true,
		.spec = { .type_url = message_borrow(PROCESS_TYPE),
		    .value = *lane->process },
	};

	rig_send(lane->rig, "Exec",
	    containerd_task_v2_ExecProcessRequest_fields, &request,
	    &lane->call);
}

static void
send_step(struct lane *lane)
{
	static const char *const methods[] = { "Start", "Wait", "Delete" };
	containerd_task_v2_StateRequest request = {
		.id = lane->rig->id,
		.exec_id = lane->exec_id,
	};

	lane->call = (struct call){ .then = on_step, .arg = lane };
	if (lane->step == 0)
		send_exec(lane);
	else
		rig_send(lane->rig, methods[lane->step - 1],
		    containerd_task_v2_StateRequest_fields, &request,
		    &lane->call);
}

static void
begin_cycle(struct lane *lane)
{
	static unsigned cycles;

	(void)snprintf(
	    lane->exec_id, sizeof(lane->exec_id), "exec-%u", cycles++);
	lane->step = 0;
	send_step(lane);
}

static void
on_step(struct call *call, void *arg)
{
	struct lane *lane = arg;

	bytes_free(&call->reply);
	if (++lane->step <= 3) {
		send_step(lane);
		return;
	}
	if (--lane->left > 0)
		begin_cycle(lane);
}

static void
run_until_done(struct event_base *base, const struct lane *lanes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (lanes[i].left > 0) {
			if (event_base_loop(base, EVLOOP_ONCE) < 0)
				errx(1, "the event loop failed");
		}
	}
}

double
exec_once(struct rig *rig, const struct bytes *process)
{
	struct lane lane = { .rig = rig, .process = process, .left = 1 };
	int64_t began = clock_monotonic_ns();

	begin_cycle(&lane);
	run_until_done(rig->bench->base, &lane, 1);
	return (double)(clock_monotonic_ns() - began) / NSEC_PER_MSEC;
}

void
exec_many(
    struct rig rigs[static SIDES], const struct bytes *process, unsigned n)
{
	struct lane lanes[SIDES * LANES];

	for (unsigned i = 0; i < SIDES * LANES; i++) {
		lanes[i] = (struct lane){
			.rig = &rigs[i % SIDES],
			.process = process,
			.left = n / LANES,
		};
		if (lanes[i].left > 0)
			begin_cycle(&lanes[i]);
	}
	run_until_done(rigs[OURS].bench->base, lanes, SIDES * LANES);
}
