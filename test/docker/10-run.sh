# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# `docker run`, attach and logs: statuses, standard streams, terminals.

run_status() {
	local n
	for n in 0 1 42 125 126 127 128 255; do
		expect_status $n d-run --rm "$DIMAGE" sh -c "exit $n"
	done
}

run_streams() {
	local out
	out=$(d-run --rm "$DIMAGE" sh -c 'echo to-out; echo to-err >&2' 2>err)
	[ "$out" = to-out ] || fail "stdout '$out'"
	[ "$(cat err)" = to-err ] || fail "stderr '$(cat err)'"
}

# 4 MB of noise in, the same bytes out by stdout and by stderr.
run_bytes() {
	head -c 4194304 /dev/urandom >in
	d-run --rm -i "$DIMAGE" tee /dev/stderr <in >out 2>err
	cmp in out
	cmp in err
}

run_no_stdin() {
	local out
	out=$(d-run --rm -i "$DIMAGE" wc -c </dev/null)
	[ "$out" = 0 ] || fail "wc says '$out'"
}

# The statuses are docker's own, made from the runtime's words.
run_missing() {
	expect_status 127 d-run --rm "$DIMAGE" nothing-there 2>err
	grep -q 'executable file not found' err || fail "$(cat err)"
	expect_status 127 d-run --rm "$DIMAGE" /no/thing 2>err
	grep -q 'no such file or directory' err || fail "$(cat err)"
	expect_status 126 d-run --rm "$DIMAGE" /plain 2>err
	grep -q 'permission denied' err || fail "$(cat err)"
}

run_tty() {
	expect_status 9 python3 "$HERE/terminal.py" 31x91 \
		'send tty; stty size' 'expect /dev/pts/|/dev/console' \
		'repeat 31 91 => stty size' \
		'size 40x132' 'repeat 40 132 => stty size' \
		'send exit 9' -- d-run -it --rm "$DIMAGE" sh
}

# Away with ^P^Q, back again; the shell is the same one.
run_attach_tty() {
	python3 "$HERE/terminal.py" 'send mine=yes; echo a$((1+1))a' \
		'expect a2a' 'type \x10\x11' -- d-run -it --name at "$DIMAGE" sh
	d_is at .State.Status running || fail "not running when detached"
	expect_status 5 python3 "$HERE/terminal.py" \
		'repeat is-yes => echo is-$mine' 'send exit 5' -- d attach at
	d_expect_exit 5 at
}

# Without a terminal: attached output and the container's status.
run_attach() {
	local client from
	from=$(($(wc -l <"$DSYS/log") + 1))
	d_gate ap "$T/gate" 'echo out; echo err >&2; exit 6'
	d attach --no-stdin ap >out 2>err &
	client=$!
	wait_for 20 attached "$from"
	gate_open gate
	expect_status 6 wait $client
	[ "$(cat out)$(cat err)" = outerr ] || fail "$(cat out) $(cat err)"
	d_expect_exit 6 ap
}

# attached LINE: dockerd notes in its log when it begins to copy to a client.
attached() {
	tail -n "+$1" "$DSYS/log" | grep -c 'attach: std[a-z]*: begin' |
		grep -qx 2
}

run_logs() {
	local client
	d_gate lg "$T/gate" 'echo late; echo wrong >&2; exit 3'
	d logs -f lg >follow 2>follow-err &
	client=$!
	d exec lg sh -c 'echo early >/proc/1/fd/1'
	wait_for 20 grep -qx early follow
	gate_open gate
	wait $client
	[ "$(cat follow)" = "$(printf 'early\nlate')" ] || fail "$(cat follow)"
	[ "$(cat follow-err)" = wrong ] || fail "stderr: $(cat follow-err)"
	[ "$(d logs lg 2>&1 | sort)" = "$(printf 'early\nlate\nwrong')" ]
	d_expect_exit 3 lg
}

run_runtime() {
	expect_status 4 d-run --rm --runtime wrapped "$DIMAGE" sh -c 'exit 4'
	grep -q -- '--root .*/runtime-.* create --bundle ' "$DSYS/wrapped.log" ||
		fail "the wrapper was called with: $(cat "$DSYS/wrapped.log")"
	expect_status 125 d-run --rm --runtime nothing "$DIMAGE" true 2>err
	grep -Eiq 'unknown (or invalid )?runtime' err || fail "$(cat err)"
}

run_runtime_type() {
	ours "be had under a name of its own"
	grep -q chock "$DSYS/daemon.json" ||
		skip "this docker knows no types of runtimes"
	d-run -d --name rt --runtime chock "$DIMAGE" sleep 100000 >/dev/null
	grep -q 'containerd-shim-chock-v1' /proc/"$(shim_pids)"/cmdline
	expect_status 4 d exec rt sh -c 'exit 4'
	d_remove rt
}

# A container that shares the machine's pids takes what it started with it, when
# it ends and not when it is deleted.
run_host_pid() {
	d_gate hp "$T/gate" 'sleep 100000 & echo $! >/t/child; exit 7' \
		--pid host -v "$T:/t"
	dockerd_stopped child_ends "$(d_id hp)"
	d_expect_exit 7 hp
}

child_ends() {
	gate_open gate
	wait_for 20 is_status "$1" STOPPED && wait_for 20 gone "$(cat child)"
}

sys_test core "docker run: exit codes" run_status
sys_test core "docker run: stdout and stderr stay apart" run_streams
sys_test core "docker run: 4 MB in, out and err, byte by byte" run_bytes
sys_test full "docker run: empty stdin" run_no_stdin
sys_test core "docker run: what cannot be run is 126 and 127" run_missing
sys_test core "docker run -it: size, resize, exit code" run_tty
sys_test core "docker attach: detach from a terminal and back" run_attach_tty
sys_test full "docker attach: output and exit code" run_attach
sys_test core "docker logs: kept and followed" run_logs
sys_test core "docker run: another runtime by a wrapper" run_runtime
sys_test core "docker run: a runtime by its type" run_runtime_type
sys_test full "docker run: --pid host leaves no child" run_host_pid
