# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# containerd is killed and started again. Newer containerd takes a task without
# processes for a leak and deletes it by itself while starting: one whose process
# ended meanwhile, where the reference shim is.

restart_alive() {
	local pid
	run_idle ra
	pid=$(pid_of ra)
	containerd_kill
	containerd_start
	is_status ra RUNNING || fail "$(c task ls)"
	[ "$(pid_of ra)" = "$pid" ] || fail "another pid"
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	events_start ev
	expect_status 4 c task exec --exec-id a ra sh -c 'exit 4'
	c task kill -s KILL ra
	expect_exit 137 ra
	wait_for 20 events_are exit 2
	events_stop
	[ "$(python3 "$HERE/events.py" status ev ra a)" = 4 ]
	[ "$(python3 "$HERE/events.py" status ev ra)" = 137 ]
}

restart_pod() {
	local i
	for i in 1 2 3; do
		run_idle "rp$i" --annotation io.kubernetes.cri.sandbox-id=rp
	done
	containerd_kill
	containerd_start
	for i in 1 2 3; do
		is_status "rp$i" RUNNING || fail "$(c task ls)"
	done
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	remove rp1 rp2 rp3
}

# ends_meanwhile ID STATUS [SECONDS]: the container ends while containerd is
# away, which stays away for so long; then the exit is told exactly once, and the
# true status is known where containerd keeps the task.
ends_meanwhile() {
	local pid
	run_gate "$1" "$T/gate" "exit $2"
	pid=$(pid_of "$1")
	containerd_kill
	gate_open "$T/gate"
	wait_for 20 gone "$pid"
	sleep "${3:-0}"
	containerd_start
	wait_for 60 exits_told 1
	if [ "$OURS" = 1 ] || [ -n "$(status_of "$1")" ]; then
		expect_exit "$2" "$1"
	else
		c c rm "$1"
	fi
	[ "$(forwarded exit)" = 1 ] || fail "$(forwarded exit) exits told"
}

exits_told() {
	[ "$(forwarded exit)" -ge "$1" ]
}

# Newer containerd ends the shim as soon as it is back, and the reference shim
# its events with it.
restart_dead() {
	"$CONTAINERD" --version | grep -q ' 1\.6\.' ||
		ours "tell an exit while being shut down"
	ends_meanwhile rd 42
}

# Longer than the reference shim tries (15 s): there the event is lost.
restart_late() {
	ours "tell an exit after 15 s without containerd"
	ends_meanwhile rl 43 18
}

# Output goes on being taken while nobody can be told anything.
restart_output() {
	c-run "$IMAGE" ro sh -c 'echo first; cat /dev/zero | head -c 200000;
		sleep 100000' >out 2>&1 &
	wait_for 20 is_size out 200006
	containerd_kill
	wait || :
	containerd_start
	is_status ro RUNNING
	remove ro
}

is_size() {
	[ "$(stat -c %s "$1")" = "$2" ]
}

sys_test core "restart: the container lives on" restart_alive
sys_test full "restart: a pod lives on" restart_pod
sys_test core "restart: an exit meanwhile is told once" restart_dead
sys_test full "restart: an exit long before is told once" restart_late
sys_test full "restart: while a client was attached" restart_output
