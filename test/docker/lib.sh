# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests with docker share, besides test/sys/lib.sh. dockerd uses the
# private containerd and its namespace $NS, so what that file has - c, pid_of,
# shim_pids, containerd_kill - works for its containers as well, by their full
# ids. The shim under test is the file named containerd-shim-runc-v2 that
# containerd finds first.
#
# There is no network: containers have a loopback device of their own.

# shellcheck source=test/sys/lib.sh
. "$HERE/lib.sh"

DSYS=$SYS/docker
DIMAGE=chock-test:1
export DSYS DIMAGE

docker_client() {
	say "${CONTAINERD%/*}/docker"
}

docker_daemon() {
	say "${CONTAINERD%/bin/*}/sbin/dockerd"
}

# ---- what run asks of a suite ----

suite_name() {
	say docker
}

suite_version() {
	"$(docker_daemon)" --version | sed 's/^Docker version \([0-9.]*\).*/\1/'
}

# $SYS/bin/d is docker with its address, d-run is `d run` without a network;
# "wrapped" is a runtime that notes what it is called with, "gvisor" is runsc.
private_prepare() {
	mkdir -p "$DSYS/client"
	d_config >"$DSYS/daemon.json"
	ln -s "$RUNTIME" "$SYS/bin/containerd-shim-runc-v2"
	ln -s "$RUNTIME" "$SYS/bin/containerd-shim-chock-v1"
	cat >"$SYS/bin/d" <<-END
		#!/bin/sh
		exec "$(docker_client)" --config "$DSYS/client" \
			-H "unix://$DSYS/sock" "\$@"
	END
	cat >"$SYS/bin/d-run" <<-END
		#!/bin/sh
		exec "$SYS/bin/d" run --network none "\$@"
	END
	cat >"$SYS/bin/wrapped" <<-END
		#!/bin/sh
		printf '%s\n' "\$*" >>"$DSYS/wrapped.log"
		exec runc "\$@"
	END
	cat >"$SYS/bin/gvisor" <<-END
		#!/bin/sh
		exec runsc --platform=ptrace --network=none "\$@"
	END
	chmod +x "$SYS/bin/d" "$SYS/bin/d-run" "$SYS/bin/wrapped" \
		"$SYS/bin/gvisor"
}

# Checkpoints are experimental. Before 23, runtimes have no type.
d_config() {
	case $(suite_version) in
	1* | 20.*) say '{ "experimental": true }' ;;
	*)
		cat <<-END
			{ "experimental": true,
			  "runtimes": { "chock": {
			    "runtimeType": "io.containerd.chock.v1" } } }
		END
		;;
	esac
}

# Called when containerd is there; its own store needs no image.
import_images() {
	dockerd_start || {
		cat "$DSYS/log"
		return 1
	}
	python3 "$HERE/mkimage.py" --layer /bin/busybox "$SYS/layer.tar" &&
		d import -c 'ENV PATH=/bin' "$SYS/layer.tar" "$DIMAGE"
}

suite_end() {
	dockerd_kill
	private_end
}

suite_daemons() {
	containerd_pid
	dockerd_pid
}

suite_folders() {
	say "$DSYS/exec/runtime-runc/$NS $DSYS/exec/containerd"
}

suite_remove() {
	! gone "$(containerd_pid)" || containerd_start
	! gone "$(dockerd_pid)" || dockerd_start
	forget_containers
}

forget_containers() {
	local ids
	ids=$(timeout 20 "$SYS/bin/d" ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || timeout 60 "$SYS/bin/d" rm -f $ids
} >/dev/null 2>&1

suite_logs() {
	tail -n 10 "$SYS/containerd.log"
	grep -v level=debug "$DSYS/log" | tail -n 10
}

# ---- the daemon ----

dockerd_start() {
	# Left by a daemon that was killed: its pid may be another's by now.
	rm -f "$DSYS/daemon.pid"
	setsid env --default-signal "$(docker_daemon)" --debug \
		--config-file "$DSYS/daemon.json" \
		--data-root "$DSYS/data" --exec-root "$DSYS/exec" \
		--pidfile "$DSYS/daemon.pid" --host "unix://$DSYS/sock" \
		--containerd "$SOCK" --containerd-namespace "$NS" \
		--cgroup-parent "/$NS" --live-restore \
		--bridge none --iptables=false --ip6tables=false \
		--add-runtime "wrapped=$SYS/bin/wrapped" \
		--add-runtime "gvisor=$SYS/bin/gvisor" \
		</dev/null >>"$DSYS/log" 2>&1 &
	disown $!
	printf '%s\n' $! >"$DSYS/pid"
	wait_for 60 d version
}

dockerd_pid() {
	cat "$DSYS/pid"
}

dockerd_kill() {
	local pid
	pid=$(dockerd_pid)
	kill -KILL "$pid"
	wait_for 10 gone "$pid"
}

# dockerd_stopped COMMAND...: what happens while dockerd does nothing at all.
dockerd_stopped() {
	local pid status=0
	pid=$(dockerd_pid)
	kill -STOP "$pid"
	"$@" || status=$?
	kill -CONT "$pid"
	return $status
}

# ---- containers ----

# d_idle NAME [OPTION...]: a container that does nothing. As the init of a pid
# namespace it ignores what it has no handler for.
d_idle() {
	local name=$1
	shift
	d-run -d --name "$name" "$@" "$DIMAGE" sleep 100000 >/dev/null
}

# d_gate NAME GATE COMMAND [OPTION...]: a container that runs a shell command as
# soon as the FIFO GATE has been opened by gate_open. Many may wait.
d_gate() {
	local name=$1 gate=$2 command=$3
	shift 3
	[ -p "$gate" ] || mkfifo "$gate"
	d-run -d --name "$name" -v "$gate:/tmp/gate:ro" "$@" "$DIMAGE" \
		sh -c "cat /tmp/gate; $command" >/dev/null
}

# d_get NAME FIELD: of `docker inspect`, in the language of its templates.
d_get() {
	d inspect -f "{{$2}}" "$1"
}

d_is() {
	[ "$(d_get "$1" "$2")" = "$3" ]
}

d_id() {
	d_get "$1" .Id
}

d_pid() {
	d_get "$1" .State.Pid
}

# logged NAME LINE: it has printed that.
logged() {
	d logs "$1" 2>&1 | grep -qx "$2"
}

# d_expect NAME FIELD VALUE: waits for it, and says what it was instead.
d_expect() {
	wait_for 30 d_is "$1" "$2" "$3" ||
		fail "$1: $2 is '$(d_get "$1" "$2")', not '$3'"
}

# d_checkpoint NAME [OPTION...]: a container that counts is ended by a checkpoint,
# and goes on from it.
d_checkpoint() {
	local name=$1
	shift
	d-run -d --name "$name" "$@" "$DIMAGE" \
		sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done' \
		>/dev/null
	wait_for 20 logged "$name" 5
	d checkpoint create "$name" one >/dev/null
	d_expect "$name" .State.Status exited
	d start --checkpoint one "$name"
	d_is "$name" .State.Status running
	wait_for 20 logged "$name" 15
	[ "$(d logs "$name" | grep -cx 1)" = 1 ] ||
		fail "began again: $(d logs "$name")"
	d_remove "$name"
}

# d_expect_exit N NAME: the container ends by itself, and is removed.
d_expect_exit() {
	d_expect "$2" .State.Status exited
	d_is "$2" .State.ExitCode "$1" ||
		fail "$2: exit code $(d_get "$2" .State.ExitCode), not $1"
	d rm "$2" >/dev/null
}

d_remove() {
	d rm -f "$@" >/dev/null
}
