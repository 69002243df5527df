# SPDX-License-Identifier: Apache-2.0
"""A runtime that hangs, dies or talks nonsense.

The Go shim holds a lock over each runtime command, so State and Kill of the
container wait for it; ours answers them at once.
"""

import os
import re
import signal
import subprocess
import time

from chocktest import procs, proto
from chocktest.bundle import open_gate, read_text
from chocktest.container import RUNNING, STOPPED, Container
from chocktest.context import Skip
from chocktest.measure import check_prompt, is_sanitized
from chocktest.runner import beyond_go
from chocktest.ttrpc import NOT_FOUND, UNKNOWN

KEY = "io.containerd.runc.v2.group"


def neighbour(t, c):
    """A running container in the same shim."""
    bundle = t.bundle(name="neighbour", annotations={KEY: "g"})
    shim = t.shim(bundle)
    t.equal(shim.pid, c.shim.pid)
    return Container(t, shim, bundle).run()


def grouped(t, *script, args=("sleep", "1000000")):
    c = t.container(list(args), annotations={KEY: "g"}, script=list(script))
    return c, neighbour(t, c)


def check_responsive(c, other):
    """The RPCs that must never wait, on the stuck one and on its neighbour."""
    check_prompt(lambda: c.send("State"), "State")
    check_prompt(lambda: c.send("Connect"), "Connect")
    check_prompt(lambda: c.send("Pids"), "Pids")
    check_prompt(lambda: other.send("State"), "State of the neighbour")
    check_prompt(lambda: other.send("Stats"), "Stats of the neighbour")
    check_prompt(lambda: other.send("Kill", signal=0), "Kill of the neighbour")


def runtime_pid(t, verb):
    """The fake runtime process that runs a verb right now."""
    found = [pid for pid, line in procs.marked(t.token).items()
             if line.split()[0].endswith("fake-runtime")
             and f" {verb} " in line]
    t.equal(len(found), 1, f"runtimes in {verb}")
    return found[0]


@beyond_go
def test_create_for_nobody(t):
    """containerd is gone in the middle of a create: a shim without another
    container ends, for containerd 1.6 would keep it for ever."""
    c = t.container(script=["create before barrier b", "create before hang"])
    barrier = c.bundle.barrier("b")
    c.send_create()
    barrier.wait_reached()
    barrier.go()
    c.shim.client.close()
    c.shim.wait_gone()


@beyond_go
def test_create_for_nobody_with_a_process(t):
    """The same, when the runtime has named the process already."""
    c = t.container(script=["create after barrier b", "create after hang"])
    barrier = c.bundle.barrier("b")
    c.send_create()
    barrier.wait_reached()
    barrier.go()
    c.shim.client.close()
    c.shim.wait_gone()


@beyond_go
def test_create_for_nobody_beside_others(t):
    c, other = grouped(t, "create before barrier b", "create before hang")
    barrier = c.bundle.barrier("b")
    c.send_create()
    barrier.wait_reached()
    barrier.go()
    c.shim.client.close()
    # Answered once the create has been undone.
    c.shim.call("Delete", client=other.shim.client, id=c.id)
    t.equal(other.status(), RUNNING)


@beyond_go
def test_create_hangs(t):
    c, other = grouped(t, "create before barrier b", "create before hang")
    barrier = c.bundle.barrier("b")
    create = c.send_create()
    barrier.wait_reached()
    barrier.go()
    check_responsive(c, other)
    t.true(not create.done.is_set(), "Create ended by itself")
    procs.kill(runtime_pid(t, "create"))
    message = t.error(UNKNOWN, None, create.result)
    t.true(message.startswith("OCI runtime create failed: "), message)
    other.finish()


@beyond_go
def test_kill_during_a_hanging_create(t):
    c, other = grouped(t, "create before barrier b", "create before hang")
    barrier = c.bundle.barrier("b")
    create = c.send_create()
    barrier.wait_reached()
    barrier.go()
    kill = c.send("Kill", signal=9)
    t.true(kill.done.wait(20), "Kill is not answered")
    t.true(create.done.wait(30), "Create goes on after Kill")
    t.true(create.error is not None, "Create succeeded")
    t.equal(other.status(), RUNNING)


