# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The shim is killed.

# The task is off the list first and cleaned up then.
no_task() {
	! c task ls -q | grep -qx "$1" && [ ! -e "$TASKS/$NS/$1" ]
}

# Nothing is left, and one exit is told (by containerd, for the shim).
shim_killed() {
	local pid
	run_idle sk
	pid=$(pid_of sk)
	events_start ev
	shim_kill
	wait_for 20 gone "$pid"
	wait_for 20 no_task sk
	wait_for 20 events_are delete 1
	events_sync
	[ "$(python3 "$HERE/events.py" count ev exit)" = 1 ] ||
		fail "exits: $(cat ev)"
	[ "$(python3 "$HERE/events.py" status ev sk)" = 137 ] ||
		fail "status: $(cat ev)"
	events_stop
	c c rm sk
}

# The exit had been seen and told; what is told for the dead shim is the same.
shim_killed_after_exit() {
	ours "tell the true status after the shim's death"
	run_gate sa "$T/gate" 'exit 42'
	events_start ev
	gate_open "$T/gate"
	wait_for 20 is_status sa STOPPED
	shim_kill
	wait_for 20 no_task sa
	wait_for 20 events_are delete 1
	events_sync
	python3 "$HERE/events.py" status ev sa | sort -u >codes
	[ "$(cat codes)" = 42 ] || fail "statuses: $(cat ev)"
	events_stop
	c c rm sa
}

shim_killed_pod() {
	local i
	for i in 1 2 3; do
		run_idle "sp$i" --annotation io.kubernetes.cri.sandbox-id=sp
	done
	shim_kill
	for i in 1 2 3; do
		wait_for 20 no_task "sp$i"
		c c rm "sp$i"
	done
}

# The socket of the dead shim is no obstacle to the same id.
shim_killed_again() {
	run_idle sg
	shim_kill
	wait_for 20 no_task sg
	c c rm sg
	run_idle sg
	is_status sg RUNNING
	remove sg
}

# Both die; containerd finds the remains when it starts.
both_killed() {
	local pid
	run_idle bk
	pid=$(pid_of bk)
	containerd_kill
	shim_kill
	containerd_start
	wait_for 20 gone "$pid"
	wait_for 20 no_task bk
	c c rm bk
}

sys_test core "crash: shim killed, nothing left, one exit told" shim_killed
sys_test full "crash: shim killed after an exit" shim_killed_after_exit
sys_test full "crash: shim of a pod killed" shim_killed_pod
sys_test core "crash: the same id again" shim_killed_again
sys_test core "crash: shim and containerd killed" both_killed
