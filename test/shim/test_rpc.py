# SPDX-License-Identifier: Apache-2.0
"""What each RPC demands, with the exact codes and texts, state by state."""

import os

from chocktest import proto
from chocktest.container import (CREATED, PAUSED, PROCESS_TYPE, RESOURCES_TYPE,
                                 RUNNING, STOPPED)
from chocktest.runner import beyond_go
from chocktest.ttrpc import (ALREADY_EXISTS, FAILED_PRECONDITION, NOT_FOUND,
                             UNKNOWN, RpcError)

NO_CONTAINER = "container not created: not found"


def other_calls(c):
    """Every RPC on init but the ones that are always answered."""
    resources = proto.any_of(RESOURCES_TYPE, b"{}")
    spec = proto.any_of(PROCESS_TYPE, b'{"args":["true"],"cwd":"/"}')
    return {
        "Start": {}, "Delete": {}, "Pause": {}, "Resume": {}, "Pids": {},
        "Kill": {"signal": 9}, "State": {}, "Wait": {}, "Stats": {},
        "Checkpoint": {"path": c.host_path("image")},
        "Update": {"resources": resources},
        "Exec": {"exec_id": "new", "spec": spec},
        "ResizePty": {"width": 80, "height": 24}, "CloseIO": {"stdin": True},
    }


def check_refused(t, c, texts):
    calls = other_calls(c)
    for method, text in texts.items():
        t.error(UNKNOWN, text, c.call, method, **calls[method])


def test_created(t):
    c = t.container().create()
    check_refused(t, c, {
        "Pause": "cannot pause task in created state",
        "Resume": "cannot resume task in created state",
        "Checkpoint": "cannot checkpoint a task in created state",
    })
    t.equal(c.status(), CREATED)
    t.equal(t.events_of(c)[1:], [])


def test_running(t):
    c = t.container().run()
    check_refused(t, c, {
        "Start": "cannot start a running process",
        "Delete": "cannot delete a running process",
        "Resume": "cannot resume a running process",
    })
    t.equal(c.status(), RUNNING)


def test_paused(t):
    c = t.container().run()
    c.call("Pause")
    t.equal(c.status(), PAUSED)
    check_refused(t, c, {
        "Start": "cannot start a paused process",
        "Delete": "cannot delete a paused process",
        "Pause": "cannot pause a paused container",
        "Exec": "cannot exec in a paused state",
    })
    c.call("Resume")
    t.equal(c.status(), RUNNING)
    t.sink.wait_for(c.id, "/tasks/resumed")
    t.equal(t.events_of(c)[2:], ["/tasks/paused", "/tasks/resumed"])


def test_stopped(t):
    c = t.sh("exit 1").run()
    c.wait()
    check_refused(t, c, {
        "Start": "cannot start a stopped process",
        "Pause": "cannot pause a stopped container",
        "Resume": "cannot resume a stopped container",
        "Update": "cannot update a stopped container",
        "Checkpoint": "cannot checkpoint a stopped container",
        "Exec": "cannot exec in a stopped state",
    })
    t.error(NOT_FOUND, "process already finished: not found", c.kill)
    t.equal(c.wait()["exit_status"], 1, "Wait after the exit")
    t.equal(c.status(), STOPPED)


def test_deleted(t):
    c = t.sh("exit 1").run()
    c.wait()
    c.delete()
    for method, fields in other_calls(c).items():
        if method != "Delete":
            t.error(NOT_FOUND, NO_CONTAINER, c.call, method, **fields)


def test_unknown_container(t):
    c = t.container()
    for method, fields in other_calls(c).items():
        t.error(NOT_FOUND, NO_CONTAINER, c.call, method, **fields)


def test_connect_never_fails(t):
    c = t.container()
    answer = c.call("Connect")
    t.equal((answer["task_pid"], answer["version"]), (0, ""))
    c.run()
    answer = c.call("Connect")
    t.equal((answer["shim_pid"], answer["task_pid"]), (c.shim.pid, c.pid))


def test_unknown_exec(t):
    c = t.container().run()
    text = "process does not exist nobody: not found"
    for method, fields in {"State": {}, "Start": {}, "Delete": {},
                           "Kill": {"signal": 9}, "Wait": {},
                           "ResizePty": {"width": 1, "height": 1}}.items():
        t.error(NOT_FOUND, text, c.call, method, exec_id="nobody", **fields)
    # The Go shim forgets the code here: UNKNOWN.
    t.error(NOT_FOUND, text, c.call, "CloseIO", exec_id="nobody", stdin=True)


