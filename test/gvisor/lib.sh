# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What differs from the other system tests: the shim is there by the name of
# gVisor's own, which needs no options then; what gVisor is to be told is in
# config.toml. $RUNSC is run by way of a script that notes its command lines in
# $SYS/told.

# shellcheck source=test/sys/lib.sh
. "$HERE/lib.sh"

RUNSC_ROOT=/run/containerd/runsc/$NS
export RUNSC_ROOT

# "20221219"; what Debian puts before it says nothing.
runsc_version() {
	"$RUNSC" --version | sed -n 's/^runsc version [0.~]*\([0-9]*\).*/\1/p'
}

suite_version() {
	say "$("$CONTAINERD" --version | awk '{ print $3 }') runsc $(runsc_version)"
}

suite_folders() {
	say "$RUNSC_ROOT"
}

# What every machine has, virtual ones too. systrap is the better one, where it
# is known and works at all.
platform() {
	case $(runsc_version) in
	2022*) say ptrace ;;
	*) say systrap ;;
	esac
}

private_prepare() {
	mkdir -p "$SYS/etc/runsc"
	mount --bind "$SYS/etc" /etc/containerd
	cat >"$SYS/etc/runsc/config.toml" <<-END
		binary_name = "$SYS/bin/runsc"
		[runsc_config]
		  platform = "$(platform)"
		  network = "none"
	END
	cat >"$SYS/bin/runsc" <<-END
		#!/bin/sh
		echo "\$@" >>"$SYS/told"
		exec "$RUNSC" "\$@"
	END
	chmod +x "$SYS/bin/runsc"
	ln -s "$RUNTIME" "$SYS/bin/containerd-shim-runsc-v1"
}

runtime_options() {
	say --runtime io.containerd.runsc.v1
}

# ---- what runsc was run for ----

told_nothing() {
	: >"$SYS/told"
}

# told WORD: how many commands of this name.
told() {
	grep -cE -- "(^| )$1( |\$)" "$SYS/told" || :
}

# ---- containers ----

# run_member ID sandbox|container POD [COMMAND...]
run_member() {
	local id=$1 type=$2 pod=$3
	shift 3
	[ $# -gt 0 ] || set -- sleep 100000
	c-run -d --null-io \
		--annotation "io.kubernetes.cri.container-type=$type" \
		--annotation "io.kubernetes.cri.sandbox-id=$pod" \
		"$IMAGE" "$id" "$@"
}

# Three containers; no name begins with another, which runsc would take for a
# short form of both.
run_pod() {
	run_member "$1" sandbox "$1"
	run_member "a-$1" container "$1"
	run_member "b-$1" container "$1"
}

# Commands of runsc that go on running. An exec is its client's own.
resident() {
	pgrep -af '(^|/)runsc .* (wait|exec|create|start|events) ' || :
}
