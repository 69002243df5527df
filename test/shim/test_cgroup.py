# SPDX-License-Identifier: Apache-2.0
"""The container's cgroup with the real runc: OOM, the freezer, statistics."""

import os

from chocktest import ttrpc
from chocktest.container import PAUSED, RUNNING, Container
from chocktest.context import Skip
from chocktest.metrics import IS_V2, ROOT, metrics
from chocktest.runner import deadline

LIMIT = 24 << 20
EAT = ["dd", "if=/dev/zero", "of=/dev/null", "bs=128M", "count=1"]
OOM = "/tasks/oom"


def limited(t, args, **options):
    """A container that may have LIMIT bytes and 77 processes."""
    t.use_runc()
    if not IS_V2 and not os.path.isdir(f"{ROOT}/memory"):
        raise Skip("no memory controller")
    c = t.container(args, **options)
    c.bundle.config["linux"]["resources"] = {
        "memory": {"limit": LIMIT, "swap": LIMIT},
        "pids": {"limit": 77},
    }
    c.bundle.write_config()
    return c


def cgroup_text(c, controller, v1_file, v2_file):
    folder = ROOT if IS_V2 else f"{ROOT}/{controller}"
    with open(f"{folder}/{c.id}/{v2_file if IS_V2 else v1_file}",
              encoding="ascii") as file:
        return file.read()


def is_frozen(c):
    text = cgroup_text(c, "freezer", "freezer.state", "cgroup.events")
    return "frozen 1\n" in text if IS_V2 else text == "FROZEN\n"


def oom_kills(t, c):
    found = metrics(t, c)
    return found["memory_events" if IS_V2 else "memory_oom_control"][
        "oom_kill"]


@deadline(300)
def test_oom_precedes_the_exit(t):
    for n in range(20):
        c = limited(t, EAT, name=f"c{n}").run()
        t.equal(c.wait()["exit_status"], 137)
        t.true(oom_kills(t, c) > 0, "no kill was counted")
        c.delete()
        c.shutdown()
        c.shim.delete_command()
        # It may even come before the start that was under way is told.
        topics = t.events_of(c)
        t.true(OOM in topics[1:topics.index("/tasks/exit")], f"{topics}")
        t.equal([e.container_id for e in t.sink.of(c.id, OOM)], [c.id])


@deadline(120)
def test_oom_of_an_exec(t):
    c = limited(t, ["sleep", "1000000"]).run()
    for n in range(5):
        c.run_exec(f"x{n}", EAT)
        t.equal(c.wait(f"x{n}")["exit_status"], 137)
        t.sink.wait_for(c.id, "/tasks/exit", count=n + 1)
        topics = t.events_of(c)
        # It may come before the exec's start is told.
        t.equal(topics[-1], "/tasks/exit", f"round {n}")
        t.equal(topics.count(OOM), n + 1, f"round {n}: {topics}")
        c.delete(f"x{n}")
    t.equal(c.status(), RUNNING)
    c.finish()
    t.equal(len(t.sink.of(c.id, OOM)), 5)


@deadline(120)
def test_oom_that_init_survives(t):
    text = " ".join(EAT) + "; read x"
    c = limited(t, ["sh", "-c", text], stdio=t.stdio(stdin=True)).run()
    stdin = c.stdio.open_stdin()
    t.sink.wait_for(c.id, OOM)
    t.equal(c.status(), RUNNING)
    stdin.write(b"\n")
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    stdin.close()
    t.equal(len(t.sink.of(c.id, OOM)), 1)


@deadline(120)
def test_no_oom_without_a_kill(t):
    c = limited(t, ["true"]).run()
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    c.shutdown()
    t.equal(t.sink.of(c.id, OOM), [])


@deadline(120)
def test_pause_stops_everything(t):
    t.use_runc()
    c = t.container(["cat"], stdio=t.stdio(stdin=True)).run()
    stdin = c.stdio.open_stdin()
    for n in range(10):
        t.true(not is_frozen(c), "frozen before")
        c.call("Pause")
        t.true(is_frozen(c), "not frozen")
        t.equal(c.status(), PAUSED)
        stdin.write(f"line {n}\n".encode())
        c.call("Resume")
        t.true(not is_frozen(c), "frozen after")
        c.stdio.out.wait_text(f"line {n}\n".encode())
    c.call("CloseIO", stdin=True)
    stdin.close()
    t.equal(c.wait()["exit_status"], 0)
    c.delete()


@deadline(120)
def test_kill_while_pausing(t):
    t.use_runc()
    for n in range(10):
        c = t.container(name=f"c{n}").run()
        pause = c.send("Pause")
        c.kill()
        t.equal(c.wait()["exit_status"], 137)
        try:
            pause.result(60)
        except ttrpc.RpcError:  # it may or may not have been in time
            pass
        c.delete()
        c.shutdown()


@deadline(120)
def test_stats_are_true(t):
    c = limited(t, ["sh", "-c", "while :; do :; done"]).run()
    c.run_exec("e", ["sleep", "1000000"])
    found = metrics(t, c)
    t.equal(found["pids"]["limit"], 77)
    t.true(found["pids"]["current"] >= 2, f"{found['pids']}")
    memory = found["memory"]
    if not IS_V2:
        t.true(found["cpu"]["throttling"] is not None, "no throttling")
        memory = memory["usage"]
    t.equal(memory["usage_limit" if IS_V2 else "limit"], LIMIT)
    t.true(0 < memory["usage"] <= LIMIT, f"{memory}")

    def cpu():
        cpu = metrics(t, c)["cpu"]
        return cpu["usage_usec"] if IS_V2 else cpu["usage"]["total"]

    first = cpu()
    t.true(first > 0, "no CPU time")
    while cpu() == first:
        pass
    c.finish()


@deadline(300)
def test_pause_during_exec(t):
    """Where init's program is only just being executed, as after Start."""
    t.use_runc()
    for n in range(30):
        c = t.container(name=f"c{n}").run()
        c.call("Pause", timeout=60)
        t.true(is_frozen(c), "not frozen")
        c.call("Resume")
        c.finish()
        c.shutdown()


def shim_cgroup(t):
    """Makes one, which is removed with what else the test has left."""
    name = f"shim-{t.token}"
    folder = ROOT if IS_V2 else f"{ROOT}/pids"
    try:
        os.mkdir(f"{folder}/{name}")
    except OSError as error:
        raise Skip(f"no cgroup can be made: {error}") from error
    return name


def remove_cgroup(name):
    os.rmdir(f"{ROOT if IS_V2 else f'{ROOT}/pids'}/{name}")


def test_shim_in_its_cgroup(t):
    """The option shim_cgroup is about the serving process."""
    name = shim_cgroup(t)
    bundle = t.bundle()
    shim = t.shim(bundle, options=t.options(shim_cgroup=f"/{name}"))
    with open(f"/proc/{shim.pid}/cgroup", encoding="ascii") as file:
        t.true(f"/{name}" in file.read(), "it is elsewhere")
    c = Container(t, shim, bundle).run()
    c.finish()
    c.shutdown()
    shim.wait_gone()
    remove_cgroup(name)
    t.check_clean()


def test_shim_cgroup_that_is_not_there(t):
    bundle = t.bundle()
    launcher = t.launcher()
    stdin = launcher.stdin(
        bundle.id, options=t.options(shim_cgroup="/chock-none"))
    result = launcher.start(bundle, stdin=stdin)
    t.equal(result.code, 1)
    t.true(b"failed to load cgroup /chock-none" in result.out, result.out)
    t.check_clean()
