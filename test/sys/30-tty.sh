# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Terminals: size, resize, echo, status, end of input.

on_tty() {
	python3 "$HERE/terminal.py" "$@"
}

tty_run() {
	expect_status 9 on_tty 31x91 'send tty; stty size' \
		'expect /dev/pts/' 'repeat 31 91 => stty size' \
		'size 40x132' 'repeat 40 132 => stty size' \
		'send exit 9' -- c-run --rm -t "$IMAGE" tty1 sh
}

tty_exec() {
	run_idle tty2
	expect_status 6 on_tty 25x85 'send tty' 'expect /dev/pts/' \
		'repeat 25 85 => stty size' \
		'size 50x160' 'repeat 50 160 => stty size' \
		'send exit 6' -- c task exec -t --exec-id a tty2 sh
	remove tty2
}

# A control character becomes a signal on the other side.
tty_interrupt() {
	run_idle tty3
	expect_status 130 on_tty 'send echo rea""dy; exec sleep 1000' \
		'expect ready' 'type \x03' \
		-- c task exec -t --exec-id a tty3 sh
	remove tty3
}

tty_output() {
	ours "lose nothing of what a terminal holds when its process ends"
	on_tty "expect sum 200000" -- c-run --rm -t "$IMAGE" tty4 \
		sh -c 'yes 0123456789 | head -c 1100000 | tr -d "\n" |
		fold -w 50; echo; echo sum 200000' >out
}

sys_test core "tty: run, size and resize, status" tty_run
sys_test core "tty: exec, size and resize, status" tty_exec
sys_test full "tty: an interrupt typed" tty_interrupt
sys_test full "tty: a megabyte of output ends whole" tty_output
