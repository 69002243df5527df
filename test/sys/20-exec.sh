# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# `ctr task exec`.

exec_in() {
	c task exec --exec-id "$1" "${@:2}"
}

# All 256 statuses, a few at a time; fewer by SCALE.
exec_status() {
	run_idle codes
	# shellcheck disable=SC2016
	seq 0 $((SCALE < 100 ? 100 / SCALE : 1)) 255 | xargs -P 4 -I N sh -c '
		c task exec --exec-id eN codes sh -c "exit N"
		s=$?
		[ $s = N ] || echo "status $s, not N"' >wrong
	[ ! -s wrong ] || fail "$(cat wrong)"
	remove codes
}

# Signals that end a shell (which ignores SIGQUIT).
exec_signals() {
	local s
	run_idle sig
	for s in 1 2 6 9 10 13 14 15; do
		# shellcheck disable=SC2016
		expect_status $((128 + s)) exec_in "s$s" sig \
			sh -c "kill -$s \$\$; sleep 1000"
	done
	remove sig
}

exec_kill() {
	local status=0 s
	run_idle ek
	for s in TERM 9; do
		exec_in "k$s" ek sleep 1000 &
		wait_for 20 exec_runs "sleep 1000"
		wait_for 20 exec_killed ek "k$s" $s
		wait $! || status=$?
		case $s$status in TERM143 | 9137) ;; *)
			fail "status $status after $s"
			;;
		esac
	done
	remove ek
}

exec_runs() {
	pgrep -f "^$1\$"
}

exec_killed() {
	c task kill --exec-id "$2" -s "$3" "$1"
}

exec_streams() {
	local out
	run_idle es
	out=$(exec_in a es sh -c 'echo to-out; echo to-err >&2' 2>err)
	[ "$out" = to-out ] || fail "stdout '$out'"
	[ "$(cat err)" = to-err ] || fail "stderr '$(cat err)'"
	head -c 10485760 /dev/urandom >in
	exec_in b es cat <in >copy
	cmp in copy
	remove es
}

# The program ends by itself when the caller's stdin ends.
exec_stdin_close() {
	run_idle sc
	{
		wait_for 20 exec_runs 'wc -c'
		printf 'abc'
	} | within 30 c task exec --exec-id a sc wc -c >out
	[ "$(cat out)" = 3 ] || fail "wc says '$(cat out)'"
	remove sc
}

exec_missing() {
	run_idle em
	expect_error 'executable file .*not found' exec_in a em nothing-there
	expect_error '[Nn]o such file or directory' exec_in b em /no/thing
	expect_error '[Pp]ermission denied' exec_in c em /plain
	# The failures have left nothing behind: the same ids again.
	expect_status 4 exec_in a em sh -c 'exit 4'
	expect_status 0 exec_in b em true
	remove em
}

exec_twice() {
	run_idle et
	exec_in same et sleep 1000 &
	wait_for 20 exec_runs "sleep 1000"
	expect_error 'already exists' exec_in same et true
	remove et
	wait
}

# A process left behind holds the exec's streams; the exec itself has ended, and
# nobody else may notice.
exec_background() {
	local out
	run_idle bg
	events_start ev
	exec_in a bg sh -c 'sleep 100000 & echo ok' >out 2>&1 &
	wait_for 20 grep -qx ok out
	within 10 c task exec --exec-id b bg true
	within 10 c task ls >ls
	grep -q '^bg .*RUNNING' ls
	wait_for 20 events_are exit 2
	events_stop
	remove bg
	wait
}

exec_events() {
	events_start ev
	run_idle ee
	expect_status 3 exec_in a ee sh -c 'exit 3'
	expect_status 0 exec_in b ee true
	remove ee
	wait_for 20 events_are delete 1
	# shellcheck disable=SC2046
	events_check --exits 3 $(execs_first)
	[ "$(python3 "$HERE/events.py" status ev ee a)" = 3 ]
	events_stop
}

# An init that has gone takes no exec any more.
exec_stopped() {
	run_gate xs "$T/gate" 'exit 7'
	gate_open "$T/gate"
	wait_for 20 is_status xs STOPPED
	expect_error '.' exec_in a xs true
	expect_exit 7 xs
}

sys_test core "exec: all exit statuses 0 to 255" exec_status
sys_test core "exec: ended by its own signal" exec_signals
sys_test core "exec: killed by name and by number" exec_kill
sys_test core "exec: streams, 10 MB through" exec_streams
sys_test full "exec: stdin closed by the caller" exec_stdin_close
sys_test core "exec: texts of programs that cannot be run" exec_missing
sys_test full "exec: an id that is taken" exec_twice
sys_test core "exec: a process left behind disturbs nobody" exec_background
sys_test core "exec: events in order, each once" exec_events
sys_test full "exec: refused in a stopped container" exec_stopped