@beyond_go
def test_wait_during_a_create_that_fails(t):
    """Who waits is told that nothing ran, and when that was known."""
    c = t.container(script=["create before barrier b",
                            "create before exit 3"])
    barrier = c.bundle.barrier("b")
    create = c.send_create()
    barrier.wait_reached()
    wait = c.send("Wait")
    c.state()
    barrier.go()
    begun = time.time()
    t.error(UNKNOWN, None, create.result)
    answer = wait.result(30)
    t.equal(answer["exit_status"], 255)
    t.true(proto.nanoseconds(answer["exited_at"]) / 1e9 >= begun - 1,
           f"no time of exit: {answer}")


@beyond_go
def test_start_hangs(t):
    c, other = grouped(t, "start before barrier b", "start before hang")
    barrier = c.bundle.barrier("b")
    c.create()
    wait = c.send("Wait")
    start = c.send("Start")
    barrier.wait_reached()
    barrier.go()
    check_responsive(c, other)
    t.true(not start.done.is_set(), "Start ended by itself")
    c.kill(9)
    t.true(start.done.wait(30), "Start goes on after SIGKILL")
    t.equal(wait.result(30)["exit_status"], 137)
    c.bundle.script()
    t.equal(c.delete()["exit_status"], 137)


@beyond_go
def test_exec_hangs(t):
    c, other = grouped(t, "exec:e before barrier b", "exec:e before hang")
    barrier = c.bundle.barrier("b")
    c.run()
    c.add_exec("e", ["true"])
    start = c.send("Start", exec_id="e")
    barrier.wait_reached()
    barrier.go()
    check_responsive(c, other)
    check_prompt(lambda: c.send("State", exec_id="e"), "State of the exec")
    c.run_exec("f", ["true"])
    t.equal(c.wait("f")["exit_status"], 0)
    t.true(not start.done.is_set(), "Start ended by itself")
    c.kill(9)
    t.true(start.done.wait(30), "Start goes on after init's end")
    t.equal(c.wait(timeout=30)["exit_status"], 137)
    other.finish()


@beyond_go
def test_delete_hangs(t):
    c, other = grouped(t, "delete before barrier b",
                       args=["sh", "-c", "exit 3"])
    barrier = c.bundle.barrier("b")
    c.run()
    c.wait()
    delete = c.send("Delete")
    barrier.wait_reached()
    check_responsive(c, other)
    check_prompt(lambda: c.send("Wait"), "Wait")
    t.true(not delete.done.is_set(), "Delete ended by itself")
    barrier.go()
    t.equal(delete.result()["exit_status"], 3)


@beyond_go
def test_update_hangs(t):
    c, other = grouped(t, "update before barrier b", "update before hang")
    barrier = c.bundle.barrier("b")
    c.run()
    update = c.send("Update", resources=proto.any_of("x", b"{}"))
    barrier.wait_reached()
    barrier.go()
    check_responsive(c, other)
    c.kill(9)
    t.equal(c.wait(timeout=30)["exit_status"], 137)
    t.true(update.done.wait(30), "Update goes on after the end")


@beyond_go
def test_init_dies_while_an_exec_hangs(t):
    c, other = grouped(t, "exec:e before barrier b", "exec:e before hang")
    barrier = c.bundle.barrier("b")
    c.run()
    c.add_exec("e", ["true"])
    c.send("Start", exec_id="e")
    barrier.wait_reached()
    barrier.go()
    procs.kill(c.pid)
    check_responsive(c, other)
    procs.kill(runtime_pid(t, "exec"))
    t.equal(c.wait()["exit_status"], 137)


def failing_create(t, *script):
    c = t.container(script=script)
    text = t.error(UNKNOWN, None, c.create)
    t.equal(t.sink.events, [], "events")
    t.error(NOT_FOUND, "container not created: not found", c.state)
    return text


