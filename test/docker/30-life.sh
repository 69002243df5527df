# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Signals, stopping, pausing, limits, restart policies, health.

life_kill() {
	d-run -d --name lk "$DIMAGE" sh -c 'trap "echo usr1" USR1
		trap "exit 44" HUP; echo ready; while :; do sleep 0.1; done' \
		>/dev/null
	wait_for 20 logged lk ready
	d kill -s USR1 lk >/dev/null
	wait_for 20 logged lk usr1
	d_is lk .State.Status running
	d kill -s HUP lk >/dev/null
	d_expect_exit 44 lk
	d_idle lk
	d kill lk >/dev/null
	d_expect_exit 137 lk
}

# The first answers SIGTERM and is not waited for; the second needs SIGKILL.
life_stop() {
	d-run -d --name ls1 "$DIMAGE" sh -c 'trap "exit 33" TERM; echo ready
		while :; do sleep 0.1; done' >/dev/null
	wait_for 20 logged ls1 ready
	within 20 d stop -t 100 ls1 >/dev/null
	d_expect_exit 33 ls1
	d_idle ls2
	within 20 d stop -t 1 ls2 >/dev/null
	d_expect_exit 137 ls2
}

life_restart() {
	local pid
	d_idle lr
	pid=$(d_pid lr)
	d restart -t 0 lr >/dev/null
	d_is lr .State.Status running
	[ "$(d_pid lr)" != "$pid" ] || fail "the same process"
	wait_for 10 gone "$pid"
	d stop -t 0 lr >/dev/null
	d start lr >/dev/null
	expect_status 3 d exec lr sh -c 'exit 3'
	[ "$(shim_count)" = 1 ] || fail "$(shim_count) shims"
	d_remove lr
}

life_policies() {
	d-run -d --name p1 --restart on-failure:3 "$DIMAGE" \
		sh -c 'echo once; exit 5' >/dev/null
	d_expect p1 .RestartCount 3
	d_expect p1 .State.Status exited
	[ "$(d logs p1)" = "$(printf 'once\nonce\nonce\nonce')" ] ||
		fail "$(d logs p1)"
	d_expect_exit 5 p1
	d-run -d --name p2 --restart on-failure:3 "$DIMAGE" true >/dev/null
	d_expect p2 .State.Status exited
	d_is p2 .RestartCount 0
	d_expect_exit 0 p2
	d_idle p3 --restart always
	kill -KILL "$(d_pid p3)"
	d_expect p3 .RestartCount 1
	d_expect p3 .State.Status running
	d_remove p3
}

# What is frozen writes nothing: the file is as it was when thawed.
life_pause() {
	local pid
	d-run -d --name lp "$DIMAGE" \
		sh -c 'while :; do echo >>/tmp/n; sleep 0.01; done' >/dev/null
	pid=$(d_pid lp)
	wait_for 20 test -s "/proc/$pid/root/tmp/n"
	d pause lp >/dev/null
	d_is lp .State.Status paused
	expect_error 'is paused' d exec lp true
	cp "/proc/$pid/root/tmp/n" before
	d top lp >/dev/null
	cmp before "/proc/$pid/root/tmp/n"
	d unpause lp >/dev/null
	d_is lp .State.Status running
	wait_for 20 test "/proc/$pid/root/tmp/n" -nt before
	d pause lp >/dev/null
	within 20 d rm -f lp >/dev/null
	wait_for 10 gone "$pid"
}

life_update() {
	d_idle lu -m 64m --memory-swap 64m
	[ "$(memory_limit)" = 67108864 ] || fail "limit $(memory_limit)"
	d update -m 96m --memory-swap 96m lu >/dev/null
	[ "$(memory_limit)" = 100663296 ] || fail "limit $(memory_limit)"
	expect_error . d update -m 1 lu
	d_is lu .State.Status running
	d_remove lu
}

memory_limit() {
	d exec lu sh -c 'cd /sys/fs/cgroup; cat memory.max 2>/dev/null ||
		cat memory/memory.limit_in_bytes'
}

# Every single one is told as out of memory, with SIGKILL's code.
life_oom() {
	local n i told
	n=$(scaled 200)
	for i in $(seq 1 "$n"); do
		expect_status 137 d-run --name "oom$i" -m 16m --memory-swap 16m \
			"$DIMAGE" dd if=/dev/zero of=/dev/null bs=32M
	done 2>err
	for i in $(seq 1 "$n"); do
		d_get "oom$i" .State.OOMKilled
	done >told
	told=$(grep -c true told || :)
	[ "$told" = "$n" ] || fail "out of memory: $told of $n"
	# shellcheck disable=SC2046
	d_remove $(seq -f 'oom%.0f' 1 "$n")
	d_idle oomno -m 16m --memory-swap 16m
	d kill oomno >/dev/null
	d_is oomno .State.OOMKilled false
	d_expect_exit 137 oomno
}

life_health() {
	d_idle lh --health-cmd 'test -e /tmp/well' --health-interval 0.2s \
		--health-retries 2
	d_expect lh .State.Health.Status unhealthy
	d exec lh touch /tmp/well
	d_expect lh .State.Health.Status healthy
	d exec lh rm /tmp/well
	d_expect lh .State.Health.Status unhealthy
	d_remove lh
}

life_checkpoint() {
	local why
	command -v criu >/dev/null || skip "there is no criu"
	why=$(criu check 2>&1) ||
		skip "criu does not work here: $(tail -n 1 <<<"$why")"
	d_checkpoint lc
}

sys_test core "docker kill: signals reach init" life_kill
sys_test core "docker stop: SIGTERM, then SIGKILL" life_stop
sys_test core "docker restart, stop and start" life_restart
sys_test core "docker run: restart policies" life_policies
sys_test core "docker pause and unpause" life_pause
sys_test core "docker update: memory" life_update
sys_test core "docker run: out of memory is told, each time" life_oom
sys_test full "docker run: health checks" life_health
sys_test full "docker checkpoint and start from it" life_checkpoint
