# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the shim asks the sandbox itself, without a command of runsc.

# Processes, figures, signals, pausing: no runsc is run for any of it.
ask_by_socket() {
	run_idle ask
	c task exec --exec-id e ask sleep 1000 &
	wait_for 20 exec_listed
	told_nothing
	c task ps ask >ps
	[ "$(grep -c '^[0-9]' ps)" = 2 ] || fail "$(cat ps)"
	c task metrics ask >metrics
	c task pause ask
	is_status ask PAUSED || fail "$(c task ls)"
	c task resume ask
	is_status ask RUNNING || fail "$(c task ls)"
	c task kill --exec-id e -s TERM ask
	expect_status 143 wait $!
	# The shell of a container ignores what it has no handler for.
	c task kill -s HUP ask
	[ ! -s "$SYS/told" ] || fail "ran: $(cat "$SYS/told")"
	remove ask
}

exec_listed() {
	[ "$(c task ps ask | grep -c '^[0-9]')" = 2 ]
}

metrics_counted() {
	local name names='memory.usage_in_bytes cpuacct.usage pids.current'
	[ ! -e /sys/fs/cgroup/cgroup.controllers ] ||
		names='memory.usage cpu.usage_usec pids.current'
	run_idle mc
	c task metrics mc >metrics
	cat metrics
	for name in $names; do
		[ "$(metric "$name")" -gt 0 ] || fail "$name: $(metric "$name")"
	done
	remove mc
}

pause_events() {
	events_start ev
	run_idle pe
	c task pause pe
	c task resume pe
	remove pe
	wait_for 20 events_are delete 1
	[ "$(grep -c '/tasks/paused ' ev)" = 1 ] || fail "$(cat ev)"
	[ "$(grep -c '/tasks/resumed ' ev)" = 1 ] || fail "$(cat ev)"
	events_check --exits 1
	events_stop
}

# A sandbox is paused as a whole, lets nothing die before it is resumed, and dies
# of one resume too many: a container is killed beside another that stays paused.
pause_beside() {
	run_pod pb
	c task pause a-pb
	c task pause b-pb
	c task kill -s KILL a-pb
	expect_exit 137 a-pb
	is_status b-pb PAUSED || fail "$(c task ls)"
	c task resume b-pb
	# Answered by what runs in it.
	[ "$(c task exec --exec-id e b-pb echo runs)" = runs ] || fail "b-pb hangs"
	is_status pb RUNNING || fail "$(c task ls)"
	remove b-pb pb
}

# Nothing of runsc stays beside a sandbox but the sandbox and its file servers,
# whatever is being waited for: its own container, another one, an exec.
nothing_resident() {
	run_pod nr
	[ -z "$(resident)" ] || fail "$(resident)"
	[ "$(told wait)" = 0 ] || fail "$(told wait) times runsc wait"
	remove a-nr b-nr nr
}

# PID 1 of a container takes a signal that it asks for, and TERM and KILL end it.
kill_signals() {
	run_member ks sandbox ks sh -c \
		'trap "exit 5" TERM; while :; do sleep 0.05; done'
	run_member a-ks container ks sh -c \
		'trap "exit 6" TERM; while :; do sleep 0.05; done'
	run_member b-ks container ks
	told_nothing
	wait_for 20 signalled TERM a-ks
	expect_exit 6 a-ks
	c task kill -s KILL b-ks
	expect_exit 137 b-ks
	expect_error 'signal' c task kill -s 0 ks
	wait_for 20 signalled TERM ks
	expect_exit 5 ks
	[ "$(told kill)" = 0 ] || fail "ran: $(cat "$SYS/told")"
}

# A shell that has not set its trap yet is PID 1 and ignores the signal. One that
# has may take longer to be told of than this waits: the next is "not found" then.
signalled() {
	c task kill -s "$1" "$2" || :
	wait_for 1 is_status "$2" STOPPED
}

sys_test core "ask: ps, metrics, pause, kill run no runsc" ask_by_socket
sys_test core "ask: metrics are not zero" metrics_counted
sys_test core "ask: pause and resume with their events" pause_events
sys_test core "ask: a kill beside a container that stays paused" pause_beside
sys_test full "ask: nothing waits beside the sandbox" nothing_resident
sys_test core "kill: TERM and KILL, in the sandbox and beside" kill_signals