def test_create_fails_with_a_reason(t):
    t.equal(failing_create(t, "create before fail 1 the reason is \"blue\""),
            'OCI runtime create failed: the reason is "blue"')


def test_create_fails_in_silence(t):
    text = failing_create(t, "create before exit 3")
    t.true(re.fullmatch(
        r"OCI runtime create failed: \S+fake-runtime did not terminate "
        r"successfully: exit status 3(: .*)?", text), text)


def test_create_fails_with_a_broken_log(t):
    text = failing_create(t, "create before garbage-log 4")
    t.true(text.startswith("OCI runtime create failed: unable to retrieve "
                           "OCI runtime error ("), text)
    t.true("exit status 4" in text, text)


@beyond_go
def test_create_is_killed(t):
    """The Go shim's text differs between versions; ours names the signal."""
    text = failing_create(t, "create before die 9")
    t.true("did not terminate successfully: signal: killed" in text, text)


def test_create_without_a_pid_file(t):
    failing_create(t, "create set no-pid-file 1")


def test_create_with_a_bad_pid_file(t):
    failing_create(t, "create set pid-file 12x")


@beyond_go
def test_create_with_impossible_pids(t):
    """A pid that is no child of ours must not be believed."""
    for n, pid in enumerate(("-1", "0", "1", "99999999999999999999", "")):
        c = t.container(name=f"c{n}", script=[f"create set pid-file {pid}"])
        t.rpc_error(f"pid {pid!r}", c.create)


@beyond_go
def test_failed_create_leaves_nothing(t):
    """The runtime made a container and then failed: it is force-deleted."""
    c = t.container(script=["create after fail 1 too late"])
    t.error(UNKNOWN, "OCI runtime create failed: too late", c.create)
    t.error(NOT_FOUND, None, c.delete)
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()


def test_create_after_a_failed_create(t):
    c = t.container(script=["create before fail 1 not yet"])
    t.error(UNKNOWN, None, c.create)
    c.bundle.script()
    c.run()
    t.equal(c.finish()["exit_status"], 137)


def test_delete_fails_then_works(t):
    c = t.sh("exit 8", script=["delete before fail 1 still busy"]).run()
    c.wait()
    text = t.error(UNKNOWN, None, c.delete)
    t.true("still busy" in text, text)
    t.equal(c.status(), STOPPED)
    t.equal(t.sink.of(c.id, "/tasks/delete"), [])
    c.bundle.script()
    t.equal(c.delete()["exit_status"], 8)
    t.sink.wait_for(c.id, "/tasks/delete")


def test_delete_of_what_the_runtime_forgot(t):
    c = t.sh("exit 8", script=[
        "delete before fail 1 container does not exist"]).run()
    c.wait()
    t.equal(c.delete()["exit_status"], 8)


def test_stale_errors_and_noise(t):
    """Output of commands that succeed changes nothing."""
    c = t.container(script=["start before print something",
                            "delete before print {\"level\":\"error\"}"]).run()
    t.equal(c.finish()["exit_status"], 137)


@beyond_go
def test_grandchild_holds_the_runtimes_output(t):
    """`start` has ended but its output has no end; the Go shim waits for that
    end, ours only for a grace."""
    c = t.container(script=["start after linger hold"])
    os.mkfifo(c.bundle.file("hold"))
    c.create()
    t.equal(c.start(), c.pid)
    open_gate(c.bundle.file("hold"))
    t.equal(c.status(), RUNNING)


@beyond_go
def test_delete_retried(t):
    """A lost reply: the same answer again, on this and on a new connection.
    The Go shim says NotFound, which leaks shims."""
    c = t.sh("exit 4").run()
    c.wait()
    first = c.delete()
    t.equal(c.delete(), first, "on the same connection")
    second = c.shim.call("Delete", client=c.shim.connect(), id=c.id)
    t.equal(second, first, "on another connection")
    t.sink.wait_for(c.id, "/tasks/delete")
    c.shutdown()


