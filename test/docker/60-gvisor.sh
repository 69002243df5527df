# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# docker with gVisor. The shim is there by the name of runc's own: what the
# runtime is it finds out by asking that.

need_runsc() {
	command -v runsc >/dev/null || skip "there is no runsc"
}

# g_run OPTION...: `docker run` in a sandbox.
g_run() {
	need_runsc
	d-run --runtime gvisor "$@"
}

gvisor_run() {
	local status=0
	g_run --rm "$DIMAGE" sh -c 'dmesg; echo to-err >&2; exit 7' \
		>out 2>err || status=$?
	[ $status = 7 ] || fail "status $status"
	grep -q 'Starting gVisor' out || fail "no gVisor: $(cat out)"
	[ "$(cat err)" = to-err ] || fail "stderr: $(cat err)"
}

# Docker gives "unlimited" as the largest number there is.
gvisor_limits() {
	local out
	out=$(g_run --rm --ulimit memlock=-1 "$DIMAGE" sh -c 'ulimit -l')
	[ "$out" = unlimited ] || fail "memlock: $out"
}

gvisor_exec() {
	g_run -d --name ge "$DIMAGE" sleep 100000 >/dev/null
	expect_status 3 d exec ge sh -c 'exit 3'
	[ "$(d exec -i ge cat <<<in-and-out)" = in-and-out ] || fail "cat"
	d top ge | grep -q 'PID' || fail "$(d top ge)"
	d stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' ge >stats
	grep -Eq '^[1-9].*B / .* [1-9][0-9]*$' stats || fail "$(cat stats)"
	d kill ge >/dev/null
	d_expect_exit 137 ge
}

gvisor_life() {
	g_run -d --name gl "$DIMAGE" sh -c 'trap "exit 33" TERM; echo ready
		while :; do sleep 0.1; done' >/dev/null
	wait_for 20 logged gl ready
	d pause gl >/dev/null
	d_is gl .State.Status paused
	d unpause gl >/dev/null
	d_is gl .State.Status running
	d stop -t 20 gl >/dev/null
	d_is gl .State.ExitCode 33
	d start gl >/dev/null
	d_is gl .State.Status running
	d kill gl >/dev/null
	d_expect_exit 137 gl
}

# Of the sandbox's cgroup, for these builds of runsc have no update.
gvisor_update() {
	g_run -d --name gu -m 64m --memory-swap 64m "$DIMAGE" sleep 100000 \
		>/dev/null
	d update -m 96m --memory-swap 96m --cpus 0.5 gu >/dev/null
	cgroup_has gu 'memory.max|memory.limit_in_bytes' 100663296
	cgroup_has gu 'cpu.max|cpu.cfs_quota_us' '50000( 100000)?'
	d_is gu .State.Status running
	d_remove gu
}

# cgroup_has NAME FILES VALUE: one of these files of the container has it.
cgroup_has() {
	local dir
	for dir in $(awk -F: '{ sub("name=", "", $2); print "/sys/fs/cgroup/" $2 $3 }' \
		"/proc/$(d_pid "$1")/cgroup"); do
		grep -EHx "$3" "$dir"/* 2>/dev/null |
			grep -Eq "/($2):" && return
	done
	fail "no $2 of $3"
}

# gVisor's own shim refuses both.
gvisor_checkpoint() {
	need_runsc
	d_checkpoint gc --runtime gvisor
}

sys_test full "gvisor: run, streams and status" gvisor_run
sys_test full "gvisor: a limit that is the largest number" gvisor_limits
sys_test full "gvisor: exec, top and stats" gvisor_exec
sys_test full "gvisor: pause, stop, start and kill" gvisor_life
sys_test full "gvisor: update" gvisor_update
sys_test full "gvisor: checkpoint and start from it" gvisor_checkpoint
