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
	expect_status 130 on_tty 'expect ready' 'type \x03' \
		-- c task exec -t --exec-id a tty3 \
		sh -c 'trap "exit 130" INT; echo ready
		while :; do sleep 0.1; done'
	remove tty3
}

# What the terminal holds when its process ends comes out before the end of
# output. Read from the FIFO itself, since ctr drops what is late.
tty_output() {
	local fifo
	mkfifo gate
	on_tty -- c-run -d -t --mount \
		"type=bind,src=$T/gate,dst=/tmp/gate,options=rbind:ro" \
		"$IMAGE" tty4 sh -c 'cat /tmp/gate
		head -c 1000000 /dev/zero | tr "\0" x; printf end'
	fifo=$(echo /run/containerd/fifo/*/tty4-stdout)
	cat "$fifo" >out &
	gate_open gate
	wait $!
	[ "$(stat -c %s out) $(tail -c 3 out)" = '1000003 end' ] ||
		fail "$(stat -c %s out) bytes, '$(tail -c 3 out)' at the end"
	expect_exit 0 tty4
}

sys_test core "tty: run, size and resize, status" tty_run
sys_test core "tty: exec, size and resize, status" tty_exec
sys_test full "tty: an interrupt typed" tty_interrupt
sys_test full "tty: a megabyte of output ends whole" tty_output
