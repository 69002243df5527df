# SPDX-License-Identifier: Apache-2.0
"""The life of a container, from Create to Shutdown."""

from chocktest import proto
from chocktest.container import CREATED, RUNNING, STOPPED


def test_whole_life(t):
    c = t.container(["sh", "-c", "exit 7"])
    c.create()
    t.equal(c.status(), CREATED)
    wait = c.send("Wait")
    t.equal(c.start(), c.pid, "pid of Start")
    waited = wait.result()
    t.equal(waited["exit_status"], 7)
    state = c.state()
    t.equal(state["status"], STOPPED)
    t.equal(state["exit_status"], 7)
    t.equal(state["exited_at"], waited["exited_at"])
    deleted = c.delete()
    t.equal(deleted, {"pid": c.pid, "exit_status": 7,
                      "exited_at": waited["exited_at"]})
    c.shutdown()
    t.equal(t.events_of(c), ["/tasks/create", "/tasks/start", "/tasks/exit",
                             "/tasks/delete"])
    c.shim.delete_command()
    t.check_clean()


def test_event_contents(t):
    stdio = t.stdio()
    c = t.sh("exit 3", stdio=stdio).run()
    waited = c.wait()
    c.delete()
    create = t.sink.wait_for(c.id, "/tasks/create")
    t.equal(create.pid, c.pid)
    t.equal(create.bundle, c.bundle.path)
    t.equal(create.io, {**stdio.fields(), "terminal": False})
    t.equal(t.sink.wait_for(c.id, "/tasks/start").pid, c.pid)
    gone = t.sink.wait_for(c.id, "/tasks/exit")
    t.equal((gone.id, gone.pid, gone.exit_status, gone.exited_at),
            (c.id, c.pid, 3, waited["exited_at"]))
    deleted = t.sink.wait_for(c.id, "/tasks/delete")
    t.equal((deleted.pid, deleted.exit_status, deleted.exited_at),
            (c.pid, 3, waited["exited_at"]))
    t.equal(create.type, "containerd.events.TaskCreate")


def test_state_fields(t):
    stdio = t.stdio(stdin=True)
    c = t.container(stdio=stdio).create()
    state = c.state()
    never = state.pop("exited_at")
    t.equal(proto.nanoseconds(never), proto.NEVER, "exited_at before the exit")
    t.equal(state, {"id": c.id, "bundle": c.bundle.path, "pid": c.pid,
                    "status": CREATED, "terminal": False, "exit_status": 0,
                    "exec_id": "", **stdio.fields()})
    c.start()
    t.equal(c.status(), RUNNING)
