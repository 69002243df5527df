# SPDX-License-Identifier: Apache-2.0
"""A sandbox's control socket that does not answer as it should.

Each question that meets a fault is answered by way of the command, and so is
whatever is asked from then on; that is logged once. But nobody is paused or
resumed twice: where the sandbox may have heard of it, it is an error.
"""

import os
import resource
import signal

from chocktest import gvisor, metrics, procs, ttrpc
from chocktest.container import PAUSED, RUNNING
from chocktest.gvisor import (ASKED, BY_SOCKET, EVENT, PAUSE, PROCESSES,
                              RESUME, SIGNAL, check_exit, check_log)
from chocktest.runner import beyond_go


class Question:
    """A request, the command it becomes, and what is right then."""

    method, verbs, fields, prepare = "", (), {}, ()

    def send(self, c):
        return c.send(self.method, **self.fields)

    def check_answer(self, t, c, call, _reason):
        self.check(t, c, call.result())

    def check(self, t, c, result):
        raise NotImplementedError


class Kill(Question):
    method, verbs, fields = "Kill", ("kill",), {"signal": signal.SIGWINCH}

    def check(self, t, c, result):
        t.true(c.bundle.calls("kill")[0].endswith(f" {c.id} 28"),
               c.bundle.calls("kill"))


class Pids(Question):
    method, verbs = "Pids", ("ps",)

    def check(self, t, c, result):
        t.equal([p["pid"] for p in result["processes"]], [c.pid])


class Stats(Question):
    method, verbs = "Stats", ("events",)

    def check(self, t, c, result):
        t.equal(metrics.decode(t, result)["pids"]["current"], 1)


class Pause(Question):
    """Where the sandbox has not heard of it; runsc signals no more then."""

    method, verbs = "Pause", ("pause", "resume")

    def check(self, t, c, result):
        t.equal(c.status(), PAUSED)
        c.call("Resume")
        t.equal(c.status(), RUNNING)


class PauseOnce(Question):
    method, status = "Pause", RUNNING

    def check_answer(self, t, c, call, reason):
        try:
            call.result()
        except ttrpc.RpcError as error:
            t.equal(error.message, f"OCI runtime {self.method.lower()} failed:"
                    f" sandbox control socket: {reason}")
        else:
            t.true(False, f"{self.method} has succeeded")
        t.equal(c.status(), self.status)


class ResumeOnce(PauseOnce):
    method, status, prepare = "Resume", PAUSED, ("Pause",)


REPEATED = (Kill, Pids, Stats)
ONCE = (PauseOnce, ResumeOnce)


class Case:
    """A question to a sandbox of its own that has answered up to now."""

    def __init__(self, t, question):
        self.t, self.question, self.call = t, question(), None
        self.c = gvisor.sandbox(t, name=question.method.lower()).run()
        for method in self.question.prepare:
            self.c.call(method)
        t.equal(self.c.pids(), [BY_SOCKET])
        t.sink.wait_for(self.c.id, "/tasks/start")
        t.equal(self.commands(), [])
        self.fds = len(procs.fds(self.c.shim.pid))
        self.calls_before = len(self.c.sandbox.calls)

    def commands(self):
        """Those that a question may become."""
        return [x.split()[0] for x in self.c.bundle.calls()
                if x.split()[0] not in ("create", "start", "delete")]

    def calls_for_it(self):
        return len(self.c.sandbox.calls) - self.calls_before

    def ask(self):
        self.call = self.question.send(self.c)

    def check_answer(self, reason):
        """It is right, and the command's."""
        self.question.check_answer(self.t, self.c, self.call, reason)
        self.t.equal(self.commands(), [*self.question.verbs])

    def check_distrust(self, reason):
        """No more is asked over the socket, and all of that is said once."""
        asked = len(self.c.sandbox.calls)
        self.t.equal(self.c.pids(), [self.c.pid])
        self.c.kill(signal.SIGWINCH)
        self.t.equal(self.commands(),
                     [*self.question.verbs, "ps", "kill"])
        self.t.equal(len(self.c.sandbox.calls), asked, "calls")
        check_log(self.t, self.c, reason)

    def check_end(self):
        fds = procs.fds(self.c.shim.pid)
        procs.wait_until(
            lambda: len(procs.fds(self.c.shim.pid)) <= self.fds,
            f"no more than {self.fds} descriptors: {fds}")
        self.t.equal(self.c.finish()["exit_status"], 137)
        check_exit(self.t, self.c)


