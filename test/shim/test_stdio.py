# SPDX-License-Identifier: Apache-2.0
"""FIFOs, terminals, files and loggers; readers that are late, gone or stuck."""

import hashlib
import os
import shlex

from chocktest import procs
from chocktest.bundle import read_text
from chocktest.container import RUNNING, STOPPED
from chocktest.measure import check_prompt
from chocktest.runner import beyond_go, deadline
from chocktest.ttrpc import UNKNOWN

SIZE = 10 << 20


def pattern(size):
    """Bytes in which every shift and swap shows."""
    block = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(4096))
    return (block * (size // len(block) + 1))[:size]


def check_same(t, got, want, what):
    t.equal(len(got), len(want), f"length of {what}")
    t.true(got == want, f"{what}: the bytes differ")


def test_stdout_and_stderr_are_apart(t):
    c = t.sh("echo out; echo err >&2", stdio=t.stdio()).run()
    c.wait()
    t.equal(c.stdio.out.wait_eof(), b"out\n")
    t.equal(c.stdio.err.wait_eof(), b"err\n")
    c.delete()


@deadline(120)
def test_ten_megabytes_out(t):
    path = os.path.join(t.dir, "data")
    data = pattern(SIZE)
    with open(path, "wb") as file:
        file.write(data)
    c = t.sh(f"cat {path}; cat {path} >&2", stdio=t.stdio()).run()
    t.equal(c.wait()["exit_status"], 0)
    check_same(t, c.stdio.out.wait_eof(), data, "stdout")
    check_same(t, c.stdio.err.wait_eof(), data, "stderr")
    c.delete()


@deadline(120)
def test_ten_megabytes_there_and_back(t):
    c = t.container(["cat"], stdio=t.stdio(stdin=True)).create()
    data = pattern(SIZE)
    c.stdio.feed(data)
    c.start()
    c.call("CloseIO", stdin=True)
    t.equal(c.wait()["exit_status"], 0)
    check_same(t, c.stdio.out.wait_eof(), data, "stdout")
    c.delete()


@deadline(120)
def test_ten_megabytes_through_an_exec(t):
    c = t.container().run()
    stdio = c.exec_stdio("e", stdin=True)
    data = pattern(SIZE)
    stdio.feed(data)
    c.run_exec("e", ["cat"], stdio)
    c.call("CloseIO", exec_id="e", stdin=True)
    t.equal(c.wait("e")["exit_status"], 0)
    check_same(t, stdio.out.wait_eof(), data, "stdout")
    c.delete("e")


def test_stdin_stays_open_until_close_io(t):
    """The shim holds a writer: a client may go and come."""
    c = t.sh("read a; echo got $a; read b; echo got $b; cat; echo end",
             stdio=t.stdio(stdin=True)).run()
    for word in (b"one", b"two"):
        with c.stdio.open_stdin() as stdin:
            stdin.write(word + b"\n")
        c.stdio.out.wait_text(b"got " + word)
    t.equal(c.status(), RUNNING)
    c.call("CloseIO", stdin=True)
    c.stdio.out.wait_text(b"end\n")
    t.equal(c.wait()["exit_status"], 0)


def test_close_io_before_the_client_is_done(t):
    """EOF reaches the process when the client has closed its end too."""
    c = t.container(["cat"], stdio=t.stdio(stdin=True)).create()
    with c.stdio.open_stdin() as stdin:
        c.call("CloseIO", stdin=True)
        c.call("CloseIO", stdin=True)
        c.start()
        stdin.write(b"still here")
        c.stdio.out.wait_text(b"still here")
        t.equal(c.status(), RUNNING)
    t.equal(c.wait()["exit_status"], 0)
    c.call("CloseIO", stdin=True)


def test_eof_comes_with_the_exit_not_with_delete(t):
    """containerd's client waits for it before it calls Delete."""
    c = t.sh("echo x", stdio=t.stdio()).run()
    t.equal(c.stdio.out.wait_eof(), b"x\n")
    c.wait()
    t.equal(c.status(), STOPPED)


def test_late_reader(t):
    """Create waits for a reader, or goes on without; no byte is lost."""
    stdio = t.stdio(read=False)
    c = t.sh("echo early; echo late", stdio=stdio)
    create = c.send_create()
    out, err = stdio.out.start(), stdio.err.start()
    create.result()
    c.start()
    c.wait()
    t.equal(out.wait_eof(), b"early\nlate\n")
    t.equal(err.wait_eof(), b"")


@beyond_go
def test_no_reader_keeps_nobody_waiting(t):
    """The Go shim holds its lock while it waits for a reader."""
    stdio = t.stdio(read=False)
    c = t.sh("echo early", stdio=stdio)
    create = c.send_create()
    check_prompt(lambda: c.send("Connect"), "Connect")
    check_prompt(lambda: c.send("State"), "State")
    stdio.out.start()
    stdio.err.start()
    create.result()


def test_vanished_reader(t):
    """Neither SIGPIPE nor loss: the next reader gets what was written since."""
    stdio = t.stdio(stdin=True, read=False)
    reader = os.open(stdio.paths["stdout"], os.O_RDONLY | os.O_NONBLOCK)
    stdio.err.start()
    c = t.sh("echo one; read x; echo two; echo three >&2; read x; exit 0",
             stdio=stdio).run()
    stdin = stdio.open_stdin()
    os.set_blocking(reader, True)
    t.equal(os.read(reader, 100), b"one\n")
    os.close(reader)
    stdin.write(b"\n")
    stdio.err.wait_text(b"three")
    out = stdio.out.start()
    out.wait_text(b"two\n")
    stdin.write(b"\n")
    t.equal(c.wait()["exit_status"], 0)
    out.wait_eof()
    stdin.close()


@beyond_go
@deadline(120)
def test_stopped_reader(t):
    """It takes nothing: the writer blocks, and nobody else. Delete drains for
    a bounded time."""
    stdio = t.stdio(read=False)
    readers = [os.open(stdio.paths[name], os.O_RDONLY | os.O_NONBLOCK)
               for name in ("stdout", "stderr")]
    c = t.sh("yes; exit 1", stdio=stdio, pid_namespace=False).run()
    other = c.run_exec("e", ["sleep", "1000000"])
    check_prompt(lambda: c.send("State"), "State")
    c.kill(9)
    t.equal(c.wait(timeout=10)["exit_status"], 137)
    delete = c.send("Delete")
    check_prompt(lambda: c.send("Connect"), "Connect during Delete")
    t.equal(delete.result(60)["exit_status"], 137)
    t.true(procs.wait_dead(other), "the exec lives on")
    for reader in readers:
        os.close(reader)


@beyond_go
@deadline(120)
def test_background_child_holds_stdout(t):
    """The exec's exit is told when its own process is dead, not when the pipe
    has no writer any more. Delete drains for a bounded time, and meanwhile
    other calls are answered."""
    c = t.container().run()
    stdio = c.exec_stdio("e")
    c.run_exec("e", ["sh", "-c", "sleep 1000000 & echo ok; exit 7"], stdio)
    t.equal(c.wait("e", timeout=20)["exit_status"], 7)
    t.sink.wait_for(c.id, "/tasks/exit", exec_id="e", timeout=20)
    stdio.out.wait_text(b"ok\n")
    delete = c.send("Delete", exec_id="e")
    check_prompt(lambda: c.send("State"), "State")
    check_prompt(lambda: c.send("State", exec_id="e"), "State of the exec")
    c.run_exec("f", ["true"])
    t.equal(c.wait("f")["exit_status"], 0)
    t.equal(delete.result(60)["exit_status"], 7)


@beyond_go
@deadline(120)
def test_background_child_of_init_holds_stdout(t):
    c = t.sh("sleep 1000000 & echo ok; exit 7", stdio=t.stdio()).run()
    t.equal(c.wait(timeout=20)["exit_status"], 7)
    t.equal(c.delete()["exit_status"], 7)
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()


def test_exec_with_all_of_stdio(t):
    c = t.container().run()
    for n in range(10):
        stdio = c.exec_stdio(f"e{n}", stdin=True)
        stdio.feed(b"%d" % n)
        c.run_exec(f"e{n}", ["sh", "-c", "cat; echo err >&2"], stdio)
        c.call("CloseIO", exec_id=f"e{n}", stdin=True)
        t.equal(c.wait(f"e{n}")["exit_status"], 0)
        t.equal(stdio.out.wait_eof(), b"%d" % n)
        t.equal(stdio.err.wait_eof(), b"err\n")
        c.delete(f"e{n}")


def test_output_to_a_file(t):
    path = os.path.join(t.dir, "new", "log")
    c = t.sh("echo out; echo err >&2")
    c.run(stdout=f"file://{path}", stderr=f"file://{path}")
    c.wait()
    c.delete()
    t.equal(sorted(read_text(path).split()), ["err", "out"])


@beyond_go
def test_a_log_file_is_rotated(t):
    """100 times under load: each line is whole, in its place, and there."""
    path = os.path.join(t.dir, "log")
    c = t.sh("i=0; while i=$((i + 1)); do echo line $i; done")
    c.run(stdout=f"file://{path}")
    for n in range(100):
        procs.wait_until(
            lambda: os.path.exists(path) and os.path.getsize(path),
            f"file {n} of the log")
        os.rename(path, f"{path}.{n}")
    c.kill(9)
    c.wait()
    c.delete()
    names = [f"{path}.{n}" for n in range(100)]
    names += [path] if os.path.exists(path) else []
    lines = []
    for name in names:
        text = read_text(name)
        t.true(text.endswith("\n"), f"{name} ends with {text[-20:]!r}")
        lines += text.splitlines()
    t.equal(lines, [f"line {n + 1}" for n in range(len(lines))])


def test_unknown_scheme(t):
    c = t.sh("true")
    text = t.error(UNKNOWN, None, c.create, stdout="gopher://x",
                   stderr="gopher://x")
    t.true("unknown STDIO scheme gopher" in text, text)


def logger(t, script):
    path = os.path.join(t.dir, "logger")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\n{script}\n")
    os.chmod(path, 0o755)
    return path


def test_output_to_a_logger(t):
    """fds 3, 4 and 5, two variables, one argument pair for each query key."""
    log = os.path.join(t.dir, "log")
    path = logger(t, f'env > {log}.env; echo "$@" > {log}.args\n'
                  f"trap '' TERM; cat <&4 5>&- >{log}.err & exec 5>&-\n"
                  f"cat <&3 >{log}.out; wait")
    c = t.sh("echo out; echo err >&2")
    c.run(stdout=f"binary://{path}?key=a%20value")
    c.wait()
    c.delete()
    t.equal(read_text(log + ".out"), "out\n")
    t.equal(read_text(log + ".err"), "err\n")
    t.equal(read_text(log + ".args"), "key a value\n")
    env = dict(line.split("=", 1)
               for line in read_text(log + ".env").splitlines())
    t.equal(env["CONTAINER_ID"], c.id)
    t.equal(env["CONTAINER_NAMESPACE"], t.namespace)
    t.equal(set(env) - {"CONTAINER_ID", "CONTAINER_NAMESPACE", "PWD", "_",
                        "SHLVL", "OLDPWD"}, set())


@beyond_go
def test_a_logger_that_is_never_ready(t):
    """It holds the readiness pipe: Create waits, the rest does not."""
    gate = os.path.join(t.dir, "gate")
    os.mkfifo(gate)
    path = logger(t, f"read x <{shlex.quote(gate)}; exec 5>&-; cat <&3")
    c = t.sh("echo out")
    create = c.send_create(stdout=f"binary://{path}")
    check_prompt(lambda: c.send("Connect"), "Connect")
    t.true(not create.done.is_set(), "Create did not wait for the logger")
    with open(gate, "w", encoding="ascii") as file:
        file.write("go\n")
    create.result()


@beyond_go
def test_kill_does_not_wait_for_a_logger(t):
    """Create is given up, and so is the logger: neither runs on."""
    path = logger(t, "exec sleep 1000000")
    c = t.sh("true")
    create = c.send_create(stdout=f"binary://{path}")
    check_prompt(lambda: c.send("Connect"), "Connect")
    c.kill(9)
    t.rpc_error("Create", create.result, 10)
    t.equal(c.bundle.calls("create"), [])
    for pid in procs.children(c.shim.pid):
        t.true(procs.wait_dead(pid), "the logger lives on")


def test_a_logger_that_is_not_there(t):
    c = t.sh("true")
    t.error(UNKNOWN, None, c.create, stdout="binary:///no/such/logger")
    t.equal(c.bundle.calls("create"), [])


@beyond_go
def test_a_logger_that_fails_to_get_ready(t):
    """With binary-v2 that is an error which says how it ended."""
    path = logger(t, "exit 42")
    c = t.sh("true")
    text = t.error(UNKNOWN, None, c.create, stdout=f"binary-v2://{path}")
    t.true("did not call ready" in text and "exit status 42" in text, text)
    t.equal(c.bundle.calls("create"), [])


def test_logger_of_an_exec(t):
    log = os.path.join(t.dir, "log")
    path = logger(t, f"trap '' TERM; echo $CONTAINER_ID >{log}; echo >&5\n"
                  f"exec 5>&-; cat <&3 >>{log}")
    c = t.container().run()
    for n in range(10):
        fields = c.exec_fields(f"e{n}", ["echo", f"hello {n}"])
        c.call("Exec", stdout=f"binary-v2://{path}", **fields)
        c.start(f"e{n}")
        t.equal(c.wait(f"e{n}")["exit_status"], 0)
        c.delete(f"e{n}")
        t.equal(read_text(log), f"e{n}\nhello {n}\n")
    t.equal(procs.zombies(c.shim.pid), [])


@beyond_go
def test_a_logger_that_dies(t):
    """The container goes on; what it writes is lost, and counted."""
    path = logger(t, "exec 5>&-; head -c 6 <&3 >/dev/null; exit 3")
    data = os.path.join(t.dir, "data")
    with open(data, "wb") as file:
        file.write(pattern(SIZE))
    c = t.sh(f"echo first; read x; cat {data}; echo end >&2",
             stdio=t.stdio(stdin=True))
    c.run(stdout=f"binary://{path}", stderr="")
    c.bundle.log.wait_for(b"has ended before its input: exit status 3")
    with c.stdio.open_stdin() as stdin:
        stdin.write(b"\n")
        t.equal(c.wait()["exit_status"], 0)
    c.delete()
    c.bundle.log.wait_for(b"%d bytes of output to" % SIZE)
    text = c.bundle.log.text()
    t.equal(text.count("has ended before its input"), 1, "told")
    t.equal(text.count("dropping output"), 2, "outages of the two streams")


@beyond_go
def test_a_logger_that_stops_reading(t):
    """It holds the container up for a bounded time, not for ever."""
    gate, log = os.path.join(t.dir, "gate"), os.path.join(t.dir, "log")
    written = os.path.join(t.dir, "written")
    os.mkfifo(gate)
    os.mkfifo(written)
    path = logger(t, f"trap '' TERM; exec 5>&-; read x <{gate}\n"
                  f"cat <&3 >{log}")
    data = os.path.join(t.dir, "data")
    with open(data, "wb") as file:
        file.write(pattern(SIZE))
    c = t.sh(f"cat {data}; echo >{written}")
    c.run(stdout=f"binary://{path}")
    check_prompt(lambda: c.send("State"), "State")
    with open(written, "rb") as file:
        file.read()
    with open(gate, "w", encoding="ascii") as file:
        file.write("go\n")
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    c.bundle.log.wait_for(b"nobody reads it, dropping output")
    c.bundle.log.wait_for(b"bytes of output to")
    with open(log, "rb") as file:
        got = file.read()
    t.true(pattern(SIZE).startswith(got[:65536]), "the first bytes differ")
    t.true(65536 <= len(got) < SIZE, f"{len(got)} bytes got through")


@beyond_go
@deadline(120)
def test_a_logger_that_never_ends(t):
    """Delete tells it to, but does not wait for it for ever; nor does it
    outlive SIGKILL."""
    path = logger(t, "trap '' TERM; exec 5>&-; while :; do sleep 0.1; done")
    c = t.sh("exit 5")
    c.run(stdout=f"binary://{path}")
    c.wait()
    delete = c.send("Delete")
    check_prompt(lambda: c.send("Connect"), "Connect during Delete")
    t.equal(delete.result(60)["exit_status"], 5)
    for pid in procs.children(c.shim.pid):
        t.true(procs.wait_dead(pid), "the logger lives on")


def terminal_to_a_logger(t):
    log = os.path.join(t.dir, "log")
    path = logger(t, f"trap '' TERM; exec 5>&-; cat <&3 >{log}.out\n"
                  f"cat <&4 >{log}.err")
    c = t.container(["sh", "-c", "test -t 1 && echo is a tty"], terminal=True)
    c.run(stdout=f"binary://{path}", stdin="", stderr="")
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    t.equal(read_text(log + ".out").strip(), "is a tty")
    t.equal(read_text(log + ".err"), "")


def test_logger_of_a_terminal(t):
    terminal_to_a_logger(t)


@deadline(120)
def test_logger_of_a_terminal_of_runc(t):
    t.use_runc()
    terminal_to_a_logger(t)


@deadline(120)
def test_logger_and_runc(t):
    t.use_runc()
    log = os.path.join(t.dir, "log")
    path = logger(t, f"trap '' TERM; exec 5>&-; cat <&3 >{log}")
    c = t.container(["sh", "-c", "echo hello; exit 7"])
    c.run(stdout=f"binary://{path}")
    t.equal(c.wait()["exit_status"], 7)
    t.equal(c.delete()["exit_status"], 7)
    t.equal(read_text(log), "hello\n")


def test_terminal(t):
    c = t.container(["sh", "-c", "test -t 0 && test -t 1 && echo is a tty; "
                     "read x; stty size"], terminal=True,
                    stdio=t.stdio(stdin=True, stderr=False)).run()
    c.stdio.out.wait_text(b"is a tty\r\n")
    c.call("ResizePty", width=123, height=45)
    stdin = c.stdio.open_stdin()
    stdin.write(b"\n")
    c.stdio.out.wait_text(b"45 123")
    t.equal(c.wait()["exit_status"], 0)
    c.stdio.out.wait_eof()
    t.true(c.state()["terminal"], "not told in State")
    c.delete()
    stdin.close()


def test_terminal_of_an_exec(t):
    c = t.container().run()
    stdio = c.exec_stdio("e", stdin=True, stderr=False)
    c.run_exec("e", ["sh", "-c", "tty; read x; stty size"], stdio,
               terminal=True)
    stdio.out.wait_text(b"/dev/pts/")
    c.call("ResizePty", exec_id="e", width=70, height=30)
    stdin = stdio.open_stdin()
    stdin.write(b"\n")
    stdio.out.wait_text(b"30 70")
    t.equal(c.wait("e")["exit_status"], 0)
    c.delete("e")
    stdin.close()


def broken_console(t, kind):
    c = t.container(terminal=True, stdio=t.stdio(stdin=True, stderr=False),
                    script=[f"create set console {kind}"])
    create = c.send_create()
    check_prompt(lambda: c.send("Connect"), "Connect")
    t.rpc_error(f"console {kind}", create.result, 60)
    c.bundle.script()
    c.shim.call("Connect", id=c.id)


@beyond_go
@deadline(120)
def test_console_without_a_descriptor(t):
    broken_console(t, "garbage")


@beyond_go
@deadline(120)
def test_console_that_says_nothing(t):
    """Go waits on accept without a limit; ours ends."""
    broken_console(t, "close")


@beyond_go
@deadline(120)
def test_console_that_never_connects(t):
    broken_console(t, "none")


@beyond_go
def test_console_with_two_descriptors(t):
    """Refused or one of them used; neither may stay open."""
    before = t.container(name="first").run()
    c = t.container(terminal=True, stdio=t.stdio(stdin=True, stderr=False),
                    script=["create set console two"])
    try:
        c.create()
        c.finish()
    except Exception as error:  # pylint: disable=broad-except
        t.equal(type(error).__name__, "RpcError", f"{error}")
    stray = [d for d in procs.fds(c.shim.pid).values() if "ptmx" in d]
    t.equal(stray, [], "terminals left open")
    t.equal(before.status(), RUNNING)
