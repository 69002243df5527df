# SPDX-License-Identifier: Apache-2.0
"""What has gone wrong in a sandbox is undone: once, and for good."""

import os

from chocktest import gvisor, procs
from chocktest.container import CREATED, RUNNING, STOPPED, Container
from chocktest.gvisor import SIGNAL, WAIT, check_exit
from chocktest.runner import beyond_go
from chocktest.ttrpc import NOT_FOUND, UNKNOWN, RpcError


def check_no_bug(t, c):
    text = c.bundle.log.all_text()
    t.true("impossible" not in text, text)


# --- creates

def is_gone(m):
    try:
        m.state()
    except RpcError as error:
        return error.code == NOT_FOUND
    return False


def check_undone_once(t, end):
    """A member's sandbox dies behind its create, and end() comes while
    `delete --force` is at it."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    m = gvisor.member(c, script=["create after barrier made",
                                 "delete before barrier undo"])
    made, undo = m.bundle.barrier("made"), m.bundle.barrier("undo")
    create = m.send_create()
    made.wait_reached()
    c.kill()
    c.wait()
    made.go()
    undo.wait_reached()
    last = end(c, m)
    # On the connection of the sandbox, so that end() has been served.
    m.shim.client = c.shim.client
    m.state()
    undo.go()
    if last:
        t.equal(last.result()["exit_status"], 255, "it never ran")
    t.true(create.done.wait(30), "Create is not answered")
    t.true(create.error is not None, "Create succeeded")
    procs.wait_until(lambda: is_gone(m), "forgotten")
    t.equal(len(m.bundle.calls("delete")), 1, "runsc delete")
    t.equal(c.delete()["exit_status"], 137)
    check_exit(t, c)
    c.shutdown()
    t.check_clean()


@beyond_go
def test_kill_while_a_create_is_undone(t):
    check_undone_once(t, lambda c, m: m.kill())


@beyond_go
def test_delete_while_a_create_is_undone(t):
    check_undone_once(t, lambda c, m: m.shim.send(
        "Delete", client=c.shim.client, id=m.id))


@beyond_go
def test_cancel_while_a_create_is_undone(t):
    """Whoever has asked for the create has hung up."""
    def sockets(shim):
        return [what for what in procs.fds(shim.pid).values()
                if what.startswith("socket:")]

    def hang_up(c, m):
        before = len(sockets(c.shim))
        m.shim.client.close()
        procs.wait_until(lambda: len(sockets(c.shim)) < before,
                         "connection closed")

    check_undone_once(t, hang_up)


# --- restores

@beyond_go
def test_restored_into_a_lost_sandbox(t):
    """runsc has restored it, and what it keeps of it is gone: nothing may run
    that nobody knows of."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t, script=["restore after barrier made"])
    made = c.bundle.barrier("made")
    Container.create(c, checkpoint=c.host_path("image"))
    start = c.send("Start")
    made.wait_reached()
    pid = int(c.sandbox.state_of(c.id, "pid"))
    os.unlink(c.sandbox.state_of(c.id, "state-file"))
    made.go()
    t.error(UNKNOWN, None, start.result)
    t.true(procs.wait_dead(pid, 0), "Start is answered and the process lives")
    t.equal(c.wait()["exit_status"], 137)
    t.equal(c.status(), STOPPED)
    t.equal(c.delete()["exit_status"], 137)
    check_exit(t, c)
    check_no_bug(t, c)


# --- members that nobody can wait for

def check_killed(t, c, m, why):
    """m counts as ended, and does not run on unseen."""
    pid = int(c.sandbox.state_of(m.id, "pid"))
    t.equal(m.wait()["exit_status"], 128)
    t.true(procs.wait_dead(pid), why)
    t.equal(m.delete()["exit_status"], 128)
    check_exit(t, m, 128)
    t.equal(c.status(), RUNNING)
    c.finish()
    check_no_bug(t, c)


