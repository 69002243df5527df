# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What `ctr run` gives, and `ctr task exec`.

exec_in() {
	c task exec --exec-id "$1" "${@:2}"
}

run_status() {
	local n
	for n in 0 1 7 127 128 255; do
		expect_status $n c-run --rm "$IMAGE" "rs$n" sh -c "exit $n"
	done
}

# 1 MB each way, byte for byte.
run_streams() {
	head -c 1000000 /dev/urandom >in
	c-run --rm "$IMAGE" rt cat <in >out
	cmp in out
	c-run --rm "$IMAGE" re sh -c 'cat >&2' <in 2>err
	cmp in err
}

on_tty() {
	python3 "$HERE/terminal.py" "$@"
}

# A window that changes size is told too.
run_terminal() {
	expect_status 9 on_tty 31x91 'expect #' \
		'repeat 31 91 => stty size' \
		'size 40x132' 'repeat 40 132 => stty size' \
		'send exit 9' -- c-run --rm -t "$IMAGE" rtty sh
}

exec_terminal() {
	run_idle xtty
	expect_status 6 on_tty 25x85 'expect #' \
		'repeat 25 85 => stty size' \
		'size 50x160' 'repeat 50 160 => stty size' \
		'send exit 6' -- c task exec -t --exec-id a xtty sh
	remove xtty
}

exec_status() {
	local n
	run_idle xs
	for n in 0 1 42 128 255; do
		expect_status $n exec_in "e$n" xs sh -c "exit $n"
	done
	head -c 1000000 /dev/urandom >in
	exec_in cat xs cat <in >out
	cmp in out
	expect_error 'no such file|not found|executable' \
		exec_in no xs /no/such/program
	remove xs
}

exec_many() {
	run_idle xm
	events_start ev
	# shellcheck disable=SC2016
	seq 1 20 | xargs -P 20 -I N sh -c '
		c task exec --exec-id eN xm sh -c "exit N"
		s=$?
		[ $s = N ] || echo "status $s, not N"' >wrong
	[ ! -s wrong ] || fail "$(cat wrong)"
	remove xm
	wait_for 20 events_are exit 21
	events_stop
}

sys_test core "run: exit status" run_status
sys_test core "run: streams, byte for byte" run_streams
sys_test core "tty: run, size and resize, status" run_terminal
sys_test full "tty: exec, size and resize, status" exec_terminal
sys_test core "exec: exit status, stream, and no such program" exec_status
sys_test full "exec: 20 at a time" exec_many
