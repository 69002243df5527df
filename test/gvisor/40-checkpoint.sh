# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Checkpoint and restore through the Task API, which gVisor's own shim refuses.
# The files of a container are in its sandbox's memory, and so in the image.

# run_counting ID: a container that counts in a file of its own.
run_counting() {
	c-run -d --null-io "$IMAGE" "$1" sh -c \
		'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.1; done'
	wait_for 30 counted "$1" 3
}

# What it has come to.
count() {
	c task exec --exec-id "count-$BASHPID" "$1" cat /tmp/n
}

# counted ID N: it has come to N.
counted() {
	[ "$(count "$1")" -ge "$2" ]
}

# Whether this runsc can leave a container running.
stays() {
	"$RUNSC" help checkpoint | grep -q -- -exclude-committed-zero-pages
}

checkpoint_restore() {
	local before
	run_counting cr
	before=$(count cr)
	within 60 c c checkpoint --task --image cr chock.test/cr:1
	wait_for 20 counted cr $((before + 3))
	remove cr
	events_start ev
	within 60 c c restore --live cr chock.test/cr:1
	wait_for 20 counted cr $((before + 3))
	is_status cr RUNNING
	expect_status 3 c task exec --exec-id a cr sh -c 'exit 3'
	c task kill -s KILL cr
	expect_exit 137 cr
	wait_for 20 events_are delete 1
	events_stop
}

# Until 2024 runsc made another container in place of the one that was to stay.
checkpoint_refused() {
	run_counting cx
	expect_error 'cannot leave it running' \
		c c checkpoint --task --image cx chock.test/cx:1
	wait_for 20 counted cx $(($(count cx) + 3))
	remove cx
}

if stays; then
	sys_test full "checkpoint: restored, it goes on" checkpoint_restore
else
	sys_test full "checkpoint: refused for none would stay" checkpoint_refused
fi