def survive(t, arrange, reason, questions):
    """All of them at the same time. arrange(sandbox) brings the fault."""
    gvisor.use_runsc(t)
    cases = [Case(t, question) for question in questions]
    for case in cases:
        arrange(case.c.sandbox)
        case.ask()
    for case in cases:
        why = reason(case) if callable(reason) else reason
        case.check_answer(why)
        if why:
            case.check_distrust(why)
        else:
            check_log(t, case.c, None)
        case.check_end()
    return cases


def fault(function):
    """Each question meets it."""
    def arrange(sandbox):
        sandbox.faults = dict.fromkeys(ASKED, function)
    return arrange


@beyond_go
def test_garbage(t):
    survive(t, fault(gvisor.garbage), "not an answer", REPEATED + ONCE)


@beyond_go
def test_wrong_json(t):
    survive(t, fault(gvisor.wrong_json), "not an answer", REPEATED + ONCE)


@beyond_go
def test_broken_json(t):
    survive(t, fault(gvisor.broken_json), "not an answer", REPEATED + ONCE)


@beyond_go
def test_two_answers(t):
    survive(t, fault(gvisor.two_answers), "not an answer", REPEATED + ONCE)


@beyond_go
def test_answers_to_something_else(t):
    """Whole, but not about what was asked."""
    survive(t, fault(gvisor.wrong_result), "not an answer", (Pids, Stats))


@beyond_go
def test_huge_answer(t):
    survive(t, fault(gvisor.huge), "Message too long", REPEATED + ONCE)


@beyond_go
def test_silence(t):
    survive(t, fault(gvisor.hold), "no answer in time", REPEATED)


@beyond_go
def test_hang_up(t):
    survive(t, fault(gvisor.hang_up), "hung up", REPEATED + ONCE)


@beyond_go
def test_hang_up_in_the_middle(t):
    survive(t, fault(gvisor.half_an_answer), "hung up", REPEATED + ONCE)


@beyond_go
def test_nobody_listens(t):
    survive(t, gvisor.Sandbox.stop_listening, "Connection refused",
            (*REPEATED, Pause, ResumeOnce))


@beyond_go
def test_a_socket_without_a_file(t):
    """That of older builds, found by the sandbox's name."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t, script=["create set abstract"]).run()
    t.equal(c.pids(), [BY_SOCKET])
    c.sandbox.faults = {PROCESSES: gvisor.garbage}
    t.equal(c.pids(), [c.pid])
    check_log(t, c, "not an answer")
    c.finish()


@beyond_go
def test_a_path_that_does_not_fit(t):
    gvisor.use_runsc(t)
    c = t.container()
    c.create(options=t.options(root=os.path.join(t.dir, "x" * 90)))
    c.start()
    for _ in range(2):
        t.equal(c.pids(), [c.pid])
    check_log(t, c, "File name too long")
    c.finish()


@beyond_go
def test_somebody_else_listens(t):
    """It is told nothing."""
    cases = survive(t, gvisor.Sandbox.impersonate, lambda case:
                    f"process {os.getpid()} answers, not {case.c.pid}",
                    (*REPEATED, Pause, ResumeOnce))
    for case in cases:
        t.equal(case.calls_for_it(), 0, "calls")


# --- what is no fault

@beyond_go
def test_unknown_method(t):
    """Another version: the command is used for it, which is not news."""
    for case in survive(t, fault(gvisor.unknown_method), None,
                        (*REPEATED, Pause)):
        t.true(case.calls_for_it() > 0, "the sandbox was not asked")


@beyond_go
def test_older_arguments(t):
    """Older ones count without an argument."""
    def answer(sandbox, connection, method, arg):
        connection.sendall(
            sandbox.answer(method, arg) if arg is None else gvisor.reply(
                error="json: cannot unmarshal string into Go value"))

    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.faults = {EVENT: answer}
    t.equal(metrics.metrics(t, c)["pids"]["current"], BY_SOCKET)
    t.equal(c.sandbox.calls, [(EVENT, c.id), (EVENT, None)])
    t.equal(c.bundle.calls("events"), [])
    check_log(t, c, None)
    c.finish()


@beyond_go
def test_long_answers(t):
    """Of a sandbox with much in it."""
    pids = list(range(1, 3001))
    usage = {f"container-{n:050}": n for n in range(500)}
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.faults = {
        PROCESSES: gvisor.result([{"pid": pid, "c": 0} for pid in pids]),
        EVENT: gvisor.result({"event": {"data": {"pids": {"current": 3}}},
                              "containerUsage": usage})}
    t.true(c.pids() == pids, "all pids")
    t.equal(metrics.metrics(t, c)["pids"]["current"], 3)
    check_log(t, c, None)
    c.finish()


@beyond_go
def test_no_process(t):
    """It has ended inside, and nobody has been told yet."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    for none in ([], None, [{"pid": 0}]):
        c.sandbox.faults = {PROCESSES: gvisor.result(none)}
        t.equal(c.pids(), [c.pid])
    t.equal(c.sandbox.count(PROCESSES), 3)
    check_log(t, c, None)
    c.finish()


