# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Checkpoint and restore with CRIU, which does not start on user-mode Linux.

# run_counting ID [OPTION...]: a container that counts in a file of its own.
run_counting() {
	c-run -d --null-io "${@:2}" "$IMAGE" "$1" sh -c \
		'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.1; done'
	wait_for 30 counted "$1" 3
}

# counted ID N: it has come to N.
counted() {
	[ "$(cat "$TASKS/$NS/$1/rootfs/tmp/n")" -ge "$2" ]
}

# The shim's own answer, and what CRIU left.
checkpoint_files() {
	run_counting cf
	within 60 c task checkpoint --image-path "$T/image" cf
	[ -e image/inventory.img ] || fail "no image: $(ls image)"
	is_status cf RUNNING
	counted cf 3
	remove cf
}

# Into an image and out of it again: the count goes on, and the container is like
# any other.
checkpoint_restore() {
	local before
	run_counting cr
	within 60 c c checkpoint --rw --task --image cr chock.test/cr:1
	before=$(cat "$TASKS/$NS/cr/rootfs/tmp/n")
	wait_for 20 counted cr $((before + 3))
	remove cr
	events_start ev
	within 60 c c restore --rw --live cr chock.test/cr:1
	wait_for 20 counted cr $((before + 3))
	is_status cr RUNNING
	expect_status 0 c task exec --exec-id a cr true
	c task ps cr >ps
	grep -q "^$(pid_of cr)\\b" ps || fail "no init in: $(cat ps)"
	c task pause cr
	is_status cr PAUSED
	c task resume cr
	c task kill -s KILL cr
	expect_exit 137 cr
	wait_for 20 events_are delete 1
	events_check --exits 2
	events_stop
}

# Its cgroup is found again: it is counted, and what it kills is told.
checkpoint_limits() {
	local status=0
	run_counting cl --memory-limit 67108864
	within 60 c c checkpoint --rw --task --image cl chock.test/cl:1
	remove cl
	events_start ev
	within 60 c c restore --rw --live cl chock.test/cl:1
	runs_nothing c task metrics cl >metrics
	[ "$(metric pids.current)" -gt 0 ] || fail "$(cat metrics)"
	[ "$(metric memory.usage)" -gt 0 ] || fail "$(cat metrics)"
	c task exec --exec-id hog cl dd if=/dev/zero of=/dev/null bs=128M ||
		status=$?
	[ $status = 137 ] || fail "status $status of what takes too much"
	wait_for 20 events_are oom 1
	is_status cl RUNNING
	remove cl
	events_stop
}

# A failure is told, and the container lives on.
checkpoint_fails() {
	run_idle fa
	: >"$T/file"
	expect_error "$T/file" c task checkpoint --image-path "$T/file" fa
	is_status fa RUNNING
	expect_status 0 c task exec --exec-id a fa true
	remove fa
}

sys_test core "checkpoint: leaves the files of CRIU" checkpoint_files
sys_test core "checkpoint: restored, it goes on" checkpoint_restore
sys_test core "checkpoint: restored, it is counted and limited" checkpoint_limits
sys_test core "checkpoint: a failure is told" checkpoint_fails