def test_exec_created(t):
    c = t.container().run()
    c.add_exec("e", ["sleep", "1000000"])
    state = c.state("e")
    t.equal((state["status"], state["pid"], state["id"], state["exec_id"]),
            (CREATED, 0, "e", ""))
    t.error(FAILED_PRECONDITION, "process not created: failed precondition",
            c.kill, 9, "e")
    c.call("ResizePty", exec_id="e", width=80, height=24)
    t.equal(c.delete("e")["exit_status"], 0)
    t.error(NOT_FOUND, None, c.state, "e")


def test_exec_running(t):
    c = t.container().run()
    pid = c.run_exec("e", ["sleep", "1000000"])
    state = c.state("e")
    t.equal((state["status"], state["pid"]), (RUNNING, pid))
    t.error(UNKNOWN, "cannot start a running process", c.start, "e")
    t.error(UNKNOWN, "cannot delete a running process", c.delete, "e")
    c.kill(9, "e")
    t.equal(c.wait("e")["exit_status"], 137)


def test_exec_stopped(t):
    c = t.container().run()
    pid = c.run_exec("e", ["sh", "-c", "exit 17"])
    waited = c.wait("e")
    t.equal(waited["exit_status"], 17)
    t.error(UNKNOWN, "cannot start a stopped process", c.start, "e")
    t.error(NOT_FOUND, "process already finished: not found", c.kill, 9, "e")
    t.error(UNKNOWN, "cannot resize a stopped container", c.call, "ResizePty",
            exec_id="e", width=1, height=1)
    t.equal(c.delete("e"), {"pid": pid, "exit_status": 17,
                            "exited_at": waited["exited_at"]})


def test_exec_twice(t):
    c = t.container().run()
    c.add_exec("e", ["true"])
    t.error(ALREADY_EXISTS, "id e: already exists", c.add_exec, "e", ["true"])
    c.delete("e")
    c.run_exec("f", ["true"])
    c.wait("f")


def test_exec_in_a_created_container(t):
    c = t.container().create()
    c.add_exec("e", ["true"])
    t.equal(c.state("e")["status"], CREATED)


def test_exec_with_a_bad_spec(t):
    c = t.container().run()
    for n, value in enumerate((b"", b"{", b"[]", b"\xff\xfe", b'{"args":7}')):
        try:
            c.call("Exec", exec_id=f"bad{n}",
                   spec=proto.any_of(PROCESS_TYPE, value))
        except RpcError:
            pass
    t.equal(c.status(), RUNNING)


@beyond_go
def test_create_twice(t):
    """The Go shim overwrites its own entry; ours leaves the first alone."""
    c = t.container().run()
    t.error(ALREADY_EXISTS, None, c.send_create().result)
    t.equal(c.status(), RUNNING)
    t.equal(c.state()["pid"], c.pid)
    t.equal(c.finish()["exit_status"], 137)


@beyond_go
def test_create_with_foreign_options(t):
    """The Go shim panics on a registered foreign type; ours fails the call."""
    c = t.container()
    for name in ("example.com/Nonsense", "containerd.task.v2.CreateTaskRequest",
                 "containerd.runc.v1.CheckpointOptions"):
        t.rpc_error(name, c.create,
                    options=proto.any_of(name, b"\x0a\x01x"))
    c.run()
    t.equal(c.status(), RUNNING)


def test_create_with_broken_options(t):
    c = t.container()
    broken = proto.any_of("containerd.runc.v1.Options", b"\xff\xff\xff")
    t.rpc_error("broken options", c.create, options=broken)


def test_create_without_a_namespace(t):
    """Go's server falls back on its own; a refusal has this one text."""
    c = t.container()
    payload = proto.encode("CreateRequest",
                           {"id": c.id, **c.create_fields()})
    call = c.shim.client.send(c.shim.service, "Create", payload,
                              "CreateResponse", metadata=[])
    try:
        call.result()
    except RpcError as error:
        t.equal((error.code, error.message),
                (FAILED_PRECONDITION,
                 "create namespace: namespace is required: "
                 "failed precondition"))
        t.equal(c.bundle.calls(), [])


def test_kill_sends_the_signal(t):
    c = t.sh("trap 'exit 33' USR1; echo up; while :; do sleep 0.05; done",
             stdio=t.stdio()).run()
    c.stdio.out.wait_text(b"up")
    c.kill(10)
    t.equal(c.wait()["exit_status"], 33)


def test_kill_zero_and_a_bad_signal(t):
    c = t.container().run()
    c.kill(0)
    t.error(UNKNOWN, None, c.kill, 250)
    t.equal(c.status(), RUNNING)


def test_kill_a_created_container(t):
    c = t.container().create()
    wait = c.send("Wait")
    c.kill(9)
    t.equal(wait.result()["exit_status"], 137)
    t.equal(c.delete()["exit_status"], 137)


