# SPDX-License-Identifier: Apache-2.0
"""Containers in another's sandbox: their exits, and how all are deleted."""

import os
import signal

from chocktest import gvisor, procs, ttrpc
from chocktest.container import CREATED, PAUSED, RUNNING, STOPPED
from chocktest.gvisor import (BY_SOCKET, PAUSE, PROCESSES, RESUME, SIGNAL,
                              WAIT, check_exit, check_log)
from chocktest.measure import check_prompt
from chocktest.runner import beyond_go


def pod(t, **options):
    """A sandbox that runs."""
    gvisor.use_runsc(t)
    return gvisor.sandbox(t, **options).run()


# --- waiting for a container in the sandbox

@beyond_go
def test_exit_by_socket(t):
    """No command waits beside the sandbox."""
    c = pod(t)
    for n, (signo, status) in enumerate([(15, 143), (9, 137)]):
        m = gvisor.member(c, name=f"m{n}").run()
        c.sandbox.wait_called(WAIT, n + 1)
        m.kill(signo)
        t.equal(m.wait()["exit_status"], status)
        t.equal(m.delete()["exit_status"], status)
        check_exit(t, m, status)
        t.equal(m.bundle.calls("wait") + m.bundle.calls("kill"), [])
    m = gvisor.member(c, ["sh", "-c", "exit 7"], name="m7").run()
    t.equal(m.wait()["exit_status"], 7)
    t.equal(c.status(), RUNNING)
    check_log(t, c, None)
    m.delete()
    c.finish()
    check_exit(t, m, 7)


def check_wait(t, fault, reason):
    """Wait meets the fault at the start; what is asked from then on, and the
    exit, come by command."""
    c = pod(t)
    fds = len(procs.fds(c.shim.pid))
    c.sandbox.faults = {WAIT: fault}
    m = gvisor.member(c).run()
    procs.wait_until(lambda: m.bundle.calls("wait"), "runsc wait")
    check_log(t, c, reason)
    # For what other versions do not know the socket is not to blame.
    t.equal(c.pids(), [c.pid] if reason else [BY_SOCKET])
    m.kill(signal.SIGTERM)
    t.equal(m.wait()["exit_status"], 143)
    t.equal(len(m.bundle.calls("wait")), 1, "runsc wait")
    t.equal(c.sandbox.count(WAIT), 1, "calls of Wait")
    m.delete()
    check_exit(t, m, 143)
    # The connection of the bundle that has started the member is one more.
    procs.wait_until(lambda: len(procs.fds(c.shim.pid)) <= fds + 1,
                     f"closed: {procs.fds(c.shim.pid)}")
    c.finish()
    check_log(t, c, reason)


@beyond_go
def test_wait_garbage(t):
    check_wait(t, gvisor.garbage, "not an answer")


@beyond_go
def test_wait_wrong_json(t):
    check_wait(t, gvisor.wrong_json, "not an answer")


@beyond_go
def test_wait_something_else(t):
    check_wait(t, gvisor.wrong_result, "not an answer")


@beyond_go
def test_wait_status_out_of_range(t):
    check_wait(t, lambda _s, connection, _m, _a: connection.sendall(
        gvisor.reply(1e300)), "not an answer")


@beyond_go
def test_wait_huge_answer(t):
    check_wait(t, gvisor.huge, "Message too long")


@beyond_go
def test_wait_hang_up_in_the_middle(t):
    check_wait(t, gvisor.half_an_answer, "hung up")


@beyond_go
def test_wait_unknown_method(t):
    check_wait(t, gvisor.unknown_method, None)


@beyond_go
def test_wait_refusal(t):
    check_wait(t, gvisor.refusal, None)


@beyond_go
def test_wait_is_hung_up_on_later(t):
    """All that wait are hung up on: said once, and each exit told once."""
    c = pod(t)
    c.sandbox.faults = {WAIT: gvisor.hold}
    members = [gvisor.member(c, name=f"m{n}").run() for n in range(3)]
    c.sandbox.wait_called(WAIT, 3)
    c.sandbox.hang_up()
    for m in members:
        procs.wait_until(lambda m=m: m.bundle.calls("wait"), "runsc wait")
        m.kill(signal.SIGTERM)
        t.equal(m.wait()["exit_status"], 143)
        m.delete()
        check_exit(t, m, 143)
        t.equal(len(m.bundle.calls("wait")), 1)
    check_log(t, c, "hung up")
    c.finish()


