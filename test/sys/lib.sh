# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the system tests share. A test file defines functions and registers them
# at its end:
#
#   sys_test core "name of the test" command     in every containerd version
#   sys_test full "name of the test" command     in the first version only
#
# A test runs in a bash of its own with -eu, with its directory $T as working
# directory; it fails when a command fails or by `fail`, and is skipped by
# `skip`. Nothing waits for a time to pass where a condition can be waited for
# (wait_for). Everything runs inside a pid and a mount namespace made by run, so
# what is left over is seen, and goes away with the namespace.
#
# Environment: CONTAINERD, CTR beside it, RUNTIME, TAG (makes the names of this
# run unique on the machine), OURS (1 when the shim under test is chock), SCALE
# (percent of the counts of load tests), HERE (this folder), OCI and SYSTEMD (as
# for run), SUITE (the folder of the tests, whose lib.sh is the one that is
# loaded: this one, or one that loads this one and defines some of its functions
# anew).

SYS=/run/chock-sys
NS=chock-sys-$TAG
CGROUP=$NS
IMAGE=chock.test/busybox:1
SOCK=$SYS/containerd.sock
STATE=$SYS/state
TASKS=$STATE/io.containerd.runtime.v2.task
# systemd makes a slice for every dash in its name.
SLICE=${CGROUP//-/}.slice
export SYS NS CGROUP IMAGE SOCK TASKS SLICE

SKIP_STATUS=77

say() {
	printf '%s\n' "$*"
}

fail() {
	say "FAIL: $*"
	exit 1
}

skip() {
	say "SKIP: $*"
	exit $SKIP_STATUS
}

# A measured value, which run prints at its end.
figure() {
	say "$*" >>"$SYS/figures"
}

# Skips a test of what the reference shim cannot do.
ours() {
	[ "$OURS" = 1 ] || skip "the shim under test cannot: $*"
}

# N scaled by SCALE, at least 2.
scaled() {
	local n=$(($1 * SCALE / 100))
	say $((n < 2 ? 2 : n))
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			say "gave up waiting for: $*"
			return 1
		fi
		sleep 0.02
	done
}

# within SECONDS COMMAND...: fails when the command takes longer.
within() {
	local status=0
	timeout -k 2 "$@" || status=$?
	[ $status -ne 124 ] && [ $status -ne 137 ] ||
		fail "no answer within $1 s: ${*:2}"
	return $status
}

# expect_status N COMMAND...
expect_status() {
	local want=$1 status=0
	shift
	"$@" || status=$?
	[ $status -eq "$want" ] || fail "status $status, not $want, of: $*"
}

# expect_error TEXT COMMAND...: the command fails and says TEXT (a regular
# expression).
expect_error() {
	local want=$1 out status=0
	shift
	out=$("$@" 2>&1) || status=$?
	[ $status -ne 0 ] || fail "no error from: $*"
	grep -Eq -- "$want" <<<"$out" || fail "no '$want' in the error: $out"
}

# ---- containerd ----

# private PROGRAM [ARGUMENT...]: runs it in namespaces of its own, where it is to
# call private_start. Whatever way it ends, all its processes end with it - but
# not with systemd, which only knows pids of its own namespace.
private() {
	local child status=0
	local -a pids=(--pid --mount-proc)
	[ -z "$SYSTEMD" ] || pids=()
	unshare --mount "${pids[@]}" --fork --kill-child "$@" </dev/null &
	child=$!
	# unshare itself ignores the milder ones.
	trap 'kill -KILL $child' INT TERM HUP
	wait $child || status=$?
	trap - INT TERM HUP
	wait_for 20 cgroups_removed
	return $status
}

cgroups_removed() {
	find /sys/fs/cgroup/*/"$CGROUP" /sys/fs/cgroup/"$CGROUP" -depth \
		-type d -exec rmdir {} + || :
	[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "$CGROUP")" ]
}

# An empty /run, but for the sockets of systemd where it is wanted.
run_of_its_own() {
	local new name
	new=$(mktemp -d)
	mount -t tmpfs -o mode=755 tmpfs "$new"
	for name in ${SYSTEMD:+systemd dbus}; do
		mkdir "$new/$name"
		mount --bind "/run/$name" "$new/$name"
	done
	mount --no-mtab --move "$new" /run
	rmdir "$new"
}

# A /run of its own, containerd with an image, c and c-run in PATH.
private_start() {
	run_of_its_own
	mkdir -p "$SYS/tmp" /run/containerd/s
	export TMPDIR=$SYS/tmp PATH=$SYS/bin:$PATH
	c_install
	private_prepare
	containerd_start || {
		cat "$SYS/containerd.log"
		return 1
	}
	import_images >"$SYS/import.log" 2>&1 || {
		cat "$SYS/import.log"
		return 1
	}
}

# What a suite wants to be there before containerd starts.
private_prepare() {
	:
}

import_images() {
	import_image "$IMAGE"
}

# import_image NAME [COMMAND...]
import_image() {
	local name=$1
	shift
	python3 "$HERE/mkimage.py" /bin/busybox "$name" "$SYS/image.tar" "$@" &&
		c image import "$SYS/image.tar"
}

private_end() {
	kill "$(containerd_pid)"
	wait_for 10 gone "$(containerd_pid)"
}

containerd_config() {
	cat <<-END
		version = 2
		root = "$SYS/root"
		state = "$STATE"
		disabled_plugins = [
		  $(cri_disabled)
		  "io.containerd.internal.v1.opt",
		  "io.containerd.nri.v1.nri",
		  "io.containerd.snapshotter.v1.aufs",
		  "io.containerd.snapshotter.v1.blockfile",
		  "io.containerd.snapshotter.v1.btrfs",
		  "io.containerd.snapshotter.v1.devmapper",
		  "io.containerd.snapshotter.v1.zfs",
		]
		[grpc]
		  address = "$SOCK"
		[ttrpc]
		  address = "$SOCK.ttrpc"
		[debug]
		  level = "trace"
	END
	cri_config
}

cri_disabled() {
	say '"io.containerd.grpc.v1.cri",' '"io.containerd.cri.v1.images",' \
		'"io.containerd.cri.v1.runtime",'
}

cri_config() {
	:
}

# containerd's log is one file for each start, so that a test can look at what
# happened since.
containerd_start() {
	CONTAINERD_LOG=$SYS/containerd-$(date +%s%N).log
	ln -sf "$CONTAINERD_LOG" "$SYS/containerd.log"
	containerd_config >"$SYS/config.toml"
	# What a shell starts in the background ignores SIGINT and SIGQUIT, and
	# containers would inherit that.
	setsid env --default-signal "$CONTAINERD" --config "$SYS/config.toml" </dev/null \
		>"$CONTAINERD_LOG" 2>&1 &
	disown $!
	printf '%s\n' $! >"$SYS/containerd.pid"
	wait_for 30 c version
}

containerd_pid() {
	cat "$SYS/containerd.pid"
}

# The end of a process; a zombie has ended.
gone() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	[[ ${stat##*) } == Z* ]]
}

containerd_kill() {
	local pid
	pid=$(containerd_pid)
	kill -KILL "$pid"
	wait_for 10 gone "$pid"
}

# How many events of a topic containerd has taken since its last start. This
# misses none, whereas a subscriber that reconnects after a restart may.
forwarded() {
	grep -c "event forwarded.* topic=/tasks/$1 " "$SYS/containerd.log" || :
}

# ---- what run asks of a suite; test/docker/lib.sh has its own ----

# What fetch.sh is asked for.
suite_name() {
	say containerd
}

suite_version() {
	"$CONTAINERD" --version | awk '{ print $3 }'
}

suite_start() {
	private_start
}

suite_end() {
	private_end
}

# Pids that are no leaks.
suite_daemons() {
	containerd_pid
}

# Folders that have an entry for each container.
suite_folders() {
	say "/run/containerd/runc/$NS"
}

# Ends all containers, for whatever reason they are still there.
suite_remove() {
	local id
	! gone "$(containerd_pid)" || containerd_start
	for id in $(timeout 20 "$SYS/bin/c" task ls -q); do
		timeout 20 "$SYS/bin/c" task rm -f "$id"
	done
}

suite_logs() {
	tail -n 15 "$SYS/containerd.log"
}

# ---- containers ----

# $SYS/bin/c is ctr with its address and namespace, for use by xargs as well.
c_install() {
	mkdir -p "$SYS/bin"
	cat >"$SYS/bin/c" <<-END
		#!/bin/sh
		exec "$CTR" --address "$SOCK" -n "$NS" "\$@"
	END
	[ -z "$OCI$SYSTEMD" ] ||
		ln -s "$RUNTIME" "$SYS/bin/containerd-shim-runc-v2"
	cat >"$SYS/bin/c-run" <<-END
		#!/bin/sh
		for word; do
		  [ "\$before" != "$IMAGE" ] || id=\${id:-\$word}
		  before=\$word
		done
		exec "$CTR" --address "$SOCK" -n "$NS" run $(runtime_options) "\$@"
	END
	chmod +x "$SYS/bin/c" "$SYS/bin/c-run"
}

# ctr takes options for runc with the name of runc's own shim only: then ours is
# that. The id is the word after the image.
runtime_options() {
	[ -n "$OCI$SYSTEMD" ] || {
		say "--runtime $RUNTIME"
		return
	}
	say --runtime io.containerd.runc.v2 ${OCI:+--runc-binary "$OCI"} \
		${SYSTEMD:+--runc-systemd-cgroup --cgroup "$SLICE:chock:\$id"}
}

# run_idle ID [OPTION...]: a detached container that does nothing.
run_idle() {
	local id=$1
	shift
	c-run -d --null-io "$@" "$IMAGE" "$id" sleep 100000
}

# run_gate ID GATE COMMAND: a detached container that runs a shell command as
# soon as the FIFO GATE has been opened by gate_open. Many may wait.
run_gate() {
	local id=$1 gate=$2
	[ -p "$gate" ] || mkfifo "$gate"
	c-run -d --null-io --mount \
		"type=bind,src=$gate,dst=/tmp/gate,options=rbind:ro" \
		"$IMAGE" "$id" sh -c "cat /tmp/gate; $3"
}

# Opens the gate for all that wait at it; it is shut again at once.
gate_open() {
	: >"$1"
}

status_of() {
	c task ls | awk -v id="$1" '$1 == id { print $3 }'
}

pid_of() {
	c task ls | awk -v id="$1" '$1 == id { print $2 }'
}

is_status() {
	[ "$(status_of "$1")" = "$2" ]
}

# metric NAME: its value in `metrics`, which `c task metrics` has printed.
metric() {
	awk -v name="$1" '$1 == name { print $2 }' metrics
}

# expect_exit N ID: waits for the end of a detached container, and removes it.
# What `task rm` says about the exit status is a warning in some versions and
# its own status in others.
expect_exit() {
	local out status=0
	wait_for 20 is_status "$2" STOPPED
	out=$(c task rm "$2" 2>&1) || status=$?
	[[ $out != *"exit code $1"* || $1 -eq 0 ]] || status=$1
	[ $status -eq "$1" ] || fail "$2: status $status, not $1: $out"
	c c rm "$2"
}

# Removes stopped or running containers with all that is theirs.
remove() {
	local id
	for id; do
		c task kill -s KILL "$id" >/dev/null 2>&1 || :
		wait_for 20 is_status "$id" STOPPED
		c task rm "$id" >/dev/null 2>&1 || :
		c c rm "$id"
	done
}

# Records that a test left are no leak.
forget_containers() {
	local ids
	ids=$(timeout 20 "$SYS/bin/c" c ls -q) || return 0
	# shellcheck disable=SC2086
	[ -z "$ids" ] || timeout 60 "$SYS/bin/c" c rm $ids
} >/dev/null 2>&1

# Pids whose program is the shim under test.
shim_pids() {
	local p
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/exe")" != "$RUNTIME" ] || say "${p#/proc/}"
	done 2>/dev/null
}

shim_count() {
	shim_pids | wc -l
}

is_shim_count() {
	[ "$(shim_count)" = "$1" ]
}

# The reference shim leaves its socket behind when it is killed.
shim_kill() {
	# shellcheck disable=SC2046
	kill -KILL $(shim_pids)
	[ "$OURS" = 1 ] || rm -f /run/containerd/s/*
}

# ---- events ----

# events_start FILE: appends what `ctr events` prints. Returns when the
# subscription stands, which is known by an event of our own arriving.
events_start() {
	EVENTS=$1
	setsid c events >>"$EVENTS" 2>/dev/null </dev/null &
	EVENTS_PID=$!
	events_sync
}

# Returns when all that containerd had taken up to now is in the file.
events_sync() {
	local mark=m$RANDOM$RANDOM
	wait_for 30 events_marked $mark
}

events_marked() {
	c namespaces label "$NS" "mark=$1"
	grep -q "\"mark\":\"$1\"" "$EVENTS"
}

events_stop() {
	kill "$EVENTS_PID"
	wait "$EVENTS_PID" 2>/dev/null || :
}

events_are() {
	[ "$(python3 "$HERE/events.py" count "$EVENTS" "$1")" -ge "$2" ]
}

# events_check [OPTION...]: all promises about what is in the file.
events_check() {
	python3 "$HERE/events.py" check "$EVENTS" "$@"
}

# Execs before init: the promise only our shim keeps in every version.
execs_first() {
	[ "$OURS" != 1 ] || say --execs-first
}