def test_kill_all(t):
    c = t.container().run()
    c.run_exec("e", ["sleep", "1000000"])
    c.kill(9, all_processes=True)
    t.equal(c.wait("e")["exit_status"], 137)
    t.equal(c.wait()["exit_status"], 137)


def test_signal_statuses(t):
    for signal in (1, 6, 9, 11, 15):
        c = t.container(name=f"s{signal}").run()
        c.kill(signal)
        t.equal(c.wait()["exit_status"], 128 + signal)


def test_delete_a_created_container(t):
    c = t.container().create()
    c.delete()
    t.sink.wait_for(c.id, "/tasks/delete")
    t.error(NOT_FOUND, NO_CONTAINER, c.state)


@beyond_go
def test_delete_a_created_container_answers_its_wait(t):
    """Every request gets its reply; the Go shim forgets this one."""
    c = t.container().create()
    wait = c.send("Wait")
    c.delete()
    t.true(wait.done.wait(30), "Wait is never answered")


def test_pids(t):
    c = t.container().run()
    pid = c.run_exec("e", ["sleep", "1000000"])
    processes = c.call("Pids")["processes"]
    infos = {p["pid"]: p["info"] for p in processes}
    t.equal(set(infos), {c.pid, pid})
    t.equal(infos[c.pid], None)
    t.equal(infos[pid]["type_url"], "containerd.runc.v1.ProcessDetails")
    details = proto.decode("ProcessDetails", infos[pid]["value"])
    t.equal(details["exec_id"], "e")


@beyond_go
def test_pids_of_the_dead(t):
    """A task without any process would be a leak to a containerd that starts."""
    c = t.container().run()
    c.kill()
    c.wait()
    t.equal(c.pids(), [c.pid])


def test_update_reaches_the_runtime(t):
    c = t.container().run()
    resources = b'{"memory":{"limit":67108864}}'
    c.call("Update", resources=proto.any_of(RESOURCES_TYPE, resources))
    with open(c.bundle.file("fake.update"), "rb") as file:
        t.equal(file.read().strip(), resources)


def test_stats(t):
    c = t.container().run()
    stats = c.call("Stats")["stats"]
    t.true(stats["type_url"] in ("io.containerd.cgroups.v1.Metrics",
                                 "io.containerd.cgroups.v2.Metrics"),
           f"{stats}")
    t.true(stats["value"], "empty stats")


def test_pause_then_kill(t):
    c = t.container().run()
    c.call("Pause")
    c.kill(9)
    t.equal(c.wait()["exit_status"], 137)
    t.equal(c.delete()["exit_status"], 137)


def test_harmless_calls_without_stdio(t):
    c = t.container().run()
    c.call("CloseIO", stdin=True)
    c.call("CloseIO", stdin=True)
    c.call("ResizePty", width=80, height=24)


def test_shutdown_with_a_container_is_no_shutdown(t):
    c = t.container().run()
    c.call("Shutdown")
    c.call("Shutdown", now=True)
    t.equal(c.status(), RUNNING)


def test_many_waits(t):
    c = t.container().run()
    waits = [c.send("Wait") for _ in range(50)]
    c.kill(15)
    t.equal({w.result()["exit_status"] for w in waits}, {143})


def test_checkpoint(t):
    c = t.container().run()
    options = proto.any_of("containerd.runc.v1.CheckpointOptions", b"")
    c.call("Checkpoint", path=c.host_path("image"), options=options)
    t.true("--leave-running" in c.bundle.calls("checkpoint")[0], "flags")
    t.equal(c.status(), RUNNING)


def checkpoint_options(**fields):
    return proto.any_of("containerd.runc.v1.CheckpointOptions",
                        proto.encode("CheckpointOptions", fields))


def test_checkpoint_flags(t):
    """All of them, in the order of the Go shim's."""
    c = t.container().run()
    c.call("Checkpoint", path="/image", options=checkpoint_options(
        exit=True, open_tcp=True, external_unix_sockets=True, terminal=True,
        file_locks=True, empty_namespaces=["network", "ipc"],
        work_path=c.host_path("work"), parent_path="../p"))
    call = c.bundle.calls("checkpoint")[0]
    t.true(call.endswith(
        f"checkpoint --image-path /image --work-path {c.host_path('work')}"
        " --parent-path ../p --tcp-established --ext-unix-sk --shell-job"
        f" --file-locks --empty-ns network --empty-ns ipc {c.id}"), call)
    t.true(os.path.isdir(c.host_path("work")), "the caller's own is left")


def test_checkpoint_options_of_1_x(t):
    """containerd.linux.runc: the two paths have each other's numbers."""
    c = t.container().run()
    work = c.host_path("work")
    value = proto.encode("LinuxCheckpointOptions",
                         {"exit": True, "work_path": work, "image_path": "/i"})
    c.call("Checkpoint", path="/image", options=proto.any_of(
        "containerd.linux.runc.CheckpointOptions", value))
    call = c.bundle.calls("checkpoint")[0]
    t.true(f"--image-path /image --work-path {work} {c.id}" in call, call)


