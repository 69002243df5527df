# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What differs from the other system tests: cgroup2, nothing else running, and
# every command of the runtime is written to a file.

# shellcheck source=test/sys/lib.sh
. "$HERE/lib.sh"

# The runtime that is behind the wrapper. This file is loaded again by each test.
REAL=${REAL:-$OCI}
OCI=$SYS/bin/told-$REAL
TOLD=$SYS/told
export REAL OCI TOLD

private_prepare() {
	cat >"$OCI" <<-END
		#!/bin/sh
		echo "\$@" >>"$TOLD"
		exec $REAL "\$@"
	END
	chmod +x "$OCI"
	: >"$TOLD"
}

# The container's cgroup.
cgroup_of() {
	sed -n 's|^0::|/sys/fs/cgroup|p' "/proc/$(pid_of "$1")/cgroup"
}

# cgroup_says ID FILE KEY VALUE: a line of one of its files.
cgroup_says() {
	grep -qx "$3 $4" "$(cgroup_of "$1")/$2"
}

# runs_nothing COMMAND...: it makes the shim run no runtime.
runs_nothing() {
	local before
	before=$(wc -l <"$TOLD")
	"$@"
	[ "$(wc -l <"$TOLD")" = "$before" ] ||
		fail "the runtime was run: $(tail -n +$((before + 1)) "$TOLD")"
}
