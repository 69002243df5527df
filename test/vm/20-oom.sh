# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Out of memory on cgroup2: told once for each container that it hit, by the name
# of that container, before its exit.

# takes_all ID: a container that asks for more than it may have at once.
takes_all() {
	c-run -d --null-io --memory-limit 16777216 "$IMAGE" "$1" \
		dd if=/dev/zero of=/dev/null bs=64M
}

# N containers, one after the other, that die as soon as they start.
oom_at_once() {
	local n i
	n=$(scaled "${OOM_COUNT:-50}")
	events_start ev
	for i in $(seq "$n"); do
		takes_all "o$i"
		expect_exit 137 "o$i"
	done
	wait_for 30 events_are delete "$n"
	events_check --exits "$n" --ooms "$n"
	events_stop
}

# A neighbour in the same slice, the same pod and the same shim is spared.
oom_neighbour() {
	local key=io.kubernetes.cri.sandbox-id
	events_start ev
	run_idle near --annotation $key=near
	c-run -d --null-io --memory-limit 16777216 --annotation $key=near \
		"$IMAGE" hit dd if=/dev/zero of=/dev/null bs=64M
	expect_exit 137 hit
	is_status near RUNNING
	remove near
	wait_for 30 events_are delete 2
	events_check --exits 2 --ooms 1
	grep '/tasks/oom ' ev | grep -q '"hit"' || fail "$(grep oom ev)"
	events_stop
}

# SIGKILL alone is no OOM, not even where memory is short: a file that is read
# fills it, and gives it back.
oom_not() {
	events_start ev
	c-run -d --null-io --memory-limit 16777216 --mount \
		"type=bind,src=${CONTAINERD%/*},dst=/tmp,options=rbind:ro" \
		"$IMAGE" short \
		sh -c 'while :; do cat /tmp/containerd >/dev/null; done'
	wait_for 30 grep -qE '^max [1-9]' "$(cgroup_of short)/memory.events"
	kill -KILL "$(pid_of short)"
	expect_exit 137 short
	wait_for 30 events_are delete 1
	events_check --exits 1 --ooms 0
	events_stop
}

sys_test core "oom: 50 that die as they start, each told once" oom_at_once
sys_test core "oom: of the right one of a pod" oom_neighbour
sys_test core "oom: short of memory and killed is no OOM" oom_not
