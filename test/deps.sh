#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages that the named groups need, and does nothing
# (no network, no root) when they are there. The only place that names them.
#
#   test/deps.sh [build] [lint] [test] [sys] [docker] [gvisor] [vm]
#   test/deps.sh --list GROUP    prints the names, installs nothing
set -eu

packages() {
  case $1 in
  build)
    echo gcc libc6-dev make pkg-config libevent-dev libcjson-dev libinih-dev \
      libnanopb-dev nanopb libmd-dev
    ;;
  lint)
    echo clang clang-format clang-tidy cppcheck shellcheck codespell mandoc \
      git
    ;;
  test)
    echo clang libclang-rt-dev libcmocka-dev valgrind python3 binutils \
      e2fsprogs fuse3 fuse-overlayfs
    ;;
  sys)
    echo containerd runc busybox-static jq procps python3 util-linux \
      python3-grpcio python3-protobuf python3-websocket protobuf-compiler \
      patchelf
    ;;
  docker)
    echo docker.io containerd runc busybox-static python3 util-linux
    ;;
  gvisor)
    echo containerd runsc busybox-static python3 procps util-linux
    ;;
  vm)
    echo mmdebstrap e2fsprogs qemu-system-x86 qemu-system-common \
      busybox-static util-linux xz-utils debian-archive-keyring
    ;;
  guest) # inside of the image of test/vm
    echo systemd systemd-sysv dbus kmod procps iproute2 util-linux \
      containerd runc crun criu iptables busybox-static python3 jq \
      libcjson1 libinih1 libcmocka0
    ;;
  *)
    echo "deps: unknown group '$1' (build, lint, test, sys, docker, gvisor, vm)" >&2
    return 1
    ;;
  esac
}

# The named packages that are not installed.
missing() {
  installed=$(dpkg-query -W -f '${Package}:${db:Status-Status}\n' "$@" \
    2>/dev/null || true)
  for package; do
    printf '%s\n' "$installed" | grep -qx "$package:installed" ||
      echo "$package"
  done
}

if [ "${1-}" = --list ]; then
  packages "$2"
  exit
fi
[ $# -gt 0 ] || set -- build lint test sys docker gvisor vm
command -v dpkg-query >/dev/null || {
  echo "deps: not a Debian system: see test/deps.sh for what is needed" >&2
  exit 1
}

wanted=
for group; do
  list=$(packages "$group")
  wanted="$wanted $list"
done
# shellcheck disable=SC2086 # a list of words
need=$(missing $wanted | sort -u | tr '\n' ' ')
[ -n "$need" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "deps: run as root: apt-get install $need" >&2
  exit 1
fi
echo "deps: installing $need"
# No daemon starts: the tests have their own. A policy of the machine's stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
fi
# --no-remove: a containerd from elsewhere is not to be replaced.
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -qq -y --no-remove --no-install-recommends $need
