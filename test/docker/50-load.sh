# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Many, one after the other and at once.

# timed NAME COMMAND...: notes how long the command takes.
timed() {
	local name=$1 begin
	shift
	begin=$(date +%s%N)
	"$@"
	figure "$name: $((($(date +%s%N) - begin) / 1000000)) ms"
}

run_rm() {
	local n
	n=$(scaled 1000)
	timed "$n x run --rm" run_rm_all "$n"
	[ "$(d ps -aq | wc -l)" = 0 ] || fail "$(d ps -a)"
}

run_rm_all() {
	local i
	for i in $(seq 1 "$1"); do
		expect_status $((i % 256)) \
			d-run --rm "$DIMAGE" sh -c "exit $((i % 256))"
	done
}

at_once() {
	local n
	n=$(scaled 1000)
	[ "$n" -le 100 ] || n=100
	mkfifo gate
	timed "$n containers at once" at_once_start "$n"
	[ "$(d ps -q | wc -l)" = "$n" ] || fail "$(d ps | wc -l) running"
	[ "$(shim_count)" = "$n" ] || fail "$(shim_count) shims"
	gate_open gate
	wait_for 100 all_exited "$n"
	# shellcheck disable=SC2046
	d_remove $(d ps -aq)
}

at_once_start() {
	seq 1 "$1" | xargs -P 16 -I N "$SYS/bin/d-run" -d --name mN \
		-v "$T/gate:/tmp/gate:ro" "$DIMAGE" \
		sh -c 'cat /tmp/gate; exit 3' >/dev/null
}

all_exited() {
	[ "$(d ps -aq --filter exited=3 | wc -l)" = "$1" ]
}

# containerd's issue 9719: an exec races with its container's end. It may be
# refused or lose its status, but it returns, and its exit is told before init's.
exec_race() {
	local n i id
	n=$(scaled 1000)
	events_start ev
	for i in $(seq 1 "$n"); do
		id=$(d-run --rm -d "$DIMAGE" \
			usleep $((40000 + RANDOM % 10000)))
		timeout 20 "$SYS/bin/d" exec "$id" true >/dev/null 2>&1 ||
			[ $? != 124 ] || fail "exec $i hangs"
	done
	wait_for 60 events_are delete "$n"
	events_sync
	# shellcheck disable=SC2046
	events_check $(execs_first)
	events_stop
	wait_for 20 none_left
}

none_left() {
	[ "$(d ps -aq | wc -l)" = 0 ]
}

sys_test core "docker run --rm: again and again" run_rm
sys_test core "docker run: many containers at once" at_once
sys_test core "docker exec: races with its container's end" exec_race