@beyond_go
def test_wait_outlives_the_trust(t):
    """Another call meets a fault: who waits goes on waiting, and is told."""
    c = pod(t)
    m = gvisor.member(c).run()
    c.sandbox.wait_called(WAIT)
    c.sandbox.faults = {PROCESSES: gvisor.garbage}
    t.equal(c.pids(), [c.pid])
    m.kill(signal.SIGTERM)
    t.equal(m.wait()["exit_status"], 143)
    t.equal(m.bundle.calls("wait"), [])
    m.delete()
    check_exit(t, m, 143)
    check_log(t, c, "not an answer")
    c.finish()


@beyond_go
def test_an_answer_without_end(t):
    """Until it is given up it holds up nobody else."""
    c = pod(t)
    c.sandbox.faults = {PROCESSES: gvisor.trickle}
    pids = c.send("Pids")
    c.sandbox.wait_called(gvisor.TRICKLE)
    check_prompt(lambda: c.send("State"), "State")
    t.true(not pids.done.is_set(), "State is answered after it")
    t.equal([p["pid"] for p in pids.result()["processes"]], [c.pid])
    check_log(t, c, "no answer in time")
    c.finish()


@beyond_go
def test_start_after_the_trust(t):
    """The command waits from the beginning."""
    c = pod(t)
    c.sandbox.faults = {PROCESSES: gvisor.garbage}
    t.equal(c.pids(), [c.pid])
    m = gvisor.member(c, ["sh", "-c", "exit 7"]).run()
    t.equal(m.wait()["exit_status"], 7)
    t.equal(len(m.bundle.calls("wait")), 1)
    t.equal(c.sandbox.count(WAIT), 0)
    m.delete()
    check_exit(t, m, 7)
    check_log(t, c, "not an answer")
    c.finish()


# --- the sandbox dies

def check_death(t, c, m):
    """Each is told once to have been killed."""
    for container in (m, c):
        t.equal(container.wait()["exit_status"], 137)
        t.equal(container.status(), STOPPED)
        t.equal(container.delete()["exit_status"], 137)
        check_exit(t, container)
    c.shutdown()
    t.check_clean()


@beyond_go
def test_sandbox_dies_then_hangs_up(t):
    c = pod(t)
    m = gvisor.member(c).run()
    c.sandbox.wait_called(WAIT)
    procs.kill(c.pid)
    procs.wait_dead(c.pid)
    c.sandbox.hang_up()
    check_death(t, c, m)
    check_log(t, c, None)
    t.equal(m.bundle.calls("wait"), [])


@beyond_go
def test_sandbox_dies_and_nobody_hangs_up(t):
    """Its socket is still held by somebody."""
    c = pod(t)
    c.sandbox.faults = {WAIT: gvisor.hold}
    m = gvisor.member(c).run()
    c.sandbox.wait_called(WAIT)
    procs.kill(c.pid)
    check_death(t, c, m)


@beyond_go
def test_sandbox_dies_while_a_command_waits(t):
    c = pod(t)
    c.sandbox.stop_listening()
    m = gvisor.member(c).run()
    procs.wait_until(lambda: m.bundle.calls("wait"), "runsc wait")
    command = gvisor.command(t, "wait")
    procs.kill(c.pid)
    t.equal(m.wait()["exit_status"], 137)
    # What the command says afterwards is no second exit.
    procs.kill(int(c.sandbox.state_of(m.id, "pid")), signal.SIGTERM)
    procs.wait_dead(command)
    t.equal(m.state()["exit_status"], 137)
    check_death(t, c, m)


@beyond_go
def test_command_ends_ahead_of_the_sandbox(t):
    """A sandbox that dies hangs up a moment before it is dead."""
    c = pod(t)
    c.sandbox.stop_listening()
    m = gvisor.member(c, script=["wait before barrier b",
                                 "wait before fail 128 EOF"])
    barrier = m.bundle.barrier("b")
    m.run()
    barrier.wait_reached()
    command = gvisor.command(t, "wait")
    barrier.go()
    procs.wait_dead(command)
    procs.kill(c.pid)
    check_death(t, c, m)


@beyond_go
def test_command_that_cannot_tell(t):
    """The sandbox lives: the status is not known, and that is said."""
    c = pod(t)
    c.sandbox.stop_listening()
    m = gvisor.member(c, script=["wait before fail 128 EOF"]).run()
    t.equal(m.wait()["exit_status"], 128)
    c.bundle.log.wait_for(b"its exit status cannot be known: ")
    t.equal(c.status(), RUNNING)
    m.bundle.script()
    procs.kill(int(c.sandbox.state_of(m.id, "pid")))
    procs.wait_until(lambda: not procs.alive(
        int(c.sandbox.state_of(m.id, "pid"))), "the process is dead")
    m.delete()
    check_exit(t, m, 128)
    c.finish()


