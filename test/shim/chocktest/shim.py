# SPDX-License-Identifier: Apache-2.0
"""Launches a shim like each containerd version, and talks to its server."""

import hashlib
import json
import os
import signal
import subprocess

from . import procs, proto, ttrpc

V2 = "containerd.task.v2.Task"
V3 = "containerd.task.v3.Task"
VERSIONS = ("1.6", "1.7", "2.0", "2.3")
OPTIONS_TYPE = "containerd.runc.v1.Options"
LOG_DEBUG = -4


class Result:
    """What a run of the shim binary printed."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}, stdout {self.out!r}, stderr {self.err!r}"


def parse_start(out):
    """{version, address, protocol} of what `start` printed, any form."""
    text = out.decode(errors="replace").strip()
    if text.startswith("{"):
        return json.loads(text)
    if text.startswith("unix://") or text.startswith("/"):
        return {"version": 2, "address": text, "protocol": "ttrpc"}
    return proto.decode("BootstrapResult", out)


class Launcher:
    """The shim binary, run with one containerd version's habits."""

    def __init__(self, test, version="1.6"):
        self.test = test
        self.version = version

    def number(self):
        return tuple(int(n) for n in self.version.split("."))

    def environment(self, action):
        test = self.test
        env = dict(os.environ)
        for name in ("MAX_SHIM_VERSION", "NAMESPACE", "GRPC_ADDRESS",
                     "NOTIFY_SOCKET", "XDG_RUNTIME_DIR"):
            env.pop(name, None)
        if action != "info":
            env["TTRPC_ADDRESS"] = test.ttrpc_address
            env["GOMAXPROCS"] = "2"
        if action != "info" and self.number() >= (1, 7):
            env["GRPC_ADDRESS"] = test.address
            env["NAMESPACE"] = test.namespace
            env["MAX_SHIM_VERSION"] = "2"
        env[procs.MARK] = test.token
        env["CHOCK_CONFIG"] = ""  # the machine's own is not the test's
        env.update(test.extra_env)
        return env

    def argv(self, container_id):
        return [self.test.shim_path, "-namespace", self.test.namespace,
                "-address", self.test.address,
                "-publish-binary", "/usr/bin/containerd", "-id", container_id]

    def stdin(self, container_id, debug=False, socket_dir="", options=None):
        """The bytes that this version gives `start`; None is /dev/null."""
        if self.number() < (2, 3):
            return proto.encode("Any", options) if options else None
        params = {
            "instance_id": container_id, "namespace": self.test.namespace,
            "log_level": LOG_DEBUG if debug else 0,
            "containerd_version": "2.3.4",
            "containerd_ttrpc_address": self.test.ttrpc_address,
            "containerd_grpc_address": self.test.address,
            "containerd_binary": "/usr/bin/containerd",
            "socket_dir": socket_dir or self.test.socket_dir,
        }
        if options:
            params["extensions"] = [{"value": options}]
        return proto.encode("BootstrapParams", params)

    def run(self, argv, stdin, cwd, action="start", merge=False):
        """merge: stderr goes into stdout, as containerd does for start."""
        process = subprocess.Popen(
            argv, cwd=cwd, env=self.environment(action), process_group=0,
            stdin=subprocess.PIPE if stdin is not None
            else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=60)
        return Result(process.returncode, out, (err or b"").decode())

    def start(self, bundle, debug=False, stdin="default", **params):
        argv = self.argv(bundle.id) + ["-debug"] * debug + ["start"]
        if stdin == "default":
            stdin = self.stdin(bundle.id, debug, **params)
        return self.run(argv, stdin, bundle.path, merge=True)

    def delete(self, container_id, bundle_path):
        """`delete`: the DeleteResponse is in .response when it exited 0."""
        argv = self.argv(container_id) + ["-bundle", bundle_path]
        result = self.run(argv + ["delete"], None, bundle_path, "delete")
        result.response = None
        if result.code == 0:
            result.response = proto.decode("DeleteResponse", result.out)
        return result

    def info(self, options=b""):
        return self.run([self.test.shim_path, "-info"], options, "/", "info")


def socket_path(directory, address, namespace, group):
    joined = os.path.normpath(f"{address}/{namespace}/{group}")
    name = hashlib.sha256(joined.encode()).hexdigest()
    return os.path.join(directory, name)


class Shim:
    """A running server, with one connection (more by connect())."""

    def __init__(self, test, bundle, version="1.6", debug=False, **params):
        self.test = test
        self.bundle = bundle
        self.launcher = Launcher(test, version)
        self.printed = self.launcher.start(bundle, debug, **params)
        if self.printed.code != 0:
            raise AssertionError(f"start: {self.printed}")
        self.result = parse_start(self.printed.out)
        self.address = self.result["address"]
        self.path = self.address.removeprefix("unix://")
        self.service = V3 if self.result["version"] >= 3 else V2
        test.sockets.add(self.path)
        self.client = self.connect()
        self.pid = self.call("Connect", id=bundle.id)["shim_pid"]

    def connect(self):
        client = ttrpc.Client(self.path, self.test.namespace)
        self.test.clients.append(client)
        return client

    def send(self, method, client=None, service=None, **fields):
        """Starts a call; fields are those of its request message."""
        payload = proto.encode(f"{method}Request", fields)
        return (client or self.client).send(
            service or self.service, method, payload, f"{method}Response")

    def call(self, method, client=None, service=None, timeout=60, **fields):
        return self.send(method, client, service, **fields).result(timeout)

    def delete_command(self, container_id=None, bundle=None):
        bundle = bundle or self.bundle
        return self.launcher.delete(container_id or bundle.id, bundle.path)

    def kill(self, number=signal.SIGKILL):
        procs.kill(self.pid, number)

    def wait_gone(self, timeout=30):
        if not procs.wait_dead(self.pid, timeout):
            raise AssertionError(f"shim {self.pid} does not end")