@beyond_go
def test_refusal(t):
    """It is the answer; nothing is asked again."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    fault(gvisor.refusal)(c.sandbox)
    t.error(ttrpc.UNKNOWN, "unknown error after kill: not today",
            c.kill, signal.SIGWINCH)
    t.error(ttrpc.UNKNOWN, "runsc: not today", c.pids)
    t.error(ttrpc.UNKNOWN, "runsc: not today", c.call, "Stats")
    t.error(ttrpc.UNKNOWN, "OCI runtime pause failed: not today",
            c.call, "Pause")
    c.sandbox.faults.pop(PAUSE)
    c.call("Pause")
    t.error(ttrpc.UNKNOWN, "OCI runtime resume failed: not today",
            c.call, "Resume")
    t.equal(c.status(), PAUSED)
    # It may have been resumed for all that, so it is not asked again.
    c.call("Resume")
    t.equal(c.status(), RUNNING)
    t.equal(c.sandbox.count(RESUME), 1)
    t.equal([x.split()[0] for x in c.bundle.calls()], ["create", "start"])
    check_log(t, c, None)
    c.finish()
    check_exit(t, c)


@beyond_go
def test_kill_of_what_has_ended(t):
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.faults = {SIGNAL: lambda _s, connection, _m, _a:
                        connection.sendall(
                            gvisor.reply(error="no such process"))}
    t.error(ttrpc.NOT_FOUND, "process already finished: not found",
            c.kill, signal.SIGTERM)
    c.finish()


@beyond_go
def test_a_command_that_prints_something_else(t):
    """Nothing is read into it."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.stop_listening()
    c.bundle.script("ps before print W0101 a warning",
                    "events before print W0101 a warning")
    for method in ("Pids", "Stats"):
        t.error(ttrpc.INTERNAL,
                f"{t.runtime} does not print what was asked for",
                c.call, method)
    c.finish()


# --- several at once