@beyond_go
def test_sandbox_dies_with_execs_in_it(t):
    """Each is told once; that an init comes after them is checked anyway."""
    c = pod(t)
    m = gvisor.member(c).run()
    for container in (c, m):
        for name in "ef":
            container.run_exec(name, ["sleep", "1000000"])
    procs.kill(c.pid)
    for container in (m, c):
        t.equal(container.wait()["exit_status"], 137)
        for name in "ef":
            t.equal(container.wait(name)["exit_status"], 137)
            container.delete(name)
        container.delete()
        t.sink.wait_for(container.id, "/tasks/delete")
        t.equal([e.exit_status
                 for e in t.sink.of(container.id, "/tasks/exit")], [137] * 3)
    c.shutdown()
    t.check_clean()


@beyond_go
def test_sandbox_dies_during_a_start(t):
    """Of a member; whether its command comes to know of it or not."""
    for n, script in enumerate(["start before barrier b",
                                "start after barrier b"]):
        c = pod(t, name=f"c{n}")
        m = gvisor.member(c, name=f"m{n}", script=[script])
        barrier = m.bundle.barrier("b")
        m.create()
        start = m.send("Start")
        barrier.wait_reached()
        c.kill()
        t.equal(c.wait()["exit_status"], 137)
        barrier.go()
        start.done.wait(30)
        check_death(t, c, m)


@beyond_go
def test_sandbox_dies_while_it_is_paused(t):
    """By SIGKILL, with a sandbox that answers nothing."""
    c = pod(t)
    m = gvisor.member(c).run()
    c.sandbox.faults = {PAUSE: gvisor.hold, RESUME: gvisor.hold}
    pause = c.send("Pause")
    c.sandbox.wait_called(PAUSE)
    c.kill()
    t.equal(m.wait()["exit_status"], 137)
    t.true(pause.done.wait(30), "Pause is not answered")
    check_death(t, c, m)


@beyond_go
def test_sandbox_comes_again(t):
    """By the same name in the same shim, while something of the dead one is
    still to be deleted."""
    c = pod(t)
    m = gvisor.member(c).run()
    c.kill()
    t.equal(m.wait()["exit_status"], 137)
    c.delete()
    check_exit(t, c)
    t.forget_events()
    c.sandbox.stop_listening()
    c.run()
    t.equal(c.pids(), [BY_SOCKET])
    n = gvisor.member(c, name="n").run()
    t.equal(n.pids(), [BY_SOCKET])
    n.run_exec("e", ["sleep", "1000000"])
    c.kill()
    t.equal(n.wait("e")["exit_status"], 137)
    t.equal(n.wait()["exit_status"], 137)
    for container in (m, n, c):
        t.equal(container.delete()["exit_status"], 137)
    check_exit(t, c)


# --- deletion

@beyond_go
def test_delete_created(t):
    """At once, without a kill: each has one exit."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).create()
    m = gvisor.member(c).create()
    for container in (m, c):
        t.equal(container.status(), CREATED)
        t.equal(container.delete()["exit_status"], 137)
        t.error(ttrpc.NOT_FOUND, None, container.state)
        check_exit(t, container)
    t.equal(c.sandbox.calls, [])
    c.shutdown()
    t.check_clean()


@beyond_go
def test_delete_created_with_questions(t):
    """A sandbox whose socket is dead is deleted as well."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).create()
    m = gvisor.member(c).create()
    c.sandbox.stop_listening()
    for container in (m, c):
        waiter = container.send("Wait")
        deletion = container.send("Delete")
        t.equal(waiter.result()["exit_status"], 137)
        t.equal(deletion.result()["exit_status"], 137)
        check_exit(t, container)


def check_kill_then_delete_created(t, **fields):
    """As containerd does after a failed create, which goes on to delete only
    where the kill has succeeded."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).create()
    m = gvisor.member(c).create()
    for container in (m, c):
        container.call("Kill", signal=signal.SIGKILL, **fields)
        t.equal(container.wait()["exit_status"], 137)
        t.equal(container.bundle.calls("kill"), [])
        t.equal(container.delete()["exit_status"], 137)
        check_exit(t, container)
    t.equal(c.sandbox.calls, [])


@beyond_go
def test_kill_then_delete_created(t):
    check_kill_then_delete_created(t)


@beyond_go
def test_kill_all_then_delete_created(t):
    check_kill_then_delete_created(t, all=True)


@beyond_go
def test_signal_of_what_was_created(t):
    """The sandbox knows no process of it."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).create()
    m = gvisor.member(c).create()
    for container in (m, c):
        t.error(ttrpc.FAILED_PRECONDITION,
                "container was not started: failed precondition",
                container.kill, signal.SIGTERM)
        t.equal(container.status(), CREATED)
        container.delete()


