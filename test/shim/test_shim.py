# SPDX-License-Identifier: Apache-2.0
"""The shim process itself: its end, its log, its appetite."""

import os
import re
import resource
import signal

from chocktest import procs
from chocktest.container import Container
from chocktest.measure import is_sanitized
from chocktest.runner import beyond_go, deadline

LINE = re.compile(
    r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)" '
    r"level=(debug|info|warning|error|fatal|panic) "
    r'msg=("(\\.|[^"\\])*"|\S+)'
    r'( [\w.-]+=("(\\.|[^"\\])*"|\S*))*')


def test_sigterm_leaves_containers_running(t):
    """The socket is unlinked, the container lives on."""
    c = t.container().run()
    c.shim.kill(signal.SIGTERM)
    c.shim.wait_gone()
    t.true(procs.alive(c.pid), "the container was killed")
    t.true(not os.path.exists(c.shim.path), "the socket is left")
    t.equal(c.shim.delete_command().code, 0)
    t.true(procs.wait_dead(c.pid), "delete did not kill it")


def test_sigint_is_the_same(t):
    c = t.container().run()
    c.shim.kill(signal.SIGINT)
    c.shim.wait_gone()
    t.true(procs.alive(c.pid), "the container was killed")


def test_harmless_signals(t):
    c = t.container().run()
    for number in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGCHLD):
        c.shim.kill(number)
    t.equal(c.call("Connect")["shim_pid"], c.shim.pid)


def test_shutdown_ends_it_all(t):
    c = t.container()
    c.shutdown()
    t.true(not os.path.exists(c.shim.path), "the socket is left")
    c.shim.delete_command()
    t.check_clean()


def test_a_killed_shim_leaves_its_container_to_delete(t):
    c = t.container().run()
    c.run_exec("e", ["sleep", "1000000"])
    c.shim.kill()
    c.shim.wait_gone()
    c.shim.delete_command()
    t.equal(procs.marked(t.token), {}, "processes left")


def log_lines(t, c):
    text = c.bundle.log.text()
    t.true(text.endswith("\n"), f"a torn line: {text[-80:]!r}")
    return text.splitlines()


def test_log_lines(t):
    """logrus text, one line for each entry, whatever ids look like."""
    bundle = t.bundle(script=["exec:e before fail 1 \"quoted\" \\ text"])
    shim = t.shim(bundle, debug=True)
    c = Container(t, shim, bundle).run()
    c.add_exec("e", ["true"])
    t.rpc_error("exec", c.start, "e")
    c.finish()
    c.shutdown()
    lines = log_lines(t, c)
    t.true(lines, "no line at debug level")
    for line in lines:
        t.true(LINE.fullmatch(line), f"no logrus line: {line!r}")


def test_log_without_a_reader(t):
    """While containerd is down nobody reads; writes fail and nothing else."""
    c = t.container().run()
    os.close(c.bundle.log.fd)
    for n in range(30):
        c.run_exec(f"e{n}", ["true"])
        c.wait(f"e{n}")
    c.finish()


@beyond_go
def test_quiet_when_idle(t):
    """It must not wake without a reason (the Go runtime does)."""
    c = t.container().run()
    c.call("State")
    before = procs.status_field(c.shim.pid, "voluntary_ctxt_switches")
    t.equal(procs.status_field(c.shim.pid, "Threads"), "1")
    t.true(not procs.wait_dead(c.shim.pid, 2), "it ended")
    after = procs.status_field(c.shim.pid, "voluntary_ctxt_switches")
    t.true(int(after) - int(before) <= 4, f"woke {before} -> {after}")


def churn(t, c, first, count):
    for n in range(first, first + count):
        stdio = c.exec_stdio(f"e{n}")
        c.run_exec(f"e{n}", ["sh", "-c", "echo x"], stdio)
        c.wait(f"e{n}")
        stdio.out.wait_eof()
        c.delete(f"e{n}")
        for path in filter(None, stdio.paths.values()):
            os.unlink(path)


