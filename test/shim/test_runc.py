# SPDX-License-Identifier: Apache-2.0
"""The same with the real runc, where it is installed."""

from chocktest.runner import deadline
from chocktest.ttrpc import UNKNOWN


@deadline(120)
def test_whole_life(t):
    t.use_runc()
    c = t.container(["sh", "-c", "echo hello; exit 7"], stdio=t.stdio())
    c.run()
    t.equal(c.wait()["exit_status"], 7)
    t.equal(c.stdio.out.wait_eof(), b"hello\n")
    t.equal(c.delete()["exit_status"], 7)
    c.shutdown()
    c.shim.delete_command()
    t.equal(t.events_of(c), ["/tasks/create", "/tasks/start", "/tasks/exit",
                             "/tasks/delete"])
    t.check_clean()


@deadline(120)
def test_execs_and_pids(t):
    t.use_runc()
    c = t.container().run()
    pid = c.run_exec("e", ["sleep", "1000000"])
    t.equal(set(c.pids()), {c.pid, pid})
    for n in range(10):
        c.run_exec(f"x{n}", ["sh", "-c", f"exit {n}"])
        t.equal(c.wait(f"x{n}")["exit_status"], n)
        c.delete(f"x{n}")
    t.equal(c.finish()["exit_status"], 137)
    t.sink.wait_for(c.id, "/tasks/exit", count=12)


@deadline(120)
def test_pause_and_stats(t):
    t.use_runc()
    c = t.container().run()
    c.call("Pause")
    t.equal(c.status(), 4)
    c.call("Resume")
    t.true(c.call("Stats")["stats"]["value"], "no stats")
    c.finish()


@deadline(120)
def test_terminal_and_resize(t):
    t.use_runc()
    c = t.container(["sh", "-c", "echo up; read x; stty size"],
                    terminal=True,
                    stdio=t.stdio(stdin=True, stderr=False)).run()
    c.stdio.out.wait_text(b"up")
    c.call("ResizePty", width=91, height=19)
    stdin = c.stdio.open_stdin()
    stdin.write(b"\n")
    c.stdio.out.wait_text(b"19 91")
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    stdin.close()


@deadline(120)
def test_missing_program(t):
    t.use_runc()
    c = t.container(["/no/such/program"])
    text = t.error(UNKNOWN, None, c.create)
    t.true(text.startswith("OCI runtime create failed: "), text)
    t.true("no such file or directory" in text, text)
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()


@deadline(120)
def test_kill_the_shim(t):
    t.use_runc()
    c = t.container().run()
    c.shim.kill()
    c.shim.wait_gone()
    t.equal(c.shim.delete_command().response["exit_status"], 137)
