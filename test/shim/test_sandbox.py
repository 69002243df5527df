# SPDX-License-Identifier: Apache-2.0
"""The Sandbox service, as containerd's sandbox controller calls it."""

import os
import signal

from chocktest import procs, proto, ttrpc
from chocktest.container import Container

SERVICE = "containerd.runtime.sandbox.v1.Sandbox"

MESSAGES = {
    "CreateSandboxRequest": "1 sandbox_id s, 2 bundle_path s, 5 netns_path s",
    "CreateSandboxResponse": "",
    "StartSandboxRequest": "1 sandbox_id s",
    "StartSandboxResponse": "1 pid u, 2 created_at Timestamp",
    "PlatformRequest": "1 sandbox_id s",
    "PlatformResponse": "1 platform Platform",
    "Platform": "1 os s, 2 architecture s, 3 variant s",
    "StopSandboxRequest": "1 sandbox_id s, 2 timeout_secs u",
    "StopSandboxResponse": "",
    "WaitSandboxRequest": "1 sandbox_id s",
    "WaitSandboxResponse": "1 exit_status u, 2 exited_at Timestamp",
    "SandboxStatusRequest": "1 sandbox_id s, 2 verbose b",
    "SandboxStatusResponse": "1 sandbox_id s, 2 pid u, 3 state s,"
                             " 5 created_at Timestamp, 6 exited_at Timestamp",
    "PingRequest": "1 sandbox_id s",
    "PingResponse": "",
    "ShutdownSandboxRequest": "1 sandbox_id s",
    "ShutdownSandboxResponse": "",
    "SandboxMetricsRequest": "1 sandbox_id s",
    "SandboxMetricsResponse": "1 metrics Metric",
    "Metric": "1 timestamp Timestamp, 2 id s, 3 data Any",
}
proto.FIELDS.update(
    {name: [proto.Field(part) for part in text.split(",")] if text else []
     for name, text in MESSAGES.items()})


class Sandbox:
    """A shim started for a bundle without a config.json."""

    def __init__(self, t, netns=""):
        self.test = t
        self.bundle = t.bundle(name="sb")
        os.unlink(self.bundle.file("config.json"))
        self.id = self.bundle.id
        self.shim = t.shim(self.bundle, "2.0")
        self.create(netns_path=netns)

    def send(self, method, sandbox_id=None, **fields):
        base = "Ping" if method == "PingSandbox" else method
        payload = proto.encode(
            f"{base}Request", {"sandbox_id": sandbox_id or self.id, **fields})
        return self.shim.client.send(SERVICE, method, payload,
                                     f"{base}Response")

    def call(self, method, sandbox_id=None, **fields):
        return self.send(method, sandbox_id, **fields).result(60)

    def create(self, **fields):
        return self.call("CreateSandbox", bundle_path=self.bundle.path,
                         **fields)

    def start(self):
        return self.call("StartSandbox")

    def status(self):
        return self.call("SandboxStatus")

    def state(self):
        return self.status()["state"]

    def finish(self):
        self.call("StopSandbox", timeout_secs=10)
        self.call("ShutdownSandbox")
        self.shim.wait_gone()


def refused(t, code, function, *args, **fields):
    try:
        function(*args, **fields)
    except ttrpc.RpcError as error:
        t.equal(error.code, code, error.message)
        return
    raise AssertionError("was not refused")