@deadline(240)
def test_no_growth_over_300_execs(t):
    c = t.container().run()
    churn(t, c, 0, 50)
    fds = sorted(procs.fds(c.shim.pid).values())
    files = sorted(os.listdir(c.bundle.path))
    memory = procs.private_kib(c.shim.pid)
    churn(t, c, 50, 300)
    if not t.config.reference:
        t.equal(len(procs.fds(c.shim.pid)), len(fds),
                f"fds, first {fds}, then {procs.fds(c.shim.pid)}")
        if not is_sanitized(t.shim_path):
            grown = procs.private_kib(c.shim.pid) - memory
            t.true(grown <= 64, f"{grown} KiB more private memory")
    t.equal(sorted(os.listdir(c.bundle.path)), files, "files in the bundle")
    t.equal(procs.zombies(c.shim.pid), [], "zombies")


@beyond_go
@deadline(240)
def test_storm_of_200_execs(t):
    """The Go shim of 1.6 starts one at a time, and takes minutes."""
    c = t.container().run()
    ids = [f"e{n}" for n in range(200)]
    for n, name in enumerate(ids):
        c.add_exec(name, ["sh", "-c", f"exit {n}"])
    starts = [c.send("Start", exec_id=name) for name in ids]
    waits = [c.send("Wait", exec_id=name) for name in ids]
    for start in starts:
        start.result(200)
    for n, wait in enumerate(waits):
        t.equal(wait.result(200)["exit_status"], n)
    for call in [c.send("Delete", exec_id=name) for name in ids]:
        call.result()
    t.sink.wait_for(c.id, "/tasks/exit", count=200)
    t.equal(procs.zombies(c.shim.pid), [], "zombies")
    c.finish()


@beyond_go
@deadline(240)
def test_init_is_killed_in_an_exec_storm(t):
    """Some execs start, some are refused, some die; every call is answered and
    the end is told once, last."""
    c = t.container(pid_namespace=False).run()
    ids = [f"e{n}" for n in range(60)]
    for name in ids:
        c.add_exec(name, ["sleep", "1000000"])
    starts = [c.send("Start", exec_id=name) for name in ids]
    starts[20].done.wait(100)
    c.kill(9)
    for start in starts:
        t.true(start.done.wait(200), "a Start is not answered")
    t.equal(c.wait(timeout=100)["exit_status"], 137)
    t.sink.wait_for(c.id, "/tasks/exit", exec_id=c.id)
    c.delete()
    t.sink.wait_for(c.id, "/tasks/delete")


@beyond_go
@deadline(240)
def test_thousand_orphans(t):
    """Double-forked children that all fall to the shim are all reaped."""
    c = t.sh("for i in $(seq 1000); do (sleep 0 &); done; echo done; "
             "exec sleep 1000000", stdio=t.stdio()).run()
    c.stdio.out.wait_text(b"done", timeout=200)
    c.finish()
    t.equal(procs.zombies(c.shim.pid), [], "zombies")


def test_pid_reuse_is_no_danger(t):
    """A dead process is not signalled again, whatever has its pid now."""
    c = t.container().run()
    c.run_exec("e", ["true"])
    c.wait("e")
    t.rpc_error("Kill of a dead exec", c.kill, 9, "e")
    c.kill(9)
    c.wait()
    t.rpc_error("Kill of a dead init", c.kill, 9)


@beyond_go
def test_fd_limit(t):
    """With its descriptors used up, calls fail and the shim lives."""
    c = t.container().run()
    limits = resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE)
    few = len(procs.fds(c.shim.pid)) + 4
    resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE, (few, limits[1]))
    c.add_exec("e", ["true"], c.exec_stdio("e"))
    t.rpc_error("exec without descriptors", c.start, "e")
    t.equal(c.status(), 2)
    resource.prlimit(c.shim.pid, resource.RLIMIT_NOFILE, limits)
    c.run_exec("f", ["true"], c.exec_stdio("f"))
    t.equal(c.wait("f")["exit_status"], 0)
    c.finish()