def test_checkpoint_leaves_no_work(t):
    c = t.container().run()
    c.call("Checkpoint", path="/image", options=checkpoint_options())
    work = c.bundle.file("work/criu-work")
    t.true(f"--work-path {work} --leave-running" in
           c.bundle.calls("checkpoint")[0], c.bundle.calls("checkpoint"))
    t.true(not os.path.exists(work), "it is left")
    t.true(not os.path.exists(c.bundle.file("criu-dump.log")), "a log")


def test_failed_checkpoint(t):
    """The first line of what the runtime said, and where CRIU's log is."""
    c = t.container(script=["checkpoint before barrier b",
                            "checkpoint before print criu failed: type NOTIFY",
                            "checkpoint before print log file: dump.log",
                            "checkpoint before exit 1"])
    barrier = c.bundle.barrier("b")
    c.run()
    result = c.send("Checkpoint", path="/image", options=checkpoint_options())
    barrier.wait_reached()
    work = c.bundle.file("work/criu-work")
    with open(f"{work}/dump.log", "w", encoding="ascii") as file:
        file.write("Error (criu/x.c:1): no\n")
    barrier.go()
    kept = c.bundle.file("criu-dump.log")
    t.error(UNKNOWN, f"{t.runtime} did not terminate successfully: exit status"
            f" 1: criu failed: type NOTIFY path= {kept}", result.result)
    with open(kept, encoding="ascii") as file:
        t.equal(file.read(), "Error (criu/x.c:1): no\n")
    t.true(not os.path.exists(work), "work is left")
    t.equal(c.status(), RUNNING)


def test_failed_checkpoint_without_a_log(t):
    c = t.container(script=["checkpoint before exit 3"]).run()
    t.error(UNKNOWN, f"{t.runtime} did not terminate successfully: exit status"
            f" 3 path= {c.bundle.file('criu-dump.log')}", c.call,
            "Checkpoint", path="/image", options=checkpoint_options())
    t.equal(c.status(), RUNNING)


def test_restore(t):
    c = t.container()
    c.create(checkpoint=c.host_path("image"))
    t.equal((c.pid, c.status()), (0, CREATED))
    t.error(UNKNOWN, "cannot exec in a created state", c.add_exec, "e",
            ["true"])
    pid = c.start()
    t.true(pid > 0, "no pid")
    t.equal(c.status(), RUNNING)
    t.equal(len(c.bundle.calls("restore")), 1)
    call = c.bundle.calls("restore")[0]
    t.true(call.endswith(
        f"restore --image-path {c.host_path('image')} --work-path"
        f" {c.bundle.file('work')} --detach --pid-file"
        f" {c.bundle.file('init.pid')} -no-subreaper --bundle {c.bundle.path}"
        f" {c.id}"), call)
    t.equal(c.finish()["exit_status"], 137)
    t.sink.wait_for(c.id, "/tasks/delete")
    t.equal(t.sink.wait_for(c.id, "/tasks/start").pid, pid)
    t.equal(t.sink.wait_for(c.id, "/tasks/exit").pid, pid)


@beyond_go
def test_deleted_before_its_restore(t):
    """Who waits is told what Delete tells: that nothing ran."""
    c = t.container()
    c.create(checkpoint="/image")
    wait = c.send("Wait")
    c.state()
    deleted = c.delete()
    answer = wait.result(30)
    t.equal((deleted["pid"], deleted["exit_status"]), (0, 255))
    t.true(proto.nanoseconds(deleted["exited_at"]) > 0, "no time of exit")
    t.equal(answer, {"exit_status": 255, "exited_at": deleted["exited_at"]})


def test_restore_flags(t):
    """The parent is the request's, the rest are the task's options."""
    c = t.container()
    c.create(checkpoint="/image", parent_checkpoint="/parent",
             options=t.options(criu_work_path="/w", no_pivot_root=True))
    c.start()
    call = c.bundle.calls("restore")[0]
    t.true(call.endswith(
        "restore --image-path /image --work-path /w --parent-path /parent"
        f" --detach --pid-file {c.bundle.file('init.pid')} --no-pivot"
        f" -no-subreaper --bundle {c.bundle.path} {c.id}"), call)
    c.finish()


def test_failed_restore(t):
    c = t.container(script=["restore before fail 1 criu failed"])
    c.create(checkpoint="/image")
    t.error(UNKNOWN, "OCI runtime restore failed: criu failed", c.start)
    t.equal((c.status(), c.state()["pid"]), (CREATED, 0))
    c.bundle.script()
    t.true(c.start() > 0, "a second time")
    c.finish()