def namespace(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def test_life(t):
    s = Sandbox(t)
    t.equal(s.state(), "SANDBOX_NOTREADY")
    started = s.start()
    pid = started["pid"]
    t.true(os.path.exists(f"/proc/{pid}"), "there is no such process")
    t.true(started["created_at"]["seconds"] > 1600000000, started)
    status = s.status()
    t.equal((status["state"], status["pid"]), ("SANDBOX_READY", pid))
    t.equal(status["created_at"], started["created_at"])
    s.call("PingSandbox")
    t.equal(s.call("Platform")["platform"]["os"], "linux")
    waiting = s.send("WaitSandbox")
    s.call("StopSandbox", timeout_secs=10)
    t.true(procs.wait_dead(pid, 10), "its process is left")
    t.equal(waiting.result(10)["exit_status"], 128 + signal.SIGTERM)
    status = s.status()
    t.equal(status["state"], "SANDBOX_NOTREADY")
    t.equal(status["exited_at"], s.call("WaitSandbox")["exited_at"])
    s.call("StopSandbox")
    s.call("ShutdownSandbox")
    s.shim.wait_gone()
    t.check_clean()


def test_namespaces(t):
    """A pod's own ipc and uts, and the network that it was given."""
    s = Sandbox(t, netns=f"/proc/{os.getpid()}/ns/net")
    pid = s.start()["pid"]
    for kind in ("ipc", "uts"):
        t.true(namespace(pid, kind) != namespace("self", kind), kind)
    t.equal(namespace(pid, "net"), namespace("self", "net"))
    s.finish()


def test_network_that_is_not_there(t):
    s = Sandbox(t, netns="/nonexistent/netns")
    for _ in range(2):
        t.error(ttrpc.UNKNOWN, f"cannot start sandbox {s.id}: No such file or"
                " directory", s.start)
        t.equal((s.state(), s.status()["pid"]), ("SANDBOX_NOTREADY", 0))
    s.finish()


def test_unknown_and_twice(t):
    s = Sandbox(t)
    for method in ("StartSandbox", "Platform", "StopSandbox", "WaitSandbox",
                   "SandboxStatus", "PingSandbox", "ShutdownSandbox",
                   "SandboxMetrics"):
        refused(t, 5, s.call, method, "other")
    refused(t, 6, s.create)
    s.start()
    refused(t, 9, s.start)
    s.call("StopSandbox")
    refused(t, 9, s.start)
    s.finish()


def test_killed(t):
    """Its end is seen whoever brings it about."""
    s = Sandbox(t)
    pid = s.start()["pid"]
    waiting = s.send("WaitSandbox")
    os.kill(pid, signal.SIGKILL)
    t.equal(waiting.result(10)["exit_status"], 137)
    t.equal(s.state(), "SANDBOX_NOTREADY")
    s.finish()


def test_containerd_looks_for_it(t):
    """On a restart: Connect and Pids of the Task service, by its id."""
    s = Sandbox(t)
    pid = s.start()["pid"]
    t.equal(s.shim.call("Connect", id=s.id)["task_pid"], pid)
    pids = [p["pid"] for p in s.shim.call("Pids", id=s.id)["processes"]]
    t.equal(pids, [pid])
    s.shim.call("Shutdown", id=s.id)  # of a container: not the sandbox's
    s.call("PingSandbox")
    s.finish()


def test_stop_ends_its_containers(t):
    s = Sandbox(t)
    s.start()
    c = Container(t, s.shim, t.bundle()).run()
    refused(t, 9, s.call, "ShutdownSandbox")
    s.call("StopSandbox", timeout_secs=10)
    t.equal(c.wait()["exit_status"], 137)
    c.delete()
    s.call("ShutdownSandbox")
    s.shim.wait_gone()
    t.check_clean()


def test_stop_ends_containers_of_a_dead_one(t):
    s = Sandbox(t)
    os.kill(s.start()["pid"], signal.SIGKILL)
    s.call("WaitSandbox")
    c = Container(t, s.shim, t.bundle()).run()
    s.call("StopSandbox")
    t.equal(c.wait()["exit_status"], 137)
    c.delete()
    t.equal(s.status()["pid"], 0)
    s.call("ShutdownSandbox")
    s.shim.wait_gone()


def test_stop_ends_a_paused_container(t):
    """Which has to be thawed to die."""
    s = Sandbox(t)
    s.start()
    c = Container(t, s.shim, t.bundle()).run()
    c.call("Pause")
    s.call("StopSandbox", timeout_secs=10)
    t.equal(c.wait(timeout=20)["exit_status"], 137)
    c.delete()
    s.finish()


def test_stop_ends_a_container_that_was_not_started(t):
    s = Sandbox(t)
    s.start()
    c = Container(t, s.shim, t.bundle()).create()
    s.call("StopSandbox", timeout_secs=10)
    t.equal(c.wait()["exit_status"], 137)
    c.delete()
    s.finish()


def test_stop_ends_a_create(t):
    """What comes to be does not come to be after its sandbox."""
    s = Sandbox(t)
    s.start()
    bundle = t.bundle(script=["create before barrier made",
                              "create before hang"])
    made = bundle.barrier("made")
    c = Container(t, s.shim, bundle)
    create = c.send_create()
    made.wait_reached()
    made.go()
    s.call("StopSandbox", timeout_secs=10)
    t.true(create.done.wait(20), "Create goes on")
    t.true(create.error is not None, "Create succeeded")
    t.error(ttrpc.NOT_FOUND, None, c.state)
    s.finish()
    t.check_clean()


def test_pids_without_a_process(t):
    """Something must be listed, or containerd takes it for a failed create."""
    s = Sandbox(t)
    for _ in range(2):
        pids = [p["pid"] for p in s.shim.call("Pids", id=s.id)["processes"]]
        t.equal(pids, [s.shim.pid])
        s.call("StopSandbox")
    s.finish()


def test_never_started(t):
    s = Sandbox(t)
    waiting = s.send("WaitSandbox")
    s.call("StopSandbox")
    t.equal(waiting.result(10)["exit_status"], 0)
    s.call("ShutdownSandbox")
    s.shim.wait_gone()


def test_metrics(t):
    """Those of its containers; without any, there are none to tell."""
    t.use_runc()
    s = Sandbox(t)
    s.start()
    refused(t, 5, s.call, "SandboxMetrics")
    c = Container(t, s.shim, t.bundle()).run()
    metric = s.call("SandboxMetrics")["metrics"]
    t.equal(metric["id"], s.id)
    t.true(metric["data"]["type_url"].startswith("io.containerd.cgroups."),
           metric)
    t.true(metric["timestamp"]["seconds"] > 1600000000, metric)
    t.true(len(metric["data"]["value"]) > 8, "nothing is in it")
    c.finish()
    s.finish()


def test_shim_killed(t):
    """The sandbox's process does not outlive its shim."""
    s = Sandbox(t)
    pid = s.start()["pid"]
    s.shim.kill(signal.SIGKILL)
    t.true(procs.wait_dead(pid, 10), "it is left")
    s.shim.delete_command()
    t.check_clean()