@beyond_go
def test_many_questions_meet_the_fault(t):
    """All are answered; it is logged once."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    fault(gvisor.hold)(c.sandbox)
    calls = [c.send("Pids") for _ in range(5)]
    kill = c.send("Kill", signal=signal.SIGWINCH)
    c.sandbox.wait_called(PROCESSES, 5)
    c.sandbox.wait_called(SIGNAL)
    c.sandbox.hang_up()
    for call in calls:
        t.equal([p["pid"] for p in call.result()["processes"]], [c.pid])
    kill.result()
    t.equal(len(c.bundle.calls("ps")), 5)
    t.equal(len(c.bundle.calls("kill")), 1)
    check_log(t, c, "hung up")
    c.finish()


@beyond_go
def test_a_question_outlives_the_trust(t):
    """Asked before the fault of another: its answer is taken."""
    def late(sandbox, connection, method, arg):
        with sandbox.changed:
            sandbox.changed.wait_for(lambda: not sandbox.faults, 30)
        connection.sendall(sandbox.answer(method, arg))

    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    c.sandbox.faults = {EVENT: late, PROCESSES: gvisor.garbage}
    stats = c.send("Stats")
    c.sandbox.wait_called(EVENT)
    t.equal(c.pids(), [c.pid])
    with c.sandbox.changed:
        c.sandbox.faults = {}
        c.sandbox.changed.notify_all()
    t.equal(metrics.decode(t, stats.result())["pids"]["current"], BY_SOCKET)
    check_log(t, c, "not an answer")
    c.finish()


# --- what is not the sandbox's fault

@beyond_go
def test_more_than_can_wait(t):
    """Its queue of connections is full: commands, and no distrust."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t)
    c.sandbox.accepting = False
    c.run()
    calls = [c.send("Pids") for _ in range(40)]
    procs.wait_until(lambda: c.bundle.calls("ps"), "runsc ps")
    c.sandbox.accept()
    told = [call.result()["processes"][0]["pid"] for call in calls]
    t.equal(set(told), {BY_SOCKET, c.pid})
    t.equal(told.count(c.pid), len(c.bundle.calls("ps")))
    t.equal(c.pids(), [BY_SOCKET])
    check_log(t, c, None)
    c.finish()


@beyond_go
def test_no_descriptor_is_left(t):
    """Of the shim's: as soon as there is one the sandbox is asked again."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    t.equal(c.pids(), [BY_SOCKET])
    t.sink.wait_for(c.id, "/tasks/start")
    fds = procs.fds(c.shim.pid)
    free = min(n for n in range(len(fds) + 1) if n not in fds)
    limits = resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE, (free, limits[1]))
    message = t.error(ttrpc.RESOURCE_EXHAUSTED, None, c.pids)
    t.true("Too many open files" in message, message)
    resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE, limits)
    t.equal(c.pids(), [BY_SOCKET])
    check_log(t, c, None)
    c.finish()


# --- nothing may depend on the socket

@beyond_go
def test_sigkill_does_not_ask(t):
    """The kernel delivers it to a sandbox that answers nothing."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    fault(gvisor.hold)(c.sandbox)
    pids = c.send("Pids")
    c.sandbox.wait_called(PROCESSES)
    c.kill()
    t.equal(c.wait()["exit_status"], 137)
    t.equal([call[0] for call in c.sandbox.calls], [PROCESSES])
    c.sandbox.hang_up()
    pids.done.wait(30)
    c.delete()
    check_exit(t, c)


@beyond_go
def test_delete_ends_questions(t):
    """The sandbox is dead and its socket is still held by somebody."""
    gvisor.use_runsc(t)
    c = gvisor.sandbox(t).run()
    fault(gvisor.hold)(c.sandbox)
    calls = [c.send(method) for method in ("Pids", "Stats")]
    c.sandbox.wait_called(PROCESSES)
    c.sandbox.wait_called(EVENT)
    procs.kill(c.pid)
    t.equal(c.wait()["exit_status"], 137)
    t.equal(c.delete()["exit_status"], 137)
    for call in calls:
        t.true(call.done.wait(30), "a question was forgotten")
        t.error(ttrpc.CANCELED, "the container is gone: context canceled",
                call.result)
    check_exit(t, c)
    c.shutdown()
    t.check_clean()


@beyond_go
def test_the_sandbox_dies(t):
    """In the middle of a call: each is answered somehow, the exit told once."""
    gvisor.use_runsc(t)
    for question in REPEATED + ONCE:
        case = Case(t, question)
        fault(gvisor.death)(case.c.sandbox)
        case.ask()
        t.true(case.call.done.wait(30), f"no answer to {question.method}")
        t.equal(case.c.wait()["exit_status"], 137)
        case.check_end()
