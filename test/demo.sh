#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows the shim at work: a private containerd, one container, its exit, its
# death, what it costs, and what its flight recorder tells. Nothing outside the
# demo's own namespaces is touched. Needs root; see `make demo`.
#
# environment: O (build directory), CHOCK_SHIM, CHOCKCTL
set -eu

ROOT=$(cd "$(dirname "$0")/.." && pwd)
export HERE=$ROOT/test/sys TAG=${TAG:-demo-$$} OURS=1 SCALE=100
export CONTAINERD=/usr/bin/containerd CTR=/usr/bin/ctr
GO_SHIM=/usr/bin/containerd-shim-runc-v2
# shellcheck source=test/sys/lib.sh
. "$HERE/lib.sh"

BOLD='' BLUE='' PLAIN=''
if [ -t 1 ]; then
	BOLD=$'\e[1m' BLUE=$'\e[34m' PLAIN=$'\e[0m'
fi

title() {
	printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"
}

typed() {
	printf '%s# %s%s\n' "$BLUE" "$*" "$PLAIN"
}

# Shows a command as one would type it, and what comes of it.
show() {
	local status
	typed "ctr $*"
	c "$@" 2>&1 | sed '/level=warning/d'
	status=${PIPESTATUS[0]}
	[ "$status" = 0 ] || say "(exit status $status)"
}

show_run() {
	typed "ctr run --runtime $RUNTIME $*"
	c-run "$@"
}

# memory PID: kB of private dirty memory, of RSS, threads, open files.
memory() {
	awk '/^Private_Dirty/ { d = $2 } /^Rss/ { r = $2 } END { print d, r }' \
		"/proc/$1/smaps_rollup"
	find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l
	find "/proc/$1/fd" -mindepth 1 -maxdepth 1 | wc -l
}

# The same idle container under a shim, and what that shim takes.
cost() {
	local pid
	"$CTR" --address "$SOCK" -n "$NS" run -d --null-io --runtime "$1" \
		"$IMAGE" cost sleep 100000
	pid=$(RUNTIME=$1 shim_pids)
	# shellcheck disable=SC2046,SC2183 # memory prints four words
	printf '%-28s %9s kB %9s kB %8s %8s\n' "${1##*/}" $(memory "$pid")
	remove cost
}

meet() {
	title "A private containerd, and the shim of this tree"
	"$CONTAINERD" --version
	runc --version | head -n 1
	"$RUNTIME" -v | head -n 3
	printf '%s bytes: %s\n' "$(stat -Lc %s "$RUNTIME")" "$RUNTIME"
}

live() {
	title "A container"
	show_run -d --null-io "$IMAGE" boat sleep 100000
	show task ls
	title "Its process tree: the shim, and the container's init"
	pgrep -a -f "$RUNTIME|^sleep 100000"
	title "Programs inside, and their exit statuses"
	show task exec --exec-id one boat echo 'hello from inside'
	show task exec --exec-id two boat sh -c 'exit 42'
	show task exec --exec-id three boat no-such-program
	title "Frozen and thawed: by the kernel, no runtime is started"
	show task pause boat
	show task ls
	show task resume boat
}

survive() {
	local pid
	pid=$(pid_of boat)
	title "containerd dies; the container does not notice"
	containerd_kill
	say "kill -9 containerd: container process $pid is $(
		gone "$pid" && echo dead || echo alive)"
	containerd_start
	show task ls
}

die() {
	title "Killed"
	events_start "$SYS/events"
	show task kill -s KILL boat
	wait_for 20 is_status boat STOPPED
	show task ls
	cp "$TASKS/$NS/boat/flight.rec" "$SYS/flight.rec" 2>/dev/null || :
	show task rm boat
	wait_for 20 events_are delete 1
	title "What containerd was told since it came back"
	grep -o '/tasks/.*' "$SYS/events"
	events_stop
	c c rm boat
	wait_for 20 is_shim_count 0
	say "shims left: $(shim_count)"
}

replay() {
	[ -x "$CHOCKCTL" ] && [ -f "$SYS/flight.rec" ] || return 0
	title "The flight recording, stepped again through the state machines"
	"$CHOCKCTL" replay "$SYS/flight.rec"
}

compare() {
	title "What a shim costs, with one idle container"
	printf '%-28s %12s %12s %8s %8s\n' \
		shim 'private dirty' RSS threads files
	[ ! -x $GO_SHIM ] || cost $GO_SHIM
	cost "$RUNTIME"
}

inside() {
	private_start
	meet
	live
	survive
	die
	replay
	compare
	private_end
	printf '\nAll of it is gone again.\n'
}

if [ -n "${SYS_INSIDE:-}" ]; then
	inside
	exit
fi
if [ "$(id -u)" != 0 ]; then
	say "demo: needs root"
	exit 1
fi
O=${O:-$ROOT/build}
RUNTIME=$(realpath -e "${CHOCK_SHIM:-$O/containerd-shim-chock-v1}")
CHOCKCTL=$(realpath -m "${CHOCKCTL:-$O/chockctl}")
export RUNTIME CHOCKCTL
SYS_INSIDE=1 private "$0"
