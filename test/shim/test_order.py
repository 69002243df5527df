# SPDX-License-Identifier: Apache-2.0
"""Exits that come at awkward moments, and what is told in which order."""

from chocktest import procs
from chocktest.container import RUNNING, STOPPED
from chocktest.runner import beyond_go
from chocktest.ttrpc import FAILED_PRECONDITION, UNKNOWN

LIFE = ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]


def test_exit_during_start(t):
    """Init is dead before the runtime's `start` returns."""
    c = t.sh("exit 5", script=["start after wait-exit"]).create()
    wait = c.send("Wait")
    t.equal(c.start(), c.pid)
    t.equal(wait.result()["exit_status"], 5)
    c.delete()
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal(t.events_of(c), LIFE)


@beyond_go
def test_exit_during_create(t):
    """Init is dead before `create` returns. (Go 1.6.20 misses that exit.)"""
    c = t.container(script=["create set init-exits 9"]).create()
    t.equal(c.wait()["exit_status"], 9)
    t.equal(c.status(), STOPPED)
    t.error(UNKNOWN, "cannot start a stopped process", c.start)
    t.equal(c.delete()["exit_status"], 9)
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal(t.events_of(c), ["/tasks/create", "/tasks/exit", "/tasks/delete"])


def test_start_fails(t):
    c = t.container(script=["start before fail 1 no start today"]).create()
    t.error(UNKNOWN, "OCI runtime start failed: no start today", c.start)
    c.kill()
    t.equal(c.wait()["exit_status"], 137)
    c.delete()
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal(t.events_of(c), ["/tasks/create", "/tasks/exit", "/tasks/delete"])


def test_init_dies_and_start_fails(t):
    """The exit that was held back for Start is told without a start."""
    c = t.container(script=["start before barrier b",
                            "start before fail 1 gone"])
    barrier = c.bundle.barrier("b")
    c.create()
    start = c.send("Start")
    barrier.wait_reached()
    procs.kill(c.pid)
    barrier.go()
    t.error(UNKNOWN, "OCI runtime start failed: gone", start.result)
    t.equal(c.wait()["exit_status"], 137)
    t.sink.wait_for(c.id, "/tasks/exit")
    c.delete()
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal(t.events_of(c), ["/tasks/create", "/tasks/exit", "/tasks/delete"])


def test_exec_exit_during_its_start(t):
    c = t.container(script=["exec:e after wait-exit"]).run()
    c.run_exec("e", ["sh", "-c", "exit 6"])
    t.equal(c.wait("e")["exit_status"], 6)
    t.sink.wait_for(c.id, "/tasks/exit", exec_id="e")
    t.equal([e.topic for e in t.sink.of(c.id, exec_id="e")],
            ["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit"])


@beyond_go
def test_reaped_before_it_was_named(t):
    """crun's processes are the shim's children from their birth: one that ends
    at once is a zombie that no pid file names yet."""
    c = t.container(script=["create set sibling", "create set init-exits 9"])
    c.create()
    t.equal(c.wait()["exit_status"], 9)
    c.delete()
    c.shutdown()


@beyond_go
def test_exec_reaped_before_it_was_named(t):
    c = t.container(script=["exec set sibling", "exec set init-exits 7"])
    c.run()
    for number in range(20):
        name = f"e{number}"
        c.run_exec(name, ["true"])
        t.equal(c.wait(name)["exit_status"], 7)
        t.equal(c.delete(name)["exit_status"], 7)
    c.finish()
    c.shutdown()
    t.check_clean()


@beyond_go
def test_execs_exit_before_init(t):
    """In a shared pid namespace init's death does not kill the execs: the shim
    does, and tells init's exit last. (Go from 1.6.36 on.)"""
    c = t.container(pid_namespace=False).run()
    for n in range(5):
        c.run_exec(f"e{n}", ["sleep", "1000000"])
    procs.kill(c.pid)
    t.equal(c.wait()["exit_status"], 137)
    t.sink.wait_for(c.id, "/tasks/exit", count=6)
    exits = [e.id for e in t.sink.of(c.id, "/tasks/exit")]
    t.equal(exits[-1], c.id)
    t.equal(set(exits[:-1]), {f"e{n}" for n in range(5)})
    for n in range(5):
        t.equal(c.delete(f"e{n}")["exit_status"], 137)
    c.delete()