@beyond_go
def test_delete_in_every_state(t):
    c = pod(t)
    m = gvisor.member(c).run()
    for container in (m, c):
        t.error(ttrpc.UNKNOWN, "cannot delete a running process",
                container.delete)
        container.call("Pause")
        t.equal(container.status(), PAUSED)
        t.error(ttrpc.UNKNOWN, "cannot delete a paused process",
                container.delete)
        container.call("Resume")
        t.equal(container.status(), RUNNING)
        container.kill()
        t.equal(container.wait()["exit_status"], 137)
        first = container.delete()
        t.equal(first["exit_status"], 137)
        t.equal(container.delete(), first, "once more")
        check_exit(t, container)
        t.equal(container.bundle.calls("kill"), [])
    check_log(t, c, None)


@beyond_go
def test_delete_after_the_shim_was_killed(t):
    """Nothing is left, of the sandbox or of what runsc keeps."""
    c = pod(t)
    m = gvisor.member(c).run()
    c.run_exec("e", ["sleep", "1000000"])
    c.shim.kill()
    c.shim.wait_gone()
    for container in (m, c):
        result = container.shim.delete_command()
        t.equal(result.code, 0, result)
        t.equal(result.response["exit_status"], 137)
    t.true(procs.wait_dead(c.pid), "the sandbox lives on")
    t.equal([name for name in os.listdir(c.sandbox.root)
             if not name.endswith(".sock")], [])
    procs.wait_until(lambda: not procs.marked(t.token), "processes left")
    t.check_clean()


# --- execs

@beyond_go
def test_exec_is_signalled(t):
    """By its number in the sandbox, over the socket and by command."""
    c = pod(t)
    m = gvisor.member(c).run()
    for container in (c, m):
        container.run_exec("e", ["sleep", "1000000"])
        container.kill(signal.SIGTERM, exec_id="e")
        t.equal(container.wait("e")["exit_status"], 143)
        method, arg = c.sandbox.calls[-1]
        t.equal((method, arg["CID"]), (SIGNAL, container.id))
        t.true(arg["PID"] > 0, arg)
    c.sandbox.stop_listening()
    for container in (c, m):
        container.run_exec("f", ["sleep", "1000000"])
        container.kill(signal.SIGKILL, exec_id="f")
        t.equal(container.wait("f")["exit_status"], 137)
        kill = container.bundle.calls("kill")
        t.true(len(kill) == 1 and " --pid " in kill[0], kill)
    check_log(t, c, "Connection refused")
    m.kill()
    m.wait()
    c.finish()


@beyond_go
def test_exec_that_ends_with_128(t):
    """runsc's own failure looks the same; the sandbox lives, so it is none."""
    c = pod(t)
    c.run_exec("e", ["sh", "-c", "exit 128"])
    t.equal(c.wait("e")["exit_status"], 128)
    c.finish()


@beyond_go
def test_exec_ends_ahead_of_the_sandbox(t):
    """128 of a runsc that has lost its sandbox: the process was killed."""
    c = pod(t)
    c.run_exec("e", ["sh", "-c", "exit 128"])
    t.sink.wait_for(c.id, "/tasks/exec-started")
    procs.wait_until(lambda: not gvisor.commands(t, "exec"), "exec has ended")
    procs.kill(c.pid)
    t.equal(c.wait("e")["exit_status"], 137)
    t.equal(c.wait()["exit_status"], 137)
    c.delete("e")
    c.delete()
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal([e.exit_status for e in t.sink.of(c.id, "/tasks/exit")],
            [137, 137])


# --- ids

@beyond_go
def test_ids_that_begin_with_another(t):
    """Each container's files, processes and exits are its own."""
    c = pod(t, name="a")
    other = gvisor.sandbox(t, name=f"{c.id}-b", group=c.id).run()
    t.equal(other.shim.pid, c.shim.pid)
    members = [gvisor.member(c, name=f"{c.id}{tail}").run()
               for tail in ("-m", "-m-n", "_sandbox")]
    c.sandbox.wait_called(WAIT, 3)
    t.equal([call for call in c.sandbox.calls if call[0] == WAIT],
            [(WAIT, m.id) for m in members])
    for container in (c, *members):
        container.pids()
        t.equal(c.sandbox.calls[-1], (PROCESSES, container.id))
    t.equal(other.sandbox.calls, [])
    other.pids()
    t.equal(other.sandbox.calls, [(PROCESSES, other.id)])
    members[0].kill(signal.SIGTERM)
    t.equal(members[0].wait()["exit_status"], 143)
    members[0].delete()
    for container in (c, other, *members[1:]):
        t.equal(container.status(), RUNNING)
    c.kill()
    for container in (*members[1:], c):
        t.equal(container.wait()["exit_status"], 137)
        container.delete()
        check_exit(t, container)
    t.equal(other.status(), RUNNING)
    other.finish()
    check_exit(t, members[0], 143)
