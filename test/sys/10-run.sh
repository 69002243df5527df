# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# `ctr run`: statuses, standard streams, detaching, what is left.

run_status() {
	local n
	for n in 0 1 42 125 126 127 128 255; do
		expect_status $n c-run --rm "$IMAGE" "s$n" sh -c "exit $n"
	done
}

run_killed() {
	local status=0
	c-run --rm --null-io "$IMAGE" k9 sleep 1000 &
	wait_for 20 is_status k9 RUNNING
	c task kill -s KILL k9
	wait $! || status=$?
	[ $status = 137 ] || fail "status $status after SIGKILL"
}

# The init of a pid namespace ignores a signal it has no handler for, so the
# program is started by a shell that has one.
run_term() {
	local status=0
	c-run --rm --null-io "$IMAGE" k15 \
		sh -c 'trap "exit 143" TERM; while :; do sleep 0.1; done' &
	wait_for 20 is_status k15 RUNNING
	wait_for 20 term_ends k15
	wait $! || status=$?
	[ $status = 143 ] || fail "status $status after SIGTERM"
}

# The shell may not have come to its trap yet, hence more than one signal.
term_ends() {
	c task kill -s TERM "$1"
	! c task ls -q | grep -qx "$1"
}

run_streams() {
	local out
	out=$(c-run --rm "$IMAGE" st sh -c 'echo to-out; echo to-err >&2' 2>err)
	[ "$out" = to-out ] || fail "stdout '$out'"
	[ "$(cat err)" = to-err ] || fail "stderr '$(cat err)'"
}

# 10 MB of noise in, the same bytes out by stdout and by stderr. ctr 1.6 closes
# its ends when it hears of the exit, whatever is in them: that waits here.
run_bytes() {
	mkfifo gate
	head -c 10485760 /dev/urandom >in
	c-run --rm --mount \
		"type=bind,src=$PWD/gate,dst=/tmp/gate,options=rbind:ro" \
		"$IMAGE" bytes sh -c 'tee /dev/stderr; cat /tmp/gate' \
		<in >out 2>err &
	wait_for 60 all_there
	gate_open gate
	wait $!
	cmp in out
	cmp in err
}

all_there() {
	[ "$(stat -c %s out err | sort -u)" = 10485760 ]
}

# ctr misses an end of its stdin that comes before it has made the task, so the
# end waits for that here and below.
run_no_stdin() {
	local out
	out=$(wait_for 20 is_status nostdin RUNNING |
		c-run --rm "$IMAGE" nostdin wc -c)
	[ "$out" = 0 ] || fail "wc says '$out'"
}

run_detached() {
	run_idle det
	is_status det RUNNING || fail "not running: $(c task ls)"
	c task kill -s KILL det
	expect_exit 137 det
	[ "$(shim_count)" = 0 ] || fail "a shim is left"
}

run_missing() {
	expect_error 'executable file .*not found' \
		c-run --rm "$IMAGE" miss1 nothing-there
	c c rm miss1 || :
	expect_error '[Nn]o such file or directory' \
		c-run --rm "$IMAGE" miss2 /no/thing
	c c rm miss2 || :
	expect_error '[Pp]ermission denied' c-run --rm "$IMAGE" miss3 /plain
	c c rm miss3 || :
}

run_twice() {
	run_idle twice
	expect_error 'already exists' c-run -d --null-io "$IMAGE" twice true
	is_status twice RUNNING
	remove twice
	# The same id again, with the same socket name.
	run_idle twice
	remove twice
}

run_events() {
	events_start ev
	expect_status 5 c-run --rm "$IMAGE" ev1 sh -c 'exit 5'
	wait_for 20 events_are delete 1
	events_check --exits 1
	[ "$(python3 "$HERE/events.py" status ev ev1)" = 5 ]
	events_stop
}

run_file_log() {
	c-run -d --log-uri "file://$T/dir/log" "$IMAGE" flog \
		sh -c 'echo one; echo two >&2; exit 3'
	expect_exit 3 flog
	[ "$(sort "$T/dir/log")" = "$(printf 'one\ntwo')" ] ||
		fail "log: $(cat "$T/dir/log")"
}

# Its arguments, its environment, its descriptors; and it gets its EOF.
run_logger() {
	cat >"$T/logger" <<-END
		#!/bin/sh
		echo "\$CONTAINER_NAMESPACE \$CONTAINER_ID \$*" >$T/logger.args
		exec 5>&-
		cat <&4 >$T/logger.err & cat <&3 >$T/logger.out
		wait
		echo end >$T/logger.end
	END
	chmod +x "$T/logger"
	c-run -d --log-uri "binary://$T/logger?key=a+b" "$IMAGE" blog \
		sh -c 'seq 1 20000; echo two >&2; exit 3'
	expect_exit 3 blog
	[ "$(cat "$T/logger.args")" = "$NS blog key a b" ] ||
		fail "$(cat "$T/logger.args")"
	[ "$(md5sum <"$T/logger.out")" = "$(seq 1 20000 | md5sum)" ] ||
		fail "$(wc "$T/logger.out")"
	[ "$(cat "$T/logger.err")" = two ] || fail "$(cat "$T/logger.err")"
	wait_for 20 grep -q end "$T/logger.end"
}

sys_test core "run: exit statuses" run_status
sys_test core "run: killed by SIGKILL is 137" run_killed
sys_test core "run: SIGTERM reaches init, 143" run_term
sys_test core "run: stdout and stderr stay apart" run_streams
sys_test core "run: 10 MB in, out and err, byte by byte" run_bytes
sys_test full "run: empty stdin" run_no_stdin
sys_test core "run: detached, killed, deleted, no shim left" run_detached
sys_test core "run: texts of programs that cannot be run" run_missing
sys_test full "run: an id that is taken, and taken again" run_twice
sys_test core "run: events in order, each once" run_events
sys_test full "run: output to a file" run_file_log
sys_test full "run: output to a logging binary" run_logger