@beyond_go
def test_init_exit_waits_for_a_surviving_exec(t):
    """With a pid namespace the kernel ends the execs; until they are reaped
    init's exit is not told. Here one lives on, as if it were in D state."""
    c = t.container().run()
    pid = c.run_exec("e", ["sleep", "1000000"])
    c.add_exec("late", ["true"])
    procs.kill(c.pid)
    t.true(procs.wait_dead(c.pid), "init lives")
    c.call("Connect")  # the exit is at most a turn of the loop away
    t.error(FAILED_PRECONDITION,
            f"container {c.id} init process is not running: "
            "failed precondition", c.start, "late")
    t.equal(t.sink.of(c.id, "/tasks/exit"), [])
    procs.kill(pid)
    t.sink.wait_for(c.id, "/tasks/exit", count=2)
    t.equal([e.id for e in t.sink.of(c.id, "/tasks/exit")], ["e", c.id])


@beyond_go
def test_created_exec_is_not_started_after_init(t):
    """Added in time, started too late. (Go from 1.6.36 on.)"""
    c = t.container().run()
    c.add_exec("e", ["true"])
    c.kill()
    c.wait()
    t.error(FAILED_PRECONDITION,
            f"container {c.id} init process is not running: "
            "failed precondition", c.start, "e")
    c.delete("e")
    c.delete()


@beyond_go
def test_exec_that_comes_to_run_after_init(t):
    """Init's end has ended the others by then: this one is ended, too, and
    told as the others are."""
    c = t.container(script=["exec after barrier b"]).run()
    barrier = c.bundle.barrier("b")
    c.add_exec("e", ["sleep", "1000000"])
    start = c.send("Start", exec_id="e")
    barrier.wait_reached()
    c.kill()
    procs.wait_until(lambda: c.status() == STOPPED, "init has ended")
    barrier.go()
    t.true(start.result()["pid"] > 0, "a pid")
    t.equal(c.wait("e")["exit_status"], 137)
    t.equal(c.wait()["exit_status"], 137)
    t.sink.wait_for(c.id, "/tasks/exit", count=2)
    t.equal([e.id for e in t.sink.of(c.id, "/tasks/exit")], ["e", c.id])


@beyond_go
def test_exec_start_failure_is_an_end(t):
    """The Go shim leaves it "created" and crashes on a second Start; ours has
    it stopped with status 255: Wait ends, Delete works, Start is refused."""
    c = t.container(script=["exec:e before fail 1 no exec today"]).run()
    c.add_exec("e", ["true"])
    wait = c.send("Wait", exec_id="e")
    t.error(UNKNOWN, "OCI runtime exec failed: no exec today", c.start, "e")
    t.equal(wait.result()["exit_status"], 255)
    state = c.state("e")
    t.equal((state["status"], state["exit_status"]), (STOPPED, 255))
    t.error(UNKNOWN, "cannot start a stopped process", c.start, "e")
    t.equal(c.delete("e")["exit_status"], 255)
    t.equal(c.status(), RUNNING)
    t.equal(t.sink.of(c.id, "/tasks/exec-started"), [])


def test_exec_of_a_missing_program(t):
    c = t.container().run()
    c.add_exec("e", ["/no/such/program"])
    text = t.error(UNKNOWN, None, c.start, "e")
    t.true(text.startswith("OCI runtime exec failed: "), text)
    t.true("no such file or directory" in text.lower(), text)
    c.delete("e")


def test_create_of_a_missing_program(t):
    c = t.container(["no-such-program"])
    text = t.error(UNKNOWN, None, c.create)
    t.true(text.startswith("OCI runtime create failed: "), text)
    t.true("executable file not found" in text, text)
    t.equal(t.sink.events, [])


def test_exec_exits_while_init_runs(t):
    c = t.container().run()
    for n in range(20):
        c.run_exec(f"e{n}", ["sh", "-c", f"exit {n}"])
    for n in range(20):
        t.equal(c.wait(f"e{n}")["exit_status"], n)
    c.finish()
    t.sink.wait_for(c.id, "/tasks/delete")


@beyond_go
def test_execs_left_over_do_not_stop_the_end(t):
    """Execs are not deleted by their owner; init's Delete must work."""
    c = t.container(pid_namespace=False).run()
    c.add_exec("never-started", ["true"])
    c.run_exec("ended", ["true"])
    c.wait("ended")
    c.run_exec("running", ["sleep", "1000000"])
    c.kill()
    c.wait()
    c.delete()
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()
