# SPDX-License-Identifier: Apache-2.0
"""chock.conf: what its keys do to a shim."""

import os
import shutil
import signal
import time
from concurrent import futures

from chocktest import proto, ttrpc
from chocktest.container import RUNNING, Container
from chocktest.context import Skip
from chocktest.measure import is_sanitized


def test_mistake_fails_the_start(t):
    path = t.configure("[log]\nlevel = info\n\n[runtime]\nrot = /x\n")
    bundle = t.bundle()
    result = t.launcher().start(bundle)
    t.equal(result.code, 1)
    t.true(f"{path}:5: unknown key rot in section [runtime]".encode()
           in result.out, result.out)
    t.check_clean()


def crash(c):
    c.shim.kill(signal.SIGKILL)
    c.shim.wait_gone()


def test_mistake_does_not_fail_delete(t):
    """Whoever broke the file still gets rid of the containers."""
    c = t.container().run()
    path = t.configure("[nothing]\nat = all\n")
    crash(c)
    result = c.shim.delete_command()
    t.equal(result.code, 0, result)
    t.true(f"{path}:1: unknown section [nothing], using defaults"
           in result.err, result)
    t.equal(result.response["exit_status"], 137)
    t.check_clean()


def test_delete_without_memory_for_defaults(t):
    """It says so, and another one does what this one did not."""
    if is_sanitized(t.shim_path):
        raise Skip("a sanitizer must be loaded first")
    c = t.container().run()
    crash(c)
    t.extra_env = {
        "LD_PRELOAD": os.path.join(t.config.preload, "no-copy.so"),
        "NO_COPY_OF": "/var/lib/chock/recordings"}
    result = c.shim.delete_command()
    t.equal(result.code, 1, result)
    t.equal(result.out, b"")
    t.true("read configuration: Cannot allocate memory" in
           result.err.splitlines()[-1], result)
    t.extra_env = {}
    t.equal(c.shim.delete_command().response["exit_status"], 137)
    t.check_clean()


def test_delete_without_options(t):
    """Nobody can read what the request said: the file is left, and the name."""
    t.configure(f"[runtime]\nbinary = {t.runtime}\n"
                f"root = {os.path.join(t.dir, 'elsewhere')}\n")
    for name, text in (("broken", "{"), ("none", None)):
        bundle = t.bundle(name=name)
        c = Container(t, t.shim(bundle), bundle)
        c.shim.call("Create", id=c.id, bundle=bundle.path)
        crash(c)
        os.unlink(bundle.file("options.json"))
        if text:
            with open(bundle.file("options.json"), "w",
                      encoding="utf-8") as file:
                file.write(text)
        result = c.shim.delete_command()
        t.equal(result.code, 0, result)
        t.equal("options.json is not JSON, using defaults" in result.err,
                text is not None, result)
        t.true("failed" not in result.err, result)
        t.equal(len(bundle.calls("delete")), 1, "deletes")
        t.equal(os.listdir(f"{t.dir}/elsewhere/{t.namespace}"), [])
    t.check_clean()


def test_default_runtime_and_root(t):
    """What the request does not say."""
    root = os.path.join(t.dir, "elsewhere")
    t.configure(f"[runtime]\nbinary = {t.runtime}\nroot = {root}\n")
    bundle = t.bundle()
    c = Container(t, t.shim(bundle), bundle)
    c.shim.call("Create", id=c.id, bundle=bundle.path)
    t.true(os.path.isdir(f"{root}/{t.namespace}"), "root is elsewhere")
    with open(bundle.file("runtime"), encoding="utf-8") as file:
        t.equal(file.read(), t.runtime)
    c.shim.call("Kill", id=c.id, signal=9)
    c.shim.call("Wait", id=c.id)
    c.shim.call("Delete", id=c.id)
    c.shutdown()
    t.check_clean()


def test_the_request_wins(t):
    """Over what the file says of the same."""
    root = os.path.join(t.dir, "elsewhere")
    t.configure(f"[runtime]\nbinary = /nowhere/runc\nroot = {root}\n")
    c = t.container().run()
    t.equal(c.status(), RUNNING)
    t.true(not os.path.exists(root), "the file's root")
    t.true(os.path.isdir(f"{t.dir}/root/{t.namespace}"), "the request's root")
    c.finish()
    c.shutdown()
    t.check_clean()


def test_runtime_timeout(t):
    t.configure("[runtime]\ntimeout = 1s\n")
    c = t.container(script=["update before hang"]).run()
    t.error(ttrpc.DEADLINE_EXCEEDED, f"{t.runtime} did not terminate "
            "successfully: signal: killed: context deadline exceeded",
            c.call, "Update", resources=proto.any_of("x", b"{}"))
    c.finish()
    c.shutdown()
    t.check_clean()


def test_events_queue(t):
    """Of more than that what says nothing in the end is dropped."""
    t.configure("[events]\nqueue = 2\n")
    t.sink.down()
    c = t.container().run()
    for _ in range(3):
        c.call("Pause")
        c.call("Resume")
    c.finish()
    t.sink.up()
    t.sink.wait_for(c.id, "/tasks/delete", timeout=100)
    t.equal(t.events_of(c), [f"/tasks/{topic}" for topic in
                             ("create", "start", "exit", "delete")])


