#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Gets newer releases of containerd, or of docker and the containerd of the same
# suite, or of runc, or of gVisor's runsc, from newer Debian suites, without
# touching the system: a private apt state, packages unpacked in a cache and not
# installed. The daemons, their clients and runsc are static programs, so they run
# here as they are; runc gets the C library that it wants.
#
# usage: test/sys/fetch.sh [docker|runc|gvisor]
# environment: CHOCK_CACHE, default /var/cache/chock-test
#
# Prints one line for each release, with no spaces in the first three words;
# VERSION is docker's with "docker", and a runtime's, with its path, else:
#   use VERSION PATH-OF-CONTAINERD
#   skip VERSION WHY
set -u

CACHE=${CHOCK_CACHE:-/var/cache/chock-test}
# shellcheck source=test/apt.sh
. "$(dirname "$0")/../apt.sh"

# download SUITE DIR URI: unpacks the suite's packages into DIR/root.
download() {
	apt_open "$2" "$(apt_line "$1" "$3")" &&
		apt_unpack "$2" "$2/root.new" "${PACKAGES[@]}" &&
		mv "$2/root.new" "$2/root" && settle "$2/root" &&
		apt_close "$2"
}

# settle DIR: what is to be done once it lies where it stays.
settle() {
	local dirs
	[ "$PROGRAM" = sbin/runc ] || return 0
	dirs=$(find "$1" -name 'lib*.so.*' -printf '%h\n' | sort -u | paste -sd:)
	patchelf --set-rpath "$dirs" --set-interpreter \
		"$(find "$1" -name 'ld-linux*.so.*' -print -quit)" \
		"$1/usr/$PROGRAM"
}

# release VERSION SUITE...: the first suite that has this version. What was
# unpacked once needs no network again.
release() {
	local version=$1 suite dir uri program why="no apt source of this release"
	shift
	uri=$(apt_mirror)
	for suite; do
		dir=$CACHE/$suite$SUFFIX
		program=$dir/root/usr/$PROGRAM
		if [ ! -x "$program" ] && [ -n "$uri" ]; then
			rm -rf "$dir"
			mkdir -p "$dir" || continue
			download "$suite" "$dir" "$uri" >"$dir/log" 2>&1 ||
				why="$suite: $(tail -n 1 "$dir/log")"
		fi
		[ -x "$program" ] || continue
		case $("$program" --version) in
		*" $version."*)
			printf 'use %s %s\n' "$version" "$dir/root/usr/$USE"
			return
			;;
		*) why="$suite has another version" ;;
		esac
	done
	printf 'skip %s %s\n' "$version" "$why"
}

USE=bin/containerd
case ${1:-} in
gvisor)
	PACKAGES=(runsc)
	PROGRAM=bin/runsc
	USE=$PROGRAM
	SUFFIX=-gvisor
	release 0.0~20240729 bookworm-backports
	;;
runc)
	PACKAGES=(runc libseccomp2 libc6)
	PROGRAM=sbin/runc
	USE=$PROGRAM
	SUFFIX=-runc
	release 1.3 forky sid
	;;
docker)
	PACKAGES=(containerd docker.io docker-cli)
	PROGRAM=sbin/dockerd
	SUFFIX=-docker
	release 28.5 forky sid
	;;
*)
	PACKAGES=(containerd)
	PROGRAM=bin/containerd
	SUFFIX=
	release 1.7 trixie
	release 2.1 forky sid
	;;
esac