@beyond_go
def test_start_that_fails_in_the_end(t):
    """runsc has started it, and says that it has not."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    m = gvisor.member(c, script=["start after fail 1 no"]).create()
    t.error(UNKNOWN, "OCI runtime start failed: no", m.start)
    check_killed(t, c, m, "started")
    t.equal(m.bundle.calls("kill"), [])


@beyond_go
def test_start_that_fails_in_the_end_with_commands(t):
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.stop_listening()
    m = gvisor.member(c, script=["start after fail 1 no"]).create()
    t.error(UNKNOWN, "OCI runtime start failed: no", m.start)
    check_killed(t, c, m, "started")
    t.equal(len(m.bundle.calls("kill")), 1)


@beyond_go
def test_wait_that_fails(t):
    """What waits for it ends ahead of it."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.faults = {WAIT: gvisor.refusal}
    m = gvisor.member(c, script=["wait before fail 1 no"]).run()
    check_killed(t, c, m, "nobody waits for it")


# --- execs

def check_exec_failed(t, c, process):
    """Start has been answered: nothing is left of exec e, nothing was told of
    it, and nothing will be."""
    t.true(procs.wait_dead(process, 0), "Start is answered, the exec lives")
    t.equal(c.status("e"), STOPPED)
    t.equal(c.wait("e")["exit_status"], 255)
    c.delete("e")
    t.true(c.status() in (CREATED, RUNNING), "the container goes on")
    c.finish()
    check_exit(t, c)
    check_no_bug(t, c)
    t.equal([e.topic for e in t.sink.of(c.id)
             if getattr(e, "exec_id", "") == "e"], ["/tasks/exec-added"])


@beyond_go
def test_exec_without_a_pid_inside(t):
    """It could never be signalled: its start fails, and it ends."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t, script=["exec set pid-file nothing"]).run()
    c.add_exec("e", ["sleep", "1000000"])
    pid_file = c.bundle.file("e.pid")
    start = c.send("Start", exec_id="e")
    procs.wait_until(lambda: os.path.exists(pid_file), "exec is there")
    command = gvisor.command(t, "exec")
    os.unlink(c.bundle.file("e.inner"))
    with open(pid_file + ".new", "w", encoding="utf-8") as file:
        file.write(str(command))
    os.rename(pid_file + ".new", pid_file)
    message = t.error(UNKNOWN, None, start.result)
    t.true(message.startswith("pid of exec in the sandbox: "), message)
    check_exec_failed(t, c, command)
    t.equal(c.sandbox.calls, [])


def check_without_a_pid_inside(t, c):
    """An exec with a terminal, which is a runsc that the first one has left
    behind."""
    c.bundle.script("exec after barrier made")
    made = c.bundle.barrier("made")
    stdio = c.exec_stdio("e", stderr=False)
    c.add_exec("e", ["sleep", "1000000"], stdio, terminal=True)
    start = c.send("Start", exec_id="e")
    made.wait_reached()
    os.unlink(c.bundle.file("e.inner"))
    pid = int(c.sandbox.state_of(c.id, "e"))
    made.go()
    t.error(UNKNOWN, None, start.result)
    check_exec_failed(t, c, pid)
    t.equal(c.sandbox.calls, [])


@beyond_go
def test_exec_with_a_terminal_and_without_a_pid_inside(t):
    gvisor.use_runsc(t)
    check_without_a_pid_inside(t, gvisor.sandbox(t).run())


@beyond_go
def test_exec_without_a_pid_inside_ahead_of_the_start(t):
    """Of its container, which is not to pay for it."""
    gvisor.use_runsc(t)
    check_without_a_pid_inside(t, gvisor.sandbox(t).create())


@beyond_go
def test_exec_whose_terminal_never_comes(t):
    """Given up, it is killed in the sandbox, too, and nobody else is."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t, script=["exec set console none",
                                  "exec after barrier made"]).run()
    made = c.bundle.barrier("made")
    stdio = c.exec_stdio("e", stderr=False)
    # The end of runsc hangs up the terminal.
    c.add_exec("e", ["nohup", "sleep", "1000000"], stdio, terminal=True)
    start = c.send("Start", exec_id="e")
    made.wait_reached()
    pid = int(c.sandbox.state_of(c.id, "e"))
    procs.wait_until(lambda: procs.marked(t.token).get(
        pid, "").startswith("sleep"), "nohup has done its work")
    made.go()
    c.kill(exec_id="e")
    t.rpc_error("no terminal", start.result)
    c.sandbox.wait_called(SIGNAL)
    check_exec_failed(t, c, pid)
    t.equal(c.sandbox.calls, [(SIGNAL, {
        "CID": c.id, "Signo": 9, "PID": pid, "Mode": 0})])