def test_events_drain(t):
    """Nobody takes them, so it ends with some left."""
    t.configure("[events]\ndrain = 0\n")
    t.sink.down()
    c = t.container().run()
    c.finish()
    begin = time.monotonic()
    c.shutdown()
    t.true(time.monotonic() - begin < 5, "waited for containerd")


def test_log_level(t):
    t.configure("[log]\nlevel = debug\n")
    c = t.container().run()
    c.finish()
    c.shutdown()
    t.true("level=debug" in c.bundle.log.text(), "no debug line in the log")
    c.shim.delete_command()
    t.check_clean()


def test_recorder_size(t):
    t.configure("[recorder]\nsize = 64K\n")
    c = t.container().run()
    t.equal(os.path.getsize(c.bundle.file("flight.rec")), 64 << 10)
    c.finish()
    c.shutdown()


def test_output_drain(t):
    """A child that keeps the output open holds Delete up for so long."""
    t.configure("[output]\ndrain = 0\n")
    stdio = t.stdio()
    c = t.sh("sleep 1000 & exit 0", stdio=stdio).run()
    c.shim.call("Wait", id=c.id)
    begin = time.monotonic()
    c.shim.call("Delete", id=c.id)
    t.true(time.monotonic() - begin < 5, "waited for its output")
    c.shutdown()


def keep(t, policy):
    """Recordings that are there after a container's whole life."""
    kept = os.path.join(t.dir, "kept")
    t.configure(f"[recorder]\nkeep = {policy}\ndirectory = {kept}\n")
    c = t.container().run()
    c.finish()
    c.shutdown()
    c.shim.delete_command()
    names = os.listdir(kept) if os.path.isdir(kept) else []
    shutil.rmtree(kept, ignore_errors=True)
    return names


def test_recordings_are_kept_always(t):
    t.equal(len(keep(t, "always")), 1)


def test_recordings_are_kept_of_failures(t):
    t.equal(keep(t, "failed"), [])


def hang_up(t):
    for client in t.clients:
        client.close()
    t.clients.clear()


def test_recordings_are_kept_never(t):
    t.equal(keep_after_a_crash(t, "never"), 0)


def test_recordings_of_a_crash_are_kept(t):
    t.equal(keep_after_a_crash(t, "failed"), 1)


def keep_after_a_crash(t, policy):
    kept = os.path.join(t.dir, "kept")
    t.configure(f"[recorder]\nkeep = {policy}\ndirectory = {kept}\n")
    c = t.container().run()
    crash(c)
    c.shim.delete_command()
    return len(os.listdir(kept)) if os.path.isdir(kept) else 0


def test_recorder_files(t):
    """So many are kept; the oldest makes room."""
    kept = os.path.join(t.dir, "kept")
    t.configure(f"[recorder]\nfiles = 2\ndirectory = {kept}\n")
    ids = []
    for name in ("a", "b", "c"):
        c = t.container(name=name).run()
        crash(c)
        c.shim.delete_command()
        ids.append(c.id)
    names = sorted(os.listdir(kept))
    t.equal(len(names), 2, names)
    t.true(ids[1] in names[0] and ids[2] in names[1], names)


def test_idle_does_not_cut_delete_short(t):
    """`delete` has no connection either, and no container."""
    c = t.container(script=["delete before barrier b"])
    barrier = c.bundle.barrier("b")
    c.run()
    crash(c)
    t.configure("[shim]\nidle = 1ms\n")
    with futures.ThreadPoolExecutor(1) as pool:
        result = pool.submit(c.shim.delete_command)
        barrier.wait_reached()
        time.sleep(0.2)  # what must not happen would have by now
        barrier.go()
        t.equal(result.result(30).code, 0)
    t.check_clean()


def test_idle_shim_ends(t):
    """Nobody connected, no container: it ends, and its socket goes."""
    t.configure("[shim]\nidle = 2s\n")
    c = t.container().run()
    c.finish()
    path = c.shim.path
    hang_up(t)
    c.shim.wait_gone()
    t.true(not os.path.exists(path), "its socket is left")


def test_idle_shim_that_is_needed_stays(t):
    """A container keeps it, and so does a connection."""
    t.configure("[shim]\nidle = 1s\n")
    c = t.container().run()
    hang_up(t)
    time.sleep(2)  # what must not happen takes this long
    c.shim.client = c.shim.connect()
    c.finish()
    time.sleep(2)
    t.equal(c.shim.call("Connect", id="x")["shim_pid"], c.shim.pid)
    hang_up(t)
    c.shim.wait_gone()


def test_idle_shim_that_was_never_used(t):
    """containerd died between start and Create."""
    t.configure("[shim]\nidle = 2s\n")
    bundle = t.bundle()
    shim = t.shim(bundle)
    hang_up(t)
    shim.wait_gone()
    t.true(not os.path.exists(shim.path), "its socket is left")
    # The next one of that name starts as if there had been none.
    again = t.shim(bundle)
    t.true(again.pid != shim.pid, "the same process")
    try:
        again.call("State", id=bundle.id)
    except ttrpc.RpcError as error:
        t.equal(error.code, 5)
    again.call("Shutdown", id=bundle.id, timeout=10)
