# SPDX-License-Identifier: Apache-2.0
"""A gVisor sandbox whose control socket the test answers.

The fake runtime, called runsc, lets the sandbox's process begin to listen and
hands the listener over (test/tool/fake-runtime/runsc.c). Answers are a
sandbox's, except to methods that have a fault: a function of (sandbox,
connection, method, arg) that does what it wants.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import threading

from . import procs
from .bundle import read_text
from .container import Container

TYPE = "io.kubernetes.cri.container-type"
GROUP = "io.containerd.runc.v2.group"
POD = "io.kubernetes.cri.sandbox-id"
DISTRUST = "; using runsc commands"
BY_SOCKET = 4242  # what only the socket tells

SIGNAL = "containerManager.Signal"
PROCESSES = "containerManager.Processes"
EVENT = "containerManager.Event"
PAUSE = "containerManager.Pause"
RESUME = "containerManager.Resume"
WAIT = "containerManager.Wait"
TRICKLE = "trickle()"  # no method: it has begun


ASKED = (SIGNAL, PROCESSES, EVENT, PAUSE, RESUME)


def use_runsc(test):
    """The fake runtime by the name of runsc."""
    path = os.path.join(test.dir, "runsc")
    if test.runtime != path:
        os.symlink(test.runtime, path)
    test.runtime = path


def commands(test, verb):
    """The pids of those runsc that run a verb right now."""
    return [pid for pid, line in procs.marked(test.token).items()
            if line.startswith(test.runtime) and f" {verb} " in line]


def command(test, verb):
    """The only one."""
    found = commands(test, verb)
    test.equal(len(found), 1, f"runsc {verb}")
    return found[0]


def reply(result=None, error=""):
    return json.dumps({"success": not error, "err": error,
                       "result": result}).encode()


class Sandbox:
    """The server; start() once its container has been created."""

    def __init__(self, test, bundle):
        self.test, self.id = test, bundle.id
        self.root = os.path.join(test.dir, "root", test.namespace)
        self.path = os.path.join(self.root, f"runsc-{self.id}.sock")
        self.listener = None
        self.accepting = True
        self.connections = []
        self.calls = []  # (method, argument), in order
        self.faults = {}
        self.changed = threading.Condition()
        self.handover = socket.socket(socket.AF_UNIX)
        self.handover.bind(bundle.file("control"))
        self.handover.listen(1)

    def start(self):
        self.handover.settimeout(30)
        connection, _ = self.handover.accept()
        _, fds, _, _ = socket.recv_fds(connection, 64, 1)
        connection.close()
        self.listen_on(socket.socket(fileno=fds[0]))

    def listen_on(self, listener):
        self.listener = listener
        if self.accepting:
            self.accept()

    def accept(self):
        threading.Thread(target=self.accept_loop, args=(self.listener,),
                         daemon=True).start()

    def impersonate(self):
        """Another process, this one, takes over the name."""
        self.stop_listening()
        os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(16)
        self.listen_on(listener)

    def stop_listening(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept_loop(self, listener):
        try:
            while True:
                connection, _ = listener.accept()
                with self.changed:
                    self.connections.append(connection)
                threading.Thread(target=self.serve, args=(connection,),
                                 daemon=True).start()
        except OSError:
            pass

    def hang_up(self):
        """On whoever is being held."""
        with self.changed:
            connections, self.connections = self.connections, []
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def read_call(connection):
        data = b""
        while True:
            part = connection.recv(65536)
            if not part:
                raise OSError("no call")
            data += part
            try:
                return json.loads(data)
            except ValueError:
                continue

    def serve(self, connection):
        try:
            call = self.read_call(connection)
            method, arg = call["method"], call["arg"]
            fault = self.faults.get(method)
            self.note(method, arg)
            if fault:
                fault(self, connection, method, arg)
            else:
                connection.sendall(self.answer(method, arg))
        except OSError:
            pass
        finally:
            connection.close()

    def note(self, method, arg=None):
        with self.changed:
            self.calls.append((method, arg))
            self.changed.notify_all()

    def wait_called(self, method, count=1, timeout=30):
        with self.changed:
            if not self.changed.wait_for(
                    lambda: self.count(method) >= count, timeout):
                raise AssertionError(f"no {count} x {method}: {self.calls}")

    def count(self, method):
        with self.changed:
            return len([c for c in self.calls if c[0] == method])

    # --- what a sandbox does

    @contextlib.contextmanager
    def sentry(self):
        """[pauses, [(pid, signal)...]] of test/tool/fake-runtime/
        runsc-sentry.c, to be changed."""
        path = os.path.join(self.root, self.id, "sentry")
        with open(path, "a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            lines = file.read().splitlines() or ["0"]
            state = [int(lines[0]), [tuple(map(int, line.split()))
                                     for line in lines[1:]]]
            yield state
            file.truncate(0)
            file.write(f"{state[0]}\n")
            file.writelines(f"{pid} {sig}\n" for pid, sig in state[1])

    def pauses(self):
        with self.sentry() as state:
            return state[0]

    def pause(self):
        with self.sentry() as state:
            state[0] += 1
        return reply()

    def resume(self):
        """It dies of one that is too many."""
        with self.sentry() as state:
            state[0] -= 1
            if state[0] < 0:
                procs.kill(int(self.state_of(self.id, "pid")))
                raise OSError("dead")
            if state[0] == 0:
                for pid, sig in state[1]:
                    procs.kill(pid, sig)
                state[1] = []
        return reply()

    def state_of(self, container_id, name):
        return read_text(os.path.join(self.root, container_id, name))

    def answer(self, method, arg):
        if method == SIGNAL:
            return self.signal(arg)
        if method == PROCESSES:
            return reply([{"pid": BY_SOCKET}])
        if method == EVENT:
            return reply({"event": {"data": {"pids": {
                "current": BY_SOCKET}}}})
        if method == WAIT:
            if self.state_of(arg, "status") is None:
                procs.wait_dead(int(self.state_of(arg, "keeper")), 60)
            return reply(int(self.state_of(arg, "status")))
        if method == PAUSE:
            return self.pause()
        if method == RESUME:
            return self.resume()
        return reply(error="unknown method")

    def signal(self, arg):
        """PID 0 is init. What is paused gets it when it runs again."""
        if self.state_of(arg["CID"], "sandbox") is None:
            return reply(error=f'container "{arg["CID"]}" does not exist')
        if os.path.exists(os.path.join(self.root, arg["CID"], "gate")):
            return reply(error=f'container "{arg["CID"]}" not started')
        pid = arg["PID"] or int(self.state_of(arg["CID"], "pid"))
        if not procs.alive(pid):
            return reply(error="no such process")
        with self.sentry() as state:
            if state[0] > 0:
                state[1].append((pid, arg["Signo"]))
            else:
                procs.kill(pid, arg["Signo"])
        return reply()


class SandboxContainer(Container):
    """The pod's own container; .sandbox is its server."""

    sandbox = None

    def create(self, **fields):
        super().create(**fields)
        self.sandbox.start()
        return self