def test_two_deletes_at_once(t):
    c = t.sh("exit 4", script=["delete before barrier b"])
    barrier = c.bundle.barrier("b")
    c.run()
    c.wait()
    calls = [c.send("Delete")]
    barrier.wait_reached()
    calls.append(c.send("Delete"))
    c.bundle.script()
    barrier.go()
    answers = []
    for call in calls:
        call.done.wait(30)
        answers.append("gone" if getattr(call.error, "code", 0) == NOT_FOUND
                       else call.result()["exit_status"])
    t.true(answers in ([4, 4], [4, "gone"]), f"{answers}")
    t.sink.wait_for(c.id, "/tasks/delete")


def hold_up_the_end(t, pid):
    """Of the init of a pid namespace: a process inside is not reaped before
    the one returned, its parent outside, is continued."""
    keeper = subprocess.Popen(
        ["nsenter", "-t", str(pid), "-p", "sleep", "1000000"],
        env={**os.environ, procs.MARK: t.token})
    procs.wait_until(lambda: "sleep" in procs.marked(t.token).get(
        (procs.children(keeper.pid) or [0])[0], "")[:5], "a process inside")
    keeper.send_signal(signal.SIGSTOP)
    return keeper


@beyond_go
def test_failed_exec_whose_process_cannot_die(t):
    """It hangs in the kernel: its Start is answered all the same, and nothing
    is told of it later."""
    c = t.container(script=["exec after barrier made", "exec after fail 1 no"])
    made = c.bundle.barrier("made")
    c.run()
    c.add_exec("e", ["unshare", "-fp", "sleep", "1000000"])
    start = c.send("Start", exec_id="e")
    made.wait_reached()
    parent = int(read_text(os.path.join(t.dir, "root", t.namespace, c.id,
                                        "e")))
    procs.wait_until(lambda: procs.children(parent), "init of the namespace")
    pid = procs.children(parent)[0]
    keeper = hold_up_the_end(t, pid)
    procs.kill(parent)
    procs.wait_until(lambda: pid in procs.children(c.shim.pid), "orphan")
    with open(c.bundle.file("e.pid"), "w", encoding="utf-8") as file:
        file.write(str(pid))
    made.go()
    t.error(UNKNOWN, "OCI runtime exec failed: no", start.result)
    t.true(procs.exists(pid), "it has died")
    c.bundle.log.wait_for(b"was killed and does not end")
    t.equal(c.wait("e")["exit_status"], 255)
    c.delete("e")
    keeper.send_signal(signal.SIGCONT)
    keeper.wait()
    procs.wait_until(lambda: not procs.exists(pid), "dead and reaped")
    t.equal(c.status(), RUNNING)
    c.finish()
    t.true("impossible" not in c.bundle.log.all_text(), "told later")


@beyond_go
def test_delete_with_a_slow_unmount(t):
    """An unmount that takes for ever delays its own reply and nothing else;
    a client that gave up and retries gets the same answer."""
    if is_sanitized(t.shim_path):
        raise Skip("a sanitizer must be loaded first")
    library = os.path.join(t.config.preload, "slow-umount.so")
    barrier = t.barrier("umount")
    source = os.path.join(t.dir, "image")
    os.makedirs(source)
    t.extra_env = {"LD_PRELOAD": library,
                   "SLOW_UMOUNT": os.path.join(t.dir, "umount")}
    c, other = grouped(t, args=["sh", "-c", "exit 6"])
    c.run(rootfs=[{"type": "bind", "source": source, "options": ["rbind"]}])
    c.wait()
    delete = c.send("Delete")
    barrier.wait_reached()
    check_prompt(lambda: c.send("State"), "State")
    check_prompt(lambda: other.send("State"), "State of the neighbour")
    check_prompt(lambda: other.send("Pids"), "Pids of the neighbour")
    retry = c.send("Delete")
    t.true(not delete.done.is_set(), "Delete did not wait for the unmount")
    barrier.go(64)
    first = delete.result()
    t.equal(first["exit_status"], 6)
    t.equal(retry.result(), first, "the retry")
    t.equal(c.delete(), first, "a late retry")
    t.equal(procs.mounts_below(t.dir), [])
