# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Debian packages of any release, without touching the system: an apt state of
# its own, packages downloaded and not installed. Mirrors are those of the
# machine's own apt sources.

APT_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that this machine's own release, or another one, comes from.
apt_mirror() {
	local codename=${1:-}
	[ -n "$codename" ] ||
		codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		awk -v name="$codename" '$1 == name { print $2; exit }'
}

# apt_line SUITE URI: what goes into a sources.list.
apt_line() {
	printf 'deb [signed-by=%s] %s %s main\n' "$APT_KEYRING" "$2" "$1"
}

# apt_private DIR PROGRAM...: apt-get or apt-cache on the state in DIR.
apt_private() {
	local dir=$1 program=$2
	shift 2
	"$program" -q=2 -o Dir::State="$dir/state" -o Dir::Cache="$dir/cache" \
		-o Dir::State::status="$dir/status" \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=- \
		-o Dir::Etc::PreferencesParts=- \
		-o APT::Sandbox::User=root -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=20 -o Acquire::Languages=none "$@"
}

# apt_open DIR LINE...: the state in DIR knows what these sources have.
apt_open() {
	local dir=$1
	shift
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" &&
		: >"$dir/status" && printf '%s\n' "$@" >"$dir/sources.list" &&
		apt_private "$dir" apt-get update
}

# apt_unpack DIR INTO PACKAGE...: by name, as apt_open left DIR.
apt_unpack() {
	local dir=$1 into=$2 deb
	shift 2
	(cd "$dir" && apt_private "$dir" apt-get download "$@") || return
	for deb in "$dir"/*.deb; do
		dpkg -x "$deb" "$into" && rm "$deb" || return
	done
}

apt_close() {
	rm -rf "$1/state" "$1/cache"
}
