# SPDX-License-Identifier: Apache-2.0
"""What has gone wrong in a sandbox is undone: once, and for good."""

from chocktest import gvisor, procs
from chocktest.gvisor import check_exit
from chocktest.runner import beyond_go
from chocktest.ttrpc import NOT_FOUND, RpcError


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
