# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the shim does by cgroup2 itself instead of running a runtime.

pause_frozen() {
	run_idle fr
	events_start ev
	runs_nothing c task pause fr
	is_status fr PAUSED
	cgroup_says fr cgroup.events frozen 1
	runs_nothing c task resume fr
	is_status fr RUNNING
	cgroup_says fr cgroup.events frozen 0
	wait_for 20 events_are paused 1
	wait_for 20 events_are resumed 1
	events_stop
	remove fr
}

# below ID NAME: moves the process NAME into a cgroup of its own, below.
below() {
	local dir
	dir=$(cgroup_of "$1")/below
	mkdir "$dir"
	pgrep -xf "$2" >"$dir/cgroup.procs"
}

# A container with a process in its cgroup and one in a cgroup below that.
run_nested() {
	run_idle "$1"
	c task exec -d --exec-id deep "$1" sleep 1000
	wait_for 20 pgrep -xf 'sleep 1000'
	below "$1" 'sleep 1000'
}

ps_nested() {
	run_nested ns
	runs_nothing c task ps ns >ps
	grep -q "^$(pid_of ns)\\b" ps || fail "no init in: $(cat ps)"
	grep -q "^$(pgrep -xf 'sleep 1000')\\b" ps || fail "none below: $(cat ps)"
	[ "$(wc -l <ps)" = 3 ] || fail "more than two: $(cat ps)"
	remove ns
}

pause_nested() {
	run_nested pn
	runs_nothing c task pause pn
	grep -qx 'frozen 1' "$(cgroup_of pn)/below/cgroup.events"
	runs_nothing c task resume pn
	grep -qx 'frozen 0' "$(cgroup_of pn)/below/cgroup.events"
	remove pn
}

# What is below dies as well, in one stroke.
kill_all_nested() {
	local deep
	run_nested ka
	deep=$(pgrep -xf 'sleep 1000')
	runs_nothing c task kill -a -s KILL ka
	wait_for 20 gone "$deep"
	expect_exit 137 ka
}

# A frozen container is killed without having been thawed before.
kill_frozen() {
	run_idle kf
	c task pause kf
	runs_nothing c task kill -s KILL kf
	expect_exit 137 kf
}

# file_value ID FILE [KEY]
file_value() {
	awk -v key="${3-}" 'key == "" { print $1 } $1 == key { print $2 }' \
		"$(cgroup_of "$1")/$2"
}

# metric_is ID NAME FILE [KEY]: the metric lies between what the file, or the value
# of its key, says before and after it was taken.
metric_is() {
	local before after value
	before=$(file_value "$1" "$3" "${4-}")
	runs_nothing c task metrics "$1" >metrics
	after=$(file_value "$1" "$3" "${4-}")
	value=$(metric "$2")
	say "$2: $before, $value, $after"
	[ -n "$value" ] && [ "$value" != 0 ] &&
		{ [ "$before" -le "$value" ] || [ "$after" -le "$value" ]; } &&
		{ [ "$before" -ge "$value" ] || [ "$after" -ge "$value" ]; }
}

# The guest's kernel counts time in ticks of 10 ms: what only sleeps may have none.
stats() {
	# shellcheck disable=SC2016
	c-run -d --null-io --memory-limit 33554432 "$IMAGE" st sh -c '
		i=0
		while [ $i -lt 100000 ]; do i=$((i + 1)); done
		exec sleep 100000'
	wait_for 10 metric_is st pids.current pids.current
	wait_for 10 metric_is st memory.usage memory.current
	wait_for 10 metric_is st memory.usage_limit memory.max
	wait_for 10 metric_is st cpu.usage_usec cpu.stat usage_usec
	remove st
}

sys_test core "cgroup2: pause and resume, no runtime" pause_frozen
sys_test core "cgroup2: ps lists what is below, no runtime" ps_nested
sys_test core "cgroup2: pause reaches what is below" pause_nested
sys_test core "cgroup2: kill --all reaches what is below" kill_all_nested
sys_test core "cgroup2: killed while frozen" kill_frozen
sys_test core "cgroup2: metrics are those of the files" stats
