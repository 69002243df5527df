# SPDX-License-Identifier: Apache-2.0
"""The `delete` command: after the normal end, and after the shim's death."""

import os
import time

from chocktest import procs, proto
from chocktest.container import RUNNING, Container
from chocktest.runner import beyond_go


def check_now(t, response, since):
    at = proto.nanoseconds(response["exited_at"]) / 1e9
    t.true(since - 1 <= at <= time.time() + 1, f"exited_at {response}")


def test_after_the_shim_was_killed(t):
    c = t.container().run()
    c.shim.kill()
    c.shim.wait_gone()
    since = time.time()
    result = c.shim.delete_command()
    t.equal(result.code, 0, f"{result}")
    t.equal(result.response["exit_status"], 137)
    t.equal(result.response["pid"], c.pid)
    check_now(t, result.response, since)
    t.true(procs.wait_dead(c.pid), "the container lives on")


@beyond_go
def test_leaves_nothing_after_a_killed_shim(t):
    """Socket included, so the next start with this id binds afresh."""
    source = os.path.join(t.dir, "image")
    os.makedirs(source)
    c = t.container().run(rootfs=[{"type": "bind", "source": source,
                                   "options": ["rbind", "ro"]}])
    c.run_exec("e", ["sleep", "1000000"])
    t.equal(procs.mounts_below(t.dir), [c.bundle.rootfs])
    c.shim.kill()
    c.shim.wait_gone()
    t.equal(c.shim.delete_command().code, 0)
    t.check_clean()


@beyond_go
def test_tells_the_true_status_of_a_recorded_exit(t):
    """The Go shim says 137 here; ours has it in the flight recorder."""
    c = t.sh("exit 42").run()
    waited = c.wait()
    c.shim.kill()
    c.shim.wait_gone()
    response = c.shim.delete_command().response
    t.equal(response, {"pid": c.pid, "exit_status": 42,
                       "exited_at": waited["exited_at"]})


@beyond_go
def test_is_idempotent(t):
    """Never created, and again after that. (Go 1.6 wants its runtime file.)"""
    c = t.container()
    c.shim.kill()
    c.shim.wait_gone()
    for _ in range(3):
        result = c.shim.delete_command()
        t.equal(result.code, 0, f"{result}")
        t.equal(result.response["exit_status"], 137)
    t.check_clean()


@beyond_go
def test_repeats_a_recorded_status(t):
    c = t.sh("exit 9").run()
    c.wait()
    c.shim.kill()
    c.shim.wait_gone()
    first = c.shim.delete_command()
    second = c.shim.delete_command()
    t.equal(first.response["exit_status"], 9)
    t.equal(second.response, first.response)


def test_after_the_normal_end(t):
    """containerd runs it once in every container's life."""
    c = t.sh("exit 5").run()
    c.wait()
    c.delete()
    c.shutdown()
    result = c.shim.delete_command()
    t.equal(result.code, 0, f"{result}")
    t.check_clean()


@beyond_go
def test_after_the_bundle_was_emptied(t):
    """Tolerates everything gone already but the folder itself."""
    c = t.container()
    c.shim.kill()
    c.shim.wait_gone()
    for name in os.listdir(c.bundle.path):
        if name != "rootfs":
            os.unlink(c.bundle.file(name))
    os.rmdir(c.bundle.rootfs)
    t.equal(c.shim.delete_command().code, 0)
    t.check_clean()  # the socket's path follows from the command line


def test_touches_only_its_own_id(t):
    key = "io.containerd.runc.v2.group"
    first = t.container(name="pod", annotations={key: "g"}).run()
    bundle = t.bundle(name="app", annotations={key: "g"})
    second = Container(t, t.shim(bundle), bundle).run()
    second.finish()
    result = second.shim.delete_command()
    t.equal(result.code, 0, f"{result}")
    t.equal(first.status(), RUNNING)
    t.true(os.path.exists(first.shim.path), "the group's socket is gone")
    t.equal(first.pids(), [first.pid])


def test_says_nothing_but_the_response(t):
    c = t.container().run()
    c.shim.kill()
    c.shim.wait_gone()
    result = c.shim.delete_command()
    t.equal(result.response.get("_unknown"), None, "stray bytes")
    t.equal(proto.encode("DeleteResponse", result.response), result.out)


@beyond_go
def test_with_a_runtime_that_hangs(t):
    """containerd gives it five seconds; the Go shim waits for ever."""
    c = t.container().run()
    c.shim.kill()
    c.shim.wait_gone()
    c.bundle.script("delete before hang")
    result = c.shim.delete_command()
    t.equal(result.code, 0, f"{result}")
    t.true(procs.wait_dead(c.pid), "the container lives on")


def test_with_a_runtime_that_fails(t):
    c = t.container().run()
    c.shim.kill()
    c.shim.wait_gone()
    c.bundle.script("delete before fail 1 no luck today")
    result = c.shim.delete_command()
    t.equal(result.code, 0, f"{result}")
    t.equal(result.response["exit_status"], 137)
