#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Gets newer releases of containerd, or of docker and the containerd of the same
# suite, from newer Debian suites, without touching the system: a private apt
# state, packages unpacked in a cache and not installed. The daemons and their
# clients are static programs, so they run here as they are.
#
# usage: test/sys/fetch.sh [docker]
# environment: CHOCK_CACHE, default /var/cache/chock-test
#
# Prints one line for each release, with no spaces in the first three words;
# VERSION is docker's with "docker":
#   use VERSION PATH-OF-CONTAINERD
#   skip VERSION WHY
# Mirrors are those of the machine's own apt sources.
set -u

CACHE=${CHOCK_CACHE:-/var/cache/chock-test}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that this machine's own release comes from.
mirror() {
	local codename
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v name="$codename" '$1 == name { print $2; exit }'
}

apt_private() {
	local dir=$1
	shift
	apt-get -qq -o Dir::State="$dir/state" -o Dir::Cache="$dir/cache" \
		-o Dir::State::status="$dir/status" \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=- \
		-o Dir::Etc::PreferencesParts=- \
		-o APT::Sandbox::User=root -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=20 -o Acquire::Languages=none "$@"
}

# download SUITE DIR URI: unpacks the suite's packages into DIR/root.
download() {
	local dir=$2 deb
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" &&
		: >"$dir/status" &&
		printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$3" "$1" \
			>"$dir/sources.list" &&
		apt_private "$dir" update &&
		(cd "$dir" && apt_private "$dir" download "${PACKAGES[@]}") ||
		return
	for deb in "$dir"/*.deb; do
		dpkg -x "$deb" "$dir/root.new" || return
	done
	mv "$dir/root.new" "$dir/root"
	rm -rf "$dir/state" "$dir/cache" "$dir"/*.deb
}

# release VERSION SUITE...: the first suite that has this version. What was
# unpacked once needs no network again.
release() {
	local version=$1 suite dir uri program why="no apt source of this release"
	shift
	uri=$(mirror)
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
			printf 'use %s %s\n' "$version" \
				"$dir/root/usr/bin/containerd"
			return
			;;
		*) why="$suite has another version" ;;
		esac
	done
	printf 'skip %s %s\n' "$version" "$why"
}

case ${1:-} in
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
