# SPDX-License-Identifier: Apache-2.0
"""A container as a client sees it: Task calls with the ids filled in."""

import json
import os

from . import proto, ttrpc
from .stdio import Stdio

CREATED, RUNNING, STOPPED, PAUSED, PAUSING = range(1, 6)
PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process"
RESOURCES_TYPE = \
    "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"


class Container:
    """stdio is a Stdio or None. Methods return the response as a dict."""

    def __init__(self, test, shim, bundle, stdio=None):
        self.test, self.shim, self.bundle = test, shim, bundle
        self.id = bundle.id
        self.stdio = stdio
        self.pid = 0

    def send(self, method, **fields):
        return self.shim.send(method, id=self.id, **fields)

    def call(self, method, timeout=60, **fields):
        return self.shim.call(method, timeout=timeout, id=self.id, **fields)

    def create_fields(self, **fields):
        stdio = self.stdio.fields() if self.stdio else {}
        return {"bundle": self.bundle.path,
                "terminal": self.bundle.config["process"]["terminal"],
                "options": self.test.options(), **stdio, **fields}

    def create(self, **fields):
        self.pid = self.call("Create", **self.create_fields(**fields))["pid"]
        return self

    def send_create(self, **fields):
        return self.send("Create", **self.create_fields(**fields))

    def start(self, exec_id=""):
        return self.call("Start", exec_id=exec_id)["pid"]

    def run(self, **fields):
        self.create(**fields)
        self.start()
        return self

    def state(self, exec_id=""):
        return self.call("State", exec_id=exec_id)

    def status(self, exec_id=""):
        return self.state(exec_id)["status"]

    def kill(self, signal=9, exec_id="", all_processes=False):
        return self.call("Kill", exec_id=exec_id, signal=signal,
                         all=all_processes)

    def wait(self, exec_id="", timeout=60):
        return self.call("Wait", timeout, exec_id=exec_id)

    def delete(self, exec_id=""):
        return self.call("Delete", exec_id=exec_id)

    def pids(self):
        return [p["pid"] for p in self.call("Pids")["processes"]]

    def exec_fields(self, exec_id, args, stdio=None, terminal=False, env=()):
        spec = self.bundle.process(args, terminal, env)
        return {"exec_id": exec_id, "terminal": terminal,
                "spec": proto.any_of(PROCESS_TYPE, json.dumps(spec).encode()),
                **(stdio.fields() if stdio else {})}

    def add_exec(self, exec_id, args, stdio=None, terminal=False, env=()):
        self.call("Exec", **self.exec_fields(exec_id, args, stdio, terminal,
                                             env))
        return exec_id

    def run_exec(self, exec_id, args, stdio=None, terminal=False):
        self.add_exec(exec_id, args, stdio, terminal)
        return self.start(exec_id)

    def exec_stdio(self, exec_id, **options):
        return Stdio(self.test.dir, f"{self.id}-{exec_id}", **options)

    def finish(self):
        """Kill, wait, delete, in whatever state it is."""
        if self.status() != STOPPED:
            self.kill()
        self.wait()
        return self.delete()

    def shutdown(self):
        """Shutdown; the shim may be gone before its reply is written."""
        try:
            self.call("Shutdown")
        except ttrpc.Closed:
            pass
        self.shim.wait_gone()

    def host_path(self, name):
        return os.path.join(self.test.dir, name)
