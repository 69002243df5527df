# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# `docker exec`, top and stats.

exec_status() {
	local n
	d_idle es
	for n in 0 1 42 125 127 255; do
		expect_status $n d exec es sh -c "exit $n"
	done
	expect_status 137 d exec es sh -c 'kill -KILL $$'
	d_remove es
}

exec_streams() {
	d_idle st
	head -c 2097152 /dev/urandom >in
	d exec -i st tee /dev/stderr <in >out 2>err
	cmp in out
	cmp in err
	[ "$(d exec -i st wc -c </dev/null)" = 0 ]
	[ "$(d exec -u 12:34 -w /etc -e A=b st sh -c 'id -u; id -g; pwd; echo $A' |
		tr '\n' ' ')" = '12 34 /etc b ' ]
	d_remove st
}

exec_tty() {
	d_idle et
	expect_status 6 python3 "$HERE/terminal.py" 25x85 \
		'send tty' 'expect /dev/pts/' 'repeat 25 85 => stty size' \
		'size 50x160' 'repeat 50 160 => stty size' \
		'send exit 6' -- d exec -it et sh
	d_remove et
}

# 20.10 says 126 for both, 26.1 says 127 for the first.
exec_missing() {
	local status=0
	d_idle em
	d exec em nothing-there >out 2>&1 || status=$?
	[ $status = 126 ] || [ $status = 127 ] || fail "status $status"
	grep -q 'executable file not found' out || fail "$(cat out)"
	expect_status 126 d exec em /plain >out 2>&1
	grep -q 'permission denied' out || fail "$(cat out)"
	expect_status 0 d exec em true
	d_remove em
}

exec_detached() {
	d_idle ed
	d exec -d ed sh -c 'echo ready >/tmp/said; exec sleep 54321'
	wait_for 20 d exec ed grep -q ready /tmp/said
	d top ed | grep -q 'sleep 54321' || fail "$(d top ed)"
	d_remove ed
}

# Titles, then host pids that are alive.
top_pids() {
	local pid
	d_idle tp
	d exec -d tp sleep 54322
	wait_for 20 top_shows tp 2
	for pid in $(d top tp -o pid | tail -n +2); do
		[ -d "/proc/$pid" ] || fail "no process $pid"
	done
	d top tp -o pid | grep -qw "$(d_pid tp)" || fail "init is missing"
	d_remove tp
}

top_shows() {
	[ "$(d top "$1" -o pid | tail -n +2 | wc -l)" = "$2" ]
}

# Memory, its limit, processes and CPU time, none of them nothing.
stats_values() {
	d-run -d --name sv -m 64m --memory-swap 64m "$DIMAGE" \
		sh -c 'while :; do :; done' >/dev/null
	wait_for 20 stats_like '[1-9].* 64MiB [1-9][0-9]* [1-9]'
	d_remove sv
}

stats_like() {
	d stats --no-stream --format '{{.MemUsage}} {{.PIDs}} {{.CPUPerc}}' sv |
		sed 's# / # #' | tee stats
	grep -Eq "^$1" stats
}

# containerd's issue 9999: six at once, and all of them return.
exec_six() {
	local i
	d-run -d --name six "$DIMAGE" top >/dev/null
	for i in 1 2 3 4 5 6; do
		within 20 d exec six cat /proc/self/cgroup >"out$i" &
		eval "p$i=$!"
	done
	for i in 1 2 3 4 5 6; do
		eval "wait \$p$i"
		[ -s "out$i" ] || fail "no output of exec $i"
	done
	d_remove six
}

# moby's issue 45595: 50 at once, and other questions are answered meanwhile.
exec_fifty() {
	local begin took
	d_idle ff
	d exec ff true
	begin=$(date +%s%N)
	seq 1 50 | xargs -P 50 -I N "$SYS/bin/d" exec ff echo N >out &
	within 10 d ps -q >/dev/null
	wait $!
	took=$((($(date +%s%N) - begin) / 1000000))
	[ "$(sort -n out)" = "$(seq 1 50)" ] || fail "$(wc -l <out) lines"
	figure "50 execs at once: $took ms"
	[ $took -le 20000 ] || fail "50 execs took $took ms"
	d_remove ff
}

sys_test core "docker exec: exit codes" exec_status
sys_test core "docker exec: streams, user, folder, environment" exec_streams
sys_test core "docker exec -it: size, resize, exit code" exec_tty
sys_test core "docker exec: what cannot be run" exec_missing
sys_test full "docker exec: detached" exec_detached
sys_test core "docker top: host pids of all processes" top_pids
sys_test core "docker stats: memory, pids and CPU" stats_values
sys_test core "docker exec: six at once" exec_six
sys_test core "docker exec: 50 at once" exec_fifty
