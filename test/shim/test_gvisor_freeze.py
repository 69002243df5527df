# SPDX-License-Identifier: Apache-2.0
"""Pausing what shares a sandbox.

The sandbox counts, dies of a Resume too many, and lets nothing that is in it die
before the last (test/tool/fake-runtime/runsc-sentry.c).
"""

import resource
import signal

from chocktest import gvisor, procs, ttrpc
from chocktest.container import PAUSED, RUNNING
from chocktest.gvisor import PAUSE, PROCESSES, RESUME, SIGNAL, check_exit
from chocktest.runner import beyond_go


def pod(t, names="ab", paused="", name="c"):
    """A sandbox and its members, all running but those that are paused."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t, name=name).run()
    members = {n: gvisor.member(c, name=f"{name}-{n}").run() for n in names}
    for n in paused:
        members[n].call("Pause")
        t.equal(members[n].status(), PAUSED)
    return (c, *members.values())


def distrust(t, c):
    """Commands are used from here on."""
    c.sandbox.faults = {PROCESSES: gvisor.garbage}
    c.pids()
    c.sandbox.faults = {}
    gvisor.check_log(t, c, "not an answer")


def check_killed(t, m):
    """It dies of its SIGKILL, whoever is paused."""
    t.equal(m.wait()["exit_status"], 137)
    m.delete()
    check_exit(t, m)


def check_paused(t, c, m):
    """It is, and is so once."""
    procs.wait_until(lambda: c.sandbox.pauses() == 1,
                     f"paused, {c.sandbox.calls}")
    t.equal(m.status(), PAUSED)


def check_resumed(t, c, m):
    m.call("Resume")
    t.equal(m.status(), RUNNING)
    t.equal(c.sandbox.pauses(), 0)


def check_end(t, c, *members):
    """The sandbox has lived up to here."""
    t.equal(c.status(), RUNNING)
    for m in members:
        m.kill()
        check_killed(t, m)
    t.equal(c.sandbox.pauses(), 0)
    c.finish()
    check_exit(t, c)


# --- who is paused

@beyond_go
def test_one_pause_for_all(t):
    """What is paused twice is so until both are resumed."""
    c, a, b = pod(t, paused="ab")
    t.equal(c.sandbox.count(PAUSE), 1)
    t.equal(c.sandbox.pauses(), 1)
    a.call("Resume")
    t.equal(a.status(), RUNNING)
    check_paused(t, c, b)
    t.equal(c.sandbox.count(RESUME), 0)
    check_resumed(t, c, b)
    check_end(t, c, a, b)


@beyond_go
def test_one_pause_for_all_by_command(t):
    """And runsc calls none paused that is not."""
    c, a, b = pod(t)
    distrust(t, c)
    a.call("Pause")
    b.call("Pause")
    t.equal(len(b.bundle.calls("pause")), 0)
    a.call("Resume")
    check_paused(t, c, b)
    procs.wait_until(lambda: c.sandbox.state_of(a.id, "paused") is None,
                     "runsc has resumed it")
    procs.wait_until(lambda: c.sandbox.state_of(b.id, "paused") is not None,
                     "runsc has paused the other")
    check_resumed(t, c, b)
    check_end(t, c, a, b)


@beyond_go
def test_pause_by_socket_resume_without_trust(t):
    """runsc has not heard of the pause and would refuse."""
    c, a = pod(t, "a", paused="a")
    distrust(t, c)
    check_resumed(t, c, a)
    t.equal(a.bundle.calls("resume"), [])
    check_end(t, c, a)


@beyond_go
def test_pause_by_command_resume_by_command(t):
    """The socket answers again, but runsc would go on calling it paused."""
    def unknown_once(sandbox, connection, method, arg):
        if sandbox.count(method) == 2:  # and by its older name
            sandbox.faults = {}
        gvisor.unknown_method(sandbox, connection, method, arg)

    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.faults = {PAUSE: unknown_once,
                        "Lifecycle.Pause": gvisor.unknown_method}
    c.call("Pause")
    t.equal(len(c.bundle.calls("pause")), 1)
    c.sandbox.faults = {}
    check_resumed(t, c, c)
    t.equal(len(c.bundle.calls("resume")), 1)
    t.equal(c.sandbox.count(RESUME), 0)
    check_end(t, c)


# --- a kill of what is paused

def check_kill_beside_a_pause(t, **fields):
    """a dies though b is paused, which is so before and after."""
    for n, paused in enumerate(("b", "ab")):
        c, a, b = pod(t, paused=paused, name=f"c{n}")
        calls = [a.send("Kill", signal=signal.SIGKILL, **fields)
                 for _ in range(2)]
        # The sandbox may find it dead by the time it serves one of them.
        t.true(all([call.done.wait(30) for call in calls]), "no answer")
        t.true(any(call.error is None for call in calls), "no success")
        t.equal(a.wait()["exit_status"], 137)
        check_paused(t, c, b)
        check_killed(t, a)
        check_resumed(t, c, b)
        check_end(t, c, b)


@beyond_go
def test_kill_beside_a_pause(t):
    check_kill_beside_a_pause(t)


@beyond_go
def test_kill_all_beside_a_pause(t):
    check_kill_beside_a_pause(t, all=True)


@beyond_go
def test_kill_of_what_a_command_has_paused(t):
    """runsc passes on no signal to it."""
    for n, paused in enumerate(("a", "ab")):
        c, a, b = pod(t, name=f"c{n}")
        distrust(t, c)
        for m in (a, b)[:len(paused)]:
            m.call("Pause")
        a.kill()
        check_killed(t, a)
        if paused == "ab":
            check_paused(t, c, b)
            check_resumed(t, c, b)
        check_end(t, c, b)


@beyond_go
def test_kill_of_a_sandbox_that_a_command_has_paused(t):
    """runsc deletes nothing that it calls paused."""
    c, a = pod(t, "a")
    distrust(t, c)
    c.call("Pause")
    c.kill()
    t.equal(c.wait()["exit_status"], 137)
    check_killed(t, a)
    c.delete()
    check_exit(t, c)


@beyond_go
def test_kill_and_the_sandbox_dies(t):
    """With what runsc is to resume: that is not waited for."""
    c, a = pod(t, "a")
    distrust(t, c)
    a.call("Pause")
    a.bundle.script("resume before barrier b")
    barrier = a.bundle.barrier("b")
    kill = a.send("Kill", signal=signal.SIGKILL)
    barrier.wait_reached()
    procs.kill(c.pid)
    t.error(ttrpc.NOT_FOUND, "process already finished: not found",
            kill.result)
    barrier.go()
    for container in (a, c):
        t.equal(container.wait()["exit_status"], 137)


@beyond_go
def test_kill_that_is_refused(t):
    """It stays paused, and its Resume is a Resume."""
    c, a = pod(t, "a", paused="a")
    c.sandbox.faults = {SIGNAL: gvisor.refusal}
    t.error(ttrpc.UNKNOWN, "unknown error after kill: not today", a.kill)
    c.sandbox.wait_called(PAUSE, 2)
    check_paused(t, c, a)
    c.sandbox.faults = {}
    check_resumed(t, c, a)
    check_end(t, c, a)


@beyond_go
def test_kill_without_a_descriptor_for_the_resume(t):
    """There is one, which the signal takes; it is resumed later."""
    c, a = pod(t, "a", paused="a")
    c.sandbox.wait_called(gvisor.WAIT)
    t.sink.wait_for(a.id, "/tasks/paused")
    fds = procs.fds(c.shim.pid)
    free = min(n for n in range(len(fds) + 1) if n not in fds)
    limits = resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE,
                     (free + 1, limits[1]))
    a.kill()
    c.bundle.log.wait_for(b"cannot be resumed: sandbox control socket: "
                          b"Too many open files")
    resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE, limits)
    check_killed(t, a)
    check_end(t, c)


# --- a kill while it is being paused or resumed

class Held:
    """Answers of the sandbox to a method wait for go()."""

    def __init__(self, c, method):
        self.sandbox, self.method = c.sandbox, method
        c.sandbox.faults = {method: self.hold}

    def hold(self, sandbox, connection, method, arg):
        with sandbox.changed:
            sandbox.changed.wait_for(lambda: not sandbox.faults, 60)
        connection.sendall(sandbox.answer(method, arg))

    def wait(self):
        self.sandbox.wait_called(self.method)

    def go(self):
        with self.sandbox.changed:
            self.sandbox.faults = {}
            self.sandbox.changed.notify_all()


@beyond_go
def test_kill_while_it_is_paused(t):
    """No Resume overtakes the Pause."""
    c, a, b = pod(t)
    held = Held(c, PAUSE)
    pause = a.send("Pause")
    held.wait()
    a.kill()
    t.true(pause.done.wait(8), "Pause is waited for")
    a.pids()
    t.equal(c.sandbox.count(RESUME), 0)
    held.go()
    check_killed(t, a)
    procs.wait_until(lambda: c.sandbox.pauses() == 0, "resumed")
    check_end(t, c, b)


@beyond_go
def test_kill_ends_a_pause(t):
    """Even one that is refused, and what the Pause does then is undone."""
    c, a = pod(t, "a")
    held = Held(c, PAUSE)
    c.sandbox.faults[SIGNAL] = gvisor.refusal
    pause = a.send("Pause")
    held.wait()
    t.error(ttrpc.UNKNOWN, "unknown error after kill: not today", a.kill)
    t.true(pause.done.wait(8), "Pause is waited for")
    t.equal(a.status(), RUNNING)
    held.go()
    c.sandbox.wait_called(RESUME)
    procs.wait_until(lambda: c.sandbox.pauses() == 0, "resumed")
    check_end(t, c, a)


@beyond_go
def test_kill_while_it_is_resumed(t):
    """Whose Resume is the only one."""
    c, a, b = pod(t, paused="a")
    held = Held(c, RESUME)
    resume = a.send("Resume")
    held.wait()
    a.kill()
    a.pids()
    held.go()
    resume.done.wait(30)
    check_killed(t, a)
    t.equal(c.sandbox.count(RESUME), 1)
    check_end(t, c, b)


@beyond_go
def test_pause_that_is_late(t):
    """It is an error by then, and taken back when it has come to be."""
    c, a = pod(t, "a")
    held = Held(c, PAUSE)
    t.error(ttrpc.DEADLINE_EXCEEDED, "OCI runtime pause failed: the sandbox "
            "does not answer: context deadline exceeded", a.call, "Pause")
    t.equal(a.status(), RUNNING)
    t.equal((c.sandbox.count(PAUSE), c.sandbox.count(RESUME)), (1, 0))
    held.go()
    c.sandbox.wait_called(RESUME)
    t.equal(a.bundle.calls("pause"), [])
    a.call("Pause")
    check_paused(t, c, a)
    check_resumed(t, c, a)
    gvisor.check_log(t, c, None)
    check_end(t, c, a)


@beyond_go
def test_exit_while_it_is_paused(t):
    """The Pause is no reason to be told of it late."""
    c, a = pod(t, "a")
    held = Held(c, PAUSE)
    pause = a.send("Pause")
    held.wait()
    a.kill(signal.SIGTERM)
    t.true(pause.done.wait(8), "Pause is waited for")
    t.equal(a.wait()["exit_status"], 143)
    held.go()
    a.delete()
    check_exit(t, a, 143)
    procs.wait_until(lambda: c.sandbox.pauses() == 0, "resumed")
    check_end(t, c)


@beyond_go
def test_delete_while_it_is_paused(t):
    """Its sandbox outlives it, and the question that it has caused."""
    c, a = pod(t, "a")
    distrust(t, c)
    a.bundle.script("pause before barrier b")
    barrier = a.bundle.barrier("b")
    pause = a.send("Pause")
    barrier.wait_reached()
    a.kill(signal.SIGTERM)
    t.true(pause.done.wait(8), "Pause is waited for")
    t.equal(a.wait()["exit_status"], 143)
    a.delete()
    barrier.go()
    check_exit(t, a, 143)
    check_end(t, c)


@beyond_go
def test_shim_ends_while_it_resumes_to_kill(t):
    """What waits for the Resume is ended with its container."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    distrust(t, c)
    c.call("Pause")
    c.bundle.script("resume before barrier b")
    barrier = c.bundle.barrier("b")
    c.send("Kill", signal=signal.SIGKILL)
    barrier.wait_reached()
    c.shim.kill(signal.SIGTERM)
    c.shim.wait_gone()
    barrier.go()
    c.shim.delete_command()
