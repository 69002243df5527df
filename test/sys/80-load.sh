# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Many at once.

tasks_running() {
	[ "$(c task ls | grep -c RUNNING)" = "$1" ]
}

tasks_stopped() {
	[ "$(c task ls | grep -c STOPPED)" = "$1" ]
}

# All wait at one gate and end in the same moment.
many_containers() {
	local n ids
	n=$(scaled 200)
	mkfifo gate
	events_start ev
	seq 1 "$n" | xargs -P 8 -I N c-run -d --null-io --mount \
		"type=bind,src=$T/gate,dst=/tmp/gate,options=rbind:ro" \
		"$IMAGE" mN sh -c 'cat /tmp/gate; exit 3'
	wait_for 60 tasks_running "$n"
	[ "$(shim_count)" = "$n" ] || fail "$(shim_count) shims"
	gate_open gate
	wait_for 60 tasks_stopped "$n"
	ids=$(seq -f 'm%.0f' 1 "$n")
	# shellcheck disable=SC2086
	c task rm $ids >rm 2>&1 || :
	wait_for 60 events_are delete "$n"
	events_check --exits "$n"
	[ "$(grep -c '"exit_status":3' ev)" -ge "$n" ] || fail "wrong statuses"
	events_stop
	# shellcheck disable=SC2086
	c c rm $ids
}

# Clients and answers at once; the list answers meanwhile.
many_execs() {
	local n
	n=$(scaled 70)
	run_idle me
	seq 1 "$n" | xargs -P "$n" -I N c task exec --exec-id eN me echo 1 \
		>out 2>&1 &
	within 30 c task ls >/dev/null
	wait $! || fail "$(sort out | uniq -c)"
	within 10 c task ls | grep -q '^me .*RUNNING'
	# Its own client now and then loses a line of the reference shim's.
	[ "$OURS" = 0 ] || [ "$(grep -cx 1 out)" = "$n" ] ||
		fail "$(sort out | uniq -c)"
	remove me
}

# The init dies while execs come, run and go. Every exec that was started has
# exactly one exit, before init's.
exec_race() {
	local n
	n=$(scaled 500)
	events_start ev
	run_idle er
	seq 1 "$n" | xargs -P 16 -I N c task exec -d --exec-id eN er \
		sleep 1000 >out 2>&1 &
	wait_for 120 events_are exec-started $((n / 4))
	kill -KILL "$(pid_of er)"
	wait $! || :
	wait_for 30 is_status er STOPPED
	expect_exit 137 er
	wait_for 30 events_are delete 1
	events_sync
	# shellcheck disable=SC2046
	events_check $(execs_first)
	events_stop
}

# Short lives: start is told before exit, whatever the speed.
short_lives() {
	local n
	n=$(scaled 40)
	events_start ev
	seq 1 "$n" | xargs -P 4 -I N c-run --rm --null-io "$IMAGE" lN true
	wait_for 30 events_are delete "$n"
	events_check --exits "$n"
	events_stop
}

# have_children PID N: dead ones that were not waited for count.
have_children() {
	[ "$(wc -w <"/proc/$1/task/$1/children")" = "$2" ]
}

# Orphans of a container without a pid namespace are the shim's to reap. All end
# in the same moment as init, while containerd does nothing at all.
orphans() {
	local n shim
	n=$(scaled 2000)
	mkfifo gate
	events_start ev
	c-run -d --null-io --with-ns pid:/proc/1/ns/pid --mount \
		"type=bind,src=$T/gate,dst=/tmp/gate,options=rbind:ro" \
		"$IMAGE" lo sh -c "
			i=0
			while [ \$i -lt $n ]; do
				(cat /tmp/gate &)
				i=\$((i + 1))
			done
			cat /tmp/gate; exit 7"
	shim=$(shim_pids)
	wait_for 120 have_children "$shim" $((n + 1))
	kill -STOP "$(containerd_pid)"
	gate_open gate
	wait_for 60 have_children "$shim" 0
	kill -CONT "$(containerd_pid)"
	expect_exit 7 lo
	wait_for 20 events_are delete 1
	events_check --exits 1
	events_stop
}

sys_test core "load: 200 containers at once end at once" many_containers
sys_test core "load: 70 execs at once" many_execs
sys_test core "load: init killed among 500 execs" exec_race
sys_test full "load: short lives" short_lives
sys_test full "load: 2000 orphans end at once" orphans