def sandbox(test, args=("sleep", "1000000"), name="c", group=None, **options):
    """A sandbox's own container; nothing created yet. In the shim of group, or
    in its own."""
    bundle = test.bundle(args, name, annotations={TYPE: "sandbox"}, **options)
    bundle.config["annotations"][POD] = bundle.id
    if group:
        bundle.config["annotations"][GROUP] = group
    bundle.write_config()
    container = SandboxContainer(test, test.shim(bundle), bundle)
    container.sandbox = Sandbox(test, bundle)
    return container


def member(pod, args=("sleep", "1000000"), name="m", **options):
    """Another container in its sandbox, served by its shim."""
    test = pod.test
    bundle = test.bundle(args, name, annotations={
        TYPE: "container", POD: pod.id}, **options)
    shim = test.shim(bundle)
    test.equal(shim.pid, pod.shim.pid, "shim of the pod")
    return Container(test, shim, bundle)


# --- checks

def check_log(t, c, reason):
    """reason None: it is not logged."""
    text = c.bundle.log.all_text()
    t.equal(text.count(DISTRUST), 0 if reason is None else 1, text)
    if reason is not None:
        t.true(f"sandbox {c.id}: sandbox control socket: {reason}{DISTRUST}"
               in text, text)


def check_exit(t, c, status=137):
    """Told once, when there is nothing more to come."""
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal([e.exit_status for e in t.sink.of(c.id, "/tasks/exit")], [status])


# --- faults

def garbage(_sandbox, connection, _method, _arg):
    connection.sendall(b"\x00\xff\x7fHTTP/1.1 400 Bad Request\r\n\r\n")


def wrong_json(_sandbox, connection, _method, _arg):
    connection.sendall(b'{"success":"yes","err":3,"result":[]}')


def broken_json(_sandbox, connection, _method, _arg):
    connection.sendall(b'{"success":true,"err":"",,,"result":[}}]}')


def two_answers(_sandbox, connection, _method, _arg):
    connection.sendall(2 * reply([]))


def wrong_result(_sandbox, connection, _method, _arg):
    """An answer in all but what it is about."""
    connection.sendall(reply("seven"))


def hold(_sandbox, connection, _method, _arg):
    """Says nothing, for as long as the other end likes."""
    connection.recv(1)


def hang_up(_sandbox, _connection, _method, _arg):
    pass  # serve() closes


def half_an_answer(_sandbox, connection, _method, _arg):
    connection.sendall(b'{"success":true,"err":"","result":[{"pi')


def huge(_sandbox, connection, _method, _arg):
    """More than any question is worth."""
    connection.sendall(b'{"success":true,"err":"","result":"')
    for _ in range(300):
        connection.sendall(b"x" * 65536)
    connection.sendall(b'"}')


def trickle(sandbox_, connection, _method, _arg):
    """A list without end, nearly as large as may be, byte by byte."""
    connection.sendall(b'{"success":true,"err":"' + b"x" * (15 << 20))
    sandbox_.note(TRICKLE)
    pause = select.poll()
    while True:
        connection.sendall(b"x")
        pause.poll(1)


def unknown_method(_sandbox, connection, _method, _arg):
    connection.sendall(reply(error="unknown method"))


def refusal(_sandbox, connection, _method, _arg):
    connection.sendall(reply(error="not today"))


def result(value):
    """No fault, but this instead of a sandbox's."""
    return lambda _sandbox, connection, _method, _arg: (
        connection.sendall(reply(value)))


def death(sandbox_, _connection, _method, _arg):
    """The sandbox dies, and with it its connections."""
    pid = int(sandbox_.state_of(sandbox_.id, "pid"))
    procs.kill(pid, signal.SIGKILL)
    procs.wait_dead(pid)
