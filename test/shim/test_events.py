# SPDX-License-Identifier: Apache-2.0
"""Events while containerd is ill or away.

The Go shim gives an event up after six tries, and lets later ones overtake it;
ours keeps the order and never loses one.
"""

from chocktest import procs
from chocktest.runner import beyond_go, deadline

LIFE = ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]


def live(t, name="c", code=3):
    """A container's whole life."""
    c = t.sh(f"exit {code}", name=name).run()
    c.wait()
    c.delete()
    return c


def check_life(t, *containers):
    for c in containers:
        t.sink.wait_for(c.id, "/tasks/delete", timeout=100)
        t.equal(t.events_of(c), LIFE)


@beyond_go
@deadline(120)
def test_sink_is_down_for_a_while(t):
    """Killed containerd: the socket is gone, then comes back."""
    t.sink.down()
    c = live(t)
    t.sink.up()
    check_life(t, c)


@beyond_go
@deadline(120)
def test_sink_goes_down_in_between(t):
    c = t.sh("read x; exit 4", stdio=t.stdio(stdin=True)).run()
    t.sink.wait_for(c.id, "/tasks/start")
    t.sink.down()
    with c.stdio.open_stdin() as stdin:
        stdin.write(b"\n")
    waited = c.wait()
    c.delete()
    t.sink.up()
    check_life(t, c)
    gone = t.sink.wait_for(c.id, "/tasks/exit")
    t.equal((gone.exit_status, gone.exited_at), (4, waited["exited_at"]))


@beyond_go
@deadline(120)
def test_sink_drops_every_connection(t):
    t.sink.set_mode("drop")
    c = live(t)
    t.sink.wait(lambda: t.sink.refused >= 3, "three tries")
    t.sink.set_mode("ok")
    check_life(t, c)


@beyond_go
@deadline(120)
def test_sink_answers_with_errors(t):
    t.sink.set_mode("fail")
    c = live(t)
    t.sink.wait(lambda: t.sink.refused >= 3, "three tries")
    t.sink.set_mode("ok")
    check_life(t, c)


@beyond_go
@deadline(120)
def test_sink_is_stopped(t):
    """Like a SIGSTOPped containerd: nothing is read, nothing is refused, and
    the shim goes on answering."""
    t.sink.set_mode("stall")
    containers = [live(t, name=f"c{n}") for n in range(3)]
    t.equal(t.sink.events, [])
    t.sink.set_mode("ok")
    check_life(t, *containers)


@beyond_go
@deadline(180)
def test_many_events_while_the_sink_is_down(t):
    """More than any small queue holds; every exit once, in order."""
    c = t.container().run()
    t.sink.wait_for(c.id, "/tasks/start")
    t.sink.down()
    for n in range(150):
        c.run_exec(f"e{n}", ["sh", "-c", f"exit {n % 256}"])
        c.wait(f"e{n}")
        c.delete(f"e{n}")
    for _ in range(30):
        c.call("Pause")
        c.call("Resume")
    c.finish()
    t.sink.up()
    t.sink.wait_for(c.id, "/tasks/delete", timeout=120)
    exits = t.sink.of(c.id, "/tasks/exit")
    t.equal([e.id for e in exits], [f"e{n}" for n in range(150)] + [c.id])
    t.equal([e.exit_status for e in exits],
            [n % 256 for n in range(150)] + [137])


@beyond_go
@deadline(120)
def test_shutdown_delivers_what_is_queued(t):
    t.sink.set_mode("stall")
    c = live(t)
    c.call("Shutdown")
    t.sink.set_mode("ok")
    check_life(t, c)
    c.shim.wait_gone()


@beyond_go
@deadline(180)
def test_shutdown_without_a_sink_ends(t):
    """Draining is bounded: with nobody there the shim still goes away."""
    t.configure("[events]\ndrain = 2s\n")
    t.sink.down()
    c = live(t)
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()


def test_one_group_one_order(t):
    """Many processes at once keep each their own order."""
    c = t.container(pid_namespace=False).run()
    for n in range(30):
        c.add_exec(f"e{n}", ["true"])
    starts = [c.send("Start", exec_id=f"e{n}") for n in range(30)]
    for start in starts:
        start.result()
    for n in range(30):
        c.wait(f"e{n}")
    t.sink.wait_for(c.id, "/tasks/exit", count=30)
    c.finish()
    t.sink.wait_for(c.id, "/tasks/delete")


def test_exit_of_a_stray_child_is_no_event(t):
    """Orphans fall to the shim, are reaped, and nobody is told."""
    c = t.sh("(sleep 0 &) ; (sh -c 'sleep 0 & exit 9' &) ; echo up; "
             "exec sleep 1000000", stdio=t.stdio()).run()
    c.stdio.out.wait_text(b"up")
    c.finish()
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal(t.events_of(c), LIFE)
    t.equal(procs.zombies(c.shim.pid), [], "zombies")
