# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# dockerd, containerd and the shim are killed. dockerd runs with --live-restore.

restart_dockerd() {
	local pid
	d_gate rd "$T/gate" 'echo after; exit 42'
	pid=$(d_pid rd)
	d exec rd sh -c 'echo before >/proc/1/fd/1'
	dockerd_kill
	dockerd_start
	d_is rd .State.Status running
	[ "$(d_pid rd)" = "$pid" ] || fail "another process"
	expect_status 4 d exec rd sh -c 'exit 4'
	gate_open gate
	d_expect rd .State.Status exited
	[ "$(d logs rd)" = "$(printf 'before\nafter')" ] || fail "$(d logs rd)"
	d_expect_exit 42 rd
}

# Not the output of that time: dockerd deletes the task before it reads it.
restart_dockerd_dead() {
	local pid
	d_gate re "$T/gate" 'exit 42'
	pid=$(d_pid re)
	dockerd_kill
	gate_open gate
	wait_for 20 gone "$pid"
	dockerd_start
	d_expect_exit 42 re
}

restart_both() {
	local pid
	d_gate rb "$T/gate" 'exit 43'
	pid=$(d_pid rb)
	dockerd_kill
	containerd_kill
	containerd_start
	dockerd_start
	d_is rb .State.Status running
	[ "$(d_pid rb)" = "$pid" ] || fail "another process"
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	expect_status 4 d exec rb sh -c 'exit 4'
	gate_open gate
	d_expect_exit 43 rb
}

restart_both_dead() {
	local pid
	"$CONTAINERD" --version | grep -q ' 1\.6\.' ||
		ours "keep an ended task over a restart of containerd"
	d_gate rf "$T/gate" 'exit 44'
	pid=$(d_pid rf)
	dockerd_kill
	containerd_kill
	gate_open gate
	wait_for 20 gone "$pid"
	containerd_start
	dockerd_start
	d_expect_exit 44 rf
}

# moby's issue 41227: the process ends while containerd is away, then `docker
# stop` waits for ever.
restart_stop() {
	d-run -d --name rs "$DIMAGE" top >/dev/null
	containerd_kill
	kill -KILL "$(d_pid rs)"
	containerd_start
	within 30 d stop rs >/dev/null
	d_expect_exit 137 rs
}

# Output that comes while dockerd is away is neither lost nor fatal.
restart_output() {
	local n=2000
	d_gate ro "$T/gate" "seq 1 $n; cat /tmp/gate; seq $((n + 1)) $((2 * n))"
	dockerd_kill
	gate_open gate
	dockerd_start
	d_is ro .State.Status running
	gate_open gate
	d_expect ro .State.Status exited
	[ "$(d logs ro)" = "$(seq 1 $((2 * n)))" ] ||
		fail "$(d logs ro | wc -l) lines"
	d_expect_exit 0 ro
}

# moby's issue 43491: the shim dies, the container is said to have ended, and
# has.
shim_killed() {
	local pid
	d_idle sk
	pid=$(d_pid sk)
	shim_kill
	d_expect sk .State.Status exited
	wait_for 20 gone "$pid"
	d_expect_exit 137 sk
}

# A restart policy starts another one, and there is no second.
shim_killed_policy() {
	d-run -d --name sp --restart always "$DIMAGE" sleep 54321 >/dev/null
	shim_kill
	d_expect sp .RestartCount 1
	d_expect sp .State.Status running
	wait_for 20 one_sleep
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	expect_status 4 d exec sp sh -c 'exit 4'
	d_remove sp
}

one_sleep() {
	[ "$(pgrep -cfx 'sleep 54321')" = 1 ]
}

# The exit was told, and the shim dies before dockerd takes note of it: what is
# told for the dead shim is the same.
shim_killed_after_exit() {
	d_gate ss "$T/gate" 'exit 45'
	dockerd_stopped end_and_shim_end "$(d_id ss)"
	d_expect_exit 45 ss
}

end_and_shim_end() {
	gate_open gate
	wait_for 20 is_status "$1" STOPPED && shim_kill &&
		wait_for 20 no_task "$1"
}

no_task() {
	[ -z "$(status_of "$1")" ] && [ ! -e "$TASKS/$NS/$1" ]
}

sys_test core "docker: dockerd killed, the container lives on" restart_dockerd
sys_test core "docker: an exit while dockerd is away" restart_dockerd_dead
sys_test core "docker: dockerd and containerd killed" restart_both
sys_test core "docker: an exit while both are away" restart_both_dead
sys_test core "docker stop: the end came while containerd was away" restart_stop
sys_test core "docker logs: output while dockerd is away" restart_output
sys_test core "docker: shim killed, the container has ended" shim_killed
sys_test core "docker: shim killed, one new container" shim_killed_policy
sys_test full "docker: shim killed after an exit" shim_killed_after_exit
