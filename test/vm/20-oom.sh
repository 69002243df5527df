# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Out of memory on cgroup2: told once for each container that it hit, by the name
# of that container, before its exit.

# N containers, two at a time, that ask for more than they may have as soon as
# they start.
oom_at_once() {
	local n=${OOM_COUNT:-50}
	events_start ev
	# shellcheck disable=SC2016
	seq "$n" | xargs -P 2 -I N sh -c '
		c-run --rm --null-io --memory-limit 16777216 "$IMAGE" oN \
			dd if=/dev/zero of=/dev/null bs=64M
		s=$?
		[ $s = 137 ] || echo "status $s, not 137"' >wrong
	[ ! -s wrong ] || fail "$(cat wrong)"
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
# fills it, and gives it back. It is the one to pay that brings it in.
oom_not() {
	dd if=/dev/zero of=/var/tmp/short bs=1M count=40 conv=fsync 2>dd
	echo 1 >/proc/sys/vm/drop_caches
	events_start ev
	c-run -d --null-io --memory-limit 16777216 --mount \
		"type=bind,src=/var/tmp,dst=/tmp,options=rbind:ro" \
		"$IMAGE" short \
		sh -c 'while :; do cat /tmp/short >/dev/null; done'
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
