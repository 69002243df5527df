# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Pods, deletion, and what ends without being asked.

pod() {
	local id n=10
	events_start ev
	run_pod pd
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	[ "$(pid_of pd)" = "$(pid_of a-pd)" ] || fail "two sandboxes"
	for id in pd a-pd b-pd; do
		n=$((n + 1))
		expect_status $n c task exec --exec-id e $id sh -c "exit $n"
	done
	# One goes, and comes again.
	remove a-pd
	is_status pd RUNNING && is_status b-pd RUNNING || fail "$(c task ls)"
	run_member a-pd container pd sh -c 'exit 44'
	expect_exit 44 a-pd
	remove b-pd pd
	wait_for 20 is_shim_count 0
	wait_for 20 events_are delete 4
	exits_of a-pd '137 44'
	exits_of b-pd 137
	exits_of pd 137
	events_stop
}

# exits_of ID STATUS...: what was told of its init, in this order.
exits_of() {
	local got
	got=$(python3 "$HERE/events.py" status "$EVENTS" "$1" | xargs)
	[ "$got" = "$2" ] || fail "exits of $1: $got, not $2"
}

# One that could not start counts as ended, so that it can be deleted.
bad_command() {
	run_member bc sandbox bc
	expect_error 'no such file|not found|executable' \
		run_member a-bc container bc /no/such/program
	is_status bc RUNNING || fail "$(c task ls)"
	expect_exit 128 a-bc
	run_member b-bc container bc sh -c 'exit 3'
	expect_exit 3 b-bc
	remove bc
	expect_error 'no such file|not found|executable' \
		c-run -d --null-io "$IMAGE" other /no/such/program
	expect_exit 128 other
}

delete_states() {
	run_pod ds
	expect_error 'running|precondition' c task rm ds
	expect_error 'running|precondition' c task rm a-ds
	c task pause a-ds
	expect_error 'paused|precondition' c task rm a-ds
	c task rm -f a-ds
	c c rm a-ds
	c task rm -f b-ds
	c c rm b-ds
	c task rm -f ds
	c c rm ds
}

# Whatever was inside has been killed: each is told once, execs first.
sandbox_killed() {
	local id
	local -a execs=()
	events_start ev
	run_pod sk
	for id in sk a-sk b-sk; do
		c task exec --exec-id "x-$id" $id sleep 1000 &
		execs+=($!)
	done
	wait_for 20 events_started 3
	kill -KILL "$(pid_of sk)"
	for id in a-sk b-sk sk; do
		expect_exit 137 $id
		exits_of $id 137
		[ "$(python3 "$HERE/events.py" status ev $id "x-$id")" = 137 ]
	done
	for id in "${execs[@]}"; do
		expect_status 137 wait "$id"
	done
	wait_for 20 events_are delete 3
	events_check --exits 6 --execs-first
	events_stop
}

events_started() {
	[ "$(grep -c '/tasks/exec-started ' ev)" = "$1" ]
}

# An exec that ends is told before the init that ends at once after it.
exec_before_init() {
	local i
	events_start ev
	for i in 1 2 3; do
		run_idle "xi$i"
		c task exec --exec-id e "xi$i" sh -c 'kill -9 1; exit 0' || :
		expect_exit 137 "xi$i"
	done
	wait_for 20 events_are delete 3
	events_check --exits 6 --execs-first
	events_stop
}

# containerd deletes what the shim leaves, three containers at a time: no
# sandbox, no file of runsc's. Some of those come and go again as the deletions
# meet.
shim_killed() {
	local i
	for i in 1 2 3 4; do
		shim_killed_once
	done
	# The name is free again.
	run_idle sd
	remove sd
}

shim_killed_once() {
	local id sandbox
	run_pod sd
	sandbox=$(pid_of sd)
	shim_kill
	for id in sd a-sd b-sd; do
		wait_for 20 no_task $id
		c c rm $id
	done
	wait_for 20 gone "$sandbox"
	[ -z "$(ls -A "$RUNSC_ROOT")" ] || fail "$(ls -A "$RUNSC_ROOT")"
	[ -z "$(pgrep -a runsc)" ] || fail "$(pgrep -a runsc)"
}

no_task() {
	! c task ls -q | grep -qx "$1" && [ ! -e "$TASKS/$NS/$1" ]
}

restart() {
	run_pod rs
	containerd_kill
	containerd_start
	is_status rs RUNNING && is_status a-rs RUNNING || fail "$(c task ls)"
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	events_start ev
	expect_status 4 c task exec --exec-id a a-rs sh -c 'exit 4'
	remove a-rs b-rs rs
	wait_for 20 events_are delete 3
	exits_of rs 137
	exits_of a-rs 137
	events_stop
}

# The sandbox has the memory, and dies of it; its containers go with it.
out_of_memory() {
	events_start ev
	c-run -d --null-io --memory-limit 100000000 "$IMAGE" om \
		sh -c 'dd if=/dev/zero of=/tmp/much bs=1M count=400'
	expect_exit 137 om
	wait_for 20 events_are delete 1
	wait_for 20 events_are oom 1
	events_check --exits 1
	events_stop
}

sys_test core "oom: told, and 137" out_of_memory
sys_test core "pod: three containers in one sandbox and one shim" pod
sys_test core "pod: one that cannot start" bad_command
sys_test full "delete: in every state" delete_states
sys_test core "crash: the sandbox is killed" sandbox_killed
sys_test full "exit: execs first" exec_before_init
sys_test core "crash: the shim is killed" shim_killed
sys_test core "restart: containerd is killed and comes back" restart
