# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Kill, pause, ps and delete, and what they say when they cannot.

# A program that tells the signals it got through its status.
kill_by_name_and_number() {
	local s
	for s in SIGUSR1 USR1 10; do
		c-run -d --null-io "$IMAGE" "kn$s" sh -c 'trap "exit 110" USR1
			echo >/tmp/up; while :; do sleep 0.1; done'
		wait_for 20 test -e "$TASKS/$NS/kn$s/rootfs/tmp/up"
		c task kill -s "$s" "kn$s"
		expect_exit 110 "kn$s"
	done
}

kill_dead() {
	run_idle kd
	c task kill -s KILL kd
	wait_for 20 is_status kd STOPPED
	expect_error 'not found|already finished' c task kill -s TERM kd
	expect_exit 137 kd
	expect_error 'not found' c task kill -s KILL kd
}

delete_running() {
	run_idle dr
	expect_error 'must be stopped|cannot delete a running' c task rm dr
	is_status dr RUNNING
	remove dr
	expect_error 'not found' c task rm dr
}

pause_resume() {
	run_idle pr
	events_start ev
	c task pause pr
	is_status pr PAUSED
	expect_error '.' c task exec --exec-id a pr true
	within 10 c task ls >/dev/null
	c task resume pr
	is_status pr RUNNING
	expect_status 0 c task exec --exec-id b pr true
	wait_for 20 events_are paused 1
	wait_for 20 events_are resumed 1
	events_stop
	remove pr
}

ps_lists() {
	run_idle ps1
	c task exec --exec-id slow ps1 sleep 1000 &
	wait_for 20 pgrep -f '^sleep 1000$'
	c task ps ps1 >ps
	grep -q "^$(pid_of ps1)\\b" ps || fail "no init in: $(cat ps)"
	grep -q "^$(pgrep -f '^sleep 1000$')\\b" ps || fail "no exec: $(cat ps)"
	remove ps1
	wait
}

metrics() {
	run_idle me
	c task metrics me >metrics
	grep -Eq '^pids.current +1 *$' metrics || fail "$(cat metrics)"
	remove me
}

# A limit that the program passes at once.
oom() {
	events_start ev
	c-run -d --null-io --memory-limit 16777216 "$IMAGE" oom1 \
		sh -c 'exec dd if=/dev/zero of=/dev/null bs=64M'
	expect_exit 137 oom1
	wait_for 20 events_are delete 1
	wait_for 20 events_are oom 1
	events_check --exits 1
	events_stop
}

sys_test core "kill: by name and by number" kill_by_name_and_number
sys_test core "kill: of what is dead is 'not found'" kill_dead
sys_test core "delete: refused while running" delete_running
sys_test core "pause and resume" pause_resume
sys_test full "ps lists init and exec" ps_lists
sys_test core "metrics" metrics
sys_test core "oom: told, and 137" oom
