# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What differs from the other system tests: the CRI plugin is there, and has
# containers in the namespace k8s.io. Runtime handlers:
#
#   (default)     the shim under its own name, or the reference shim under its
#   runc          the shim as containerd-shim-runc-v2, with a table of options
#   table, file   the shim under its own name, with a table of options, which
#                 containerd sends since 1.7, or with the name of a file

# shellcheck source=test/sys/lib.sh
. "$HERE/lib.sh"

NS=k8s.io
PAUSE=chock.test/pause:1
# Debian's own, for that is what sees Debian's packages.
PYTHON="/usr/bin/python3 -B"
export NS PAUSE PYTHON

cri_disabled() {
	:
}

# No network plugins are needed: pods are in the host's network.
cri_config() {
	local type=io.containerd.runc.v2
	[ "$OURS" = 0 ] || type=io.containerd.chock.v1
	cat <<-END
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "$PAUSE"
		  restrict_oom_score_adj = true
		  drain_exec_sync_io_timeout = "2s"
		[plugins."io.containerd.grpc.v1.cri".cni]
		  bin_dir = "$SYS/none"
		  conf_dir = "$SYS/none"
		[plugins."io.containerd.grpc.v1.cri".containerd]
		  default_runtime_name = "default"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.default]
		  runtime_type = "$type"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		  runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		  BinaryName = "$SYS/bin/runc-told"
		  SystemdCgroup = false
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.table]
		  runtime_type = "$type"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.table.options]
		  BinaryName = "$SYS/bin/runc-told"
		  SystemdCgroup = false
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.file]
		  runtime_type = "$type"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.file.options]
		  ConfigPath = "$SYS/options.toml"
	END
}

# private_prepare is called before containerd starts: containerd looks for shims
# in PATH.
private_prepare() {
	mkdir -p "$SYS/bin" "$SYS/none"
	ln -s "$RUNTIME" "$SYS/bin/containerd-shim-chock-v1"
	ln -s "$RUNTIME" "$SYS/bin/containerd-shim-runc-v2"
	cat >"$SYS/bin/runc-told" <<-END
		#!/bin/sh
		echo "\$@" >>"$SYS/told"
		exec runc "\$@"
	END
	chmod +x "$SYS/bin/runc-told"
	cat >"$SYS/options.toml" <<-END
		BinaryName = "$SYS/bin/runc-told"
		SystemdCgroup = false
	END
	protoc -I "$SUITE" --python_out="$SYS" "$SUITE/cri.proto"
}

import_images() {
	import_image "$IMAGE" && import_image "$PAUSE" sleep 100000
}

forget_containers() {
	[ -z "$(timeout 20 "$SYS/bin/c" c ls -q)" ] ||
		$PYTHON "$SUITE/tests.py" forget
} >/dev/null 2>&1
