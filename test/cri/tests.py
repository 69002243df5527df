#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests of 10-cri.sh: "tests.py NAME" runs test_NAME in the working
directory, "tests.py forget" removes all pods that a failed test has left."""
import glob
import concurrent.futures
import os
import signal
import sys
import time
import traceback

import grpc

import cri
from cri import expect, expect_equal, parallel, shell, wait_until

SCALE = int(os.environ["SCALE"])
MIB = 1 << 20


def is_containerd_16():
    return " 1.6." in os.environ["VERSION"]


def scaled(count):
    return max(2, count * SCALE // 100)


def shim_pids():
    return [int(pid) for pid in shell("shim_pids").split()]


def gated(pod, name, command):
    """A container that runs a command as soon as its gate is opened."""
    gate = os.path.abspath("gate-" + name)
    os.mkfifo(gate)
    return pod.container(name, "sh", "-c", "cat /tmp/gate; " + command,
                         mounts=[(gate, "/tmp/gate")])


def open_gate(name):
    """Returns when the container was there to see it."""
    with open("gate-" + name, "w", encoding="ascii"):
        pass


def is_gone(pid):
    """Has the process ended? The end of a zombie is all that matters."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def expect_status(status, code, reason):
    expect_equal((status.exit_code, status.reason), (code, reason),
                 "exit code and reason")
    # When it was started is when containerd had the answer: it may have ended
    # before.
    expect(status.created_at <= status.finished_at,
           "the order of times:", status)


def expect_refused(text, call, *words, **fields):
    """The call fails, and its error says so."""
    try:
        call(*words, **fields)
    except cri.Refused as refused:
        expect(text in refused.details, refused)
        return refused
    raise cri.Failure("no error: " + text)


# ---- one life ----

def test_life(runtime):
    pod = cri.Pod(runtime, "life")
    expect_equal(pod.state(), "SANDBOX_READY")
    container = pod.container("a", "sh", "-c", "echo out; echo err >&2; exit 3",
                              start=False)
    expect_equal(container.state(), "CONTAINER_CREATED")
    container.start()
    expect_status(container.exited(), 3, "Error")
    wait_until(lambda: len(container.log()) == 2, "two lines in the log")
    expect_equal(sorted(container.log()),
                 [("stderr", "F", "err"), ("stdout", "F", "out")])
    container.remove()
    expect_equal(len(runtime.ListContainers().containers), 0)
    good = pod.container("b", "true")
    expect_status(good.exited(), 0, "Completed")
    pod.stop()
    expect_equal(pod.state(), "SANDBOX_NOTREADY")
    pod.remove()
    expect_equal(len(runtime.ListPodSandbox().items), 0)


def check_handler(runtime, handler):
    """Its options name another program as runtime."""
    told_path = os.environ["SYS"] + "/told"
    with open(told_path, "w", encoding="ascii"):
        pass
    pod = cri.Pod(runtime, "handler-" + handler, handler=handler)
    container = pod.idle("a")
    expect_equal(container.exec_sync("sh", "-c", "exit 9").exit_code, 9)
    pod.remove()
    with open(told_path, encoding="ascii") as file:
        told = file.read().splitlines()
    for verb in "create", "start", "exec", "delete":
        expect(any(" %s " % verb in line for line in told), verb, told)
    expect(not any("--systemd-cgroup" in line for line in told), told)


def test_handler(runtime):
    check_handler(runtime, "runc")


def test_handler_own(runtime):
    if os.environ["OURS"] != "1":
        skip("the reference shim has no name of its own")
    check_handler(runtime, "file")
    if not is_containerd_16():
        check_handler(runtime, "table")


def test_three(runtime):
    pod = cri.Pod(runtime, "three")
    containers = [pod.idle("c%d" % i) for i in range(3)]
    expect_equal(len(shim_pids()), 1, "shims")
    for number, container in enumerate(containers):
        expect_equal(
            container.exec_sync("sh", "-c", "exit %d" % number).exit_code,
            number)
    # The others live on.
    os.kill(containers[1].pid(), signal.SIGKILL)
    expect_status(containers[1].exited(), 137, "Error")
    containers[1].remove()
    again = pod.idle("c1")
    for container in containers[0], containers[2], again:
        expect_equal(container.state(), "CONTAINER_RUNNING")
    expect_equal(len(shim_pids()), 1, "shims")
    pod.remove()


def test_start_error(runtime):
    pod = cri.Pod(runtime, "error")
    container = pod.container("a", "/no/such/program", start=False)
    expect_refused("no such file", container.start)
    expect_status(container.status(), 128, "StartError")
    container.remove()
    expect_equal(pod.idle("b").exec_sync("true").exit_code, 0)
    pod.remove()


def test_sandbox_dies(runtime):
    """The pause container is killed: the pod is not ready, the rest stays."""
    pod = cri.Pod(runtime, "dies")
    container = pod.idle("a")
    os.kill(pod.pid(), signal.SIGKILL)
    wait_until(lambda: pod.state() == "SANDBOX_NOTREADY", "the state")
    expect_equal(container.exec_sync("sh", "-c", "exit 4").exit_code, 4)
    expect_equal(len(shim_pids()), 1, "shims")
    pod.stop()
    expect_status(container.status(), 137, "Error")
    pod.remove()


def test_shared_pids(runtime):
    """Without a pid namespace of its own, what a container leaves behind is
    killed with it."""
    pod = cri.Pod(runtime, "shared", pid="POD")
    watcher = pod.idle("watcher")
    expect("sleep 100000" in watcher.output_of("ps"), "no view of the pod")
    leaver = pod.container("leaver", "sh", "-c",
                           "sleep 4242 & sleep 4243 & exit 6")
    expect_status(leaver.exited(), 6, "Error")
    wait_until(lambda: " 424" not in watcher.output_of("ps", "-o", "args"),
               "the end of what was left")
    expect_equal(watcher.state(), "CONTAINER_RUNNING")
    pod.remove()


def test_stop(runtime):
    pod = cri.Pod(runtime, "stop")
    polite = pod.container(
        "polite", "sh", "-c",
        "trap 'exit 7' TERM; echo set; while :; do sleep 1000 & wait; done")
    deaf = pod.container("deaf", "sh", "-c",
                         "trap '' TERM; echo set; sleep 100000")
    for container in polite, deaf:
        wait_until(container.log, "the trap")
    polite.stop(timeout=30)
    expect_status(polite.status(), 7, "Error")
    began = time.monotonic()
    deaf.stop(timeout=1)
    expect_status(deaf.status(), 137, "Error")
    expect(time.monotonic() - began >= 1, "no time was given")
    for container in polite, deaf:
        container.remove()
    pod.remove()


# ---- execs ----

def test_exec_sync(runtime):
    pod = cri.Pod(runtime, "exec")
    container = pod.idle("a")
    for code in 0, 1, 42, 255:
        answer = container.exec_sync(
            "sh", "-c", "echo o%d; echo e%d >&2; exit %d" % (code, code, code))
        expect_equal((answer.stdout, answer.stderr, answer.exit_code),
                     (b"o%d\n" % code, b"e%d\n" % code, code))
    answer = container.exec_sync("sh", "-c", "kill -9 $$")
    expect_equal(answer.exit_code, 137)
    size = 3 * MIB + 17
    answer = container.exec_sync("sh", "-c", "head -c %d /dev/zero" % size)
    expect_equal(len(answer.stdout), size)
    expect_refused("no such file", container.exec_sync, "/no/such/program")
    pod.remove()


def expect_timeout(container, *command):
    began = time.monotonic()
    refused = expect_refused("timeout", container.exec_sync, *command,
                             timeout=1)
    expect_equal(refused.code, grpc.StatusCode.DEADLINE_EXCEEDED)
    expect(1 <= time.monotonic() - began < 30, "at the wrong time")


def test_exec_timeout(runtime):
    pod = cri.Pod(runtime, "timeout")
    container = pod.idle("a")
    expect_timeout(container, "sleep", "4242")
    expect(" 4242" not in container.output_of("ps", "-o", "args"),
           "it lives on")
    pod.remove()


def test_exec_timeout_child(runtime):
    """A child that holds the streams does not hold up the answer."""
    if is_containerd_16():
        skip("containerd 1.6 waits for the end of the output")
    pod = cri.Pod(runtime, "timeout")
    container = pod.idle("a")
    expect_timeout(container, "sh", "-c", "sleep 4242 & sleep 4243")
    expect_equal(container.exec_sync("true").exit_code, 0)
    pod.remove()


def test_exec_many(runtime):
    pod = cri.Pod(runtime, "many")
    container = pod.idle("a")

    def one(number):
        answer = container.exec_sync(
            "sh", "-c", "echo %d; exit %d" % (number, number % 8))
        return int(answer.stdout), answer.exit_code

    count = scaled(100)
    expect_equal(parallel(one, range(count), count),
                 [(number, number % 8) for number in range(count)])
    pod.remove()


def descriptors(pid):
    return sorted(os.listdir("/proc/%d/fd" % pid))


def test_probes(runtime):
    """Probes, good and bad, cost the shim nothing that stays."""
    pod = cri.Pod(runtime, "probes")
    container = pod.idle("a")
    expect_equal(container.exec_sync("true", timeout=10).exit_code, 0)
    shim, = shim_pids()
    before = descriptors(shim)
    for number in range(scaled(60)):
        code = container.exec_sync("sh", "-c", "exit %d" % (number % 2),
                                   timeout=10).exit_code
        expect_equal(code, number % 2)
    wait_until(lambda: len(descriptors(shim)) <= len(before),
               "the shim's descriptors")
    expect_equal(glob.glob("/proc/%d/task/*" % shim),
                 ["/proc/%d/task/%d" % (shim, shim)]
                 if os.environ["OURS"] == "1"
                 else glob.glob("/proc/%d/task/*" % shim))
    pod.remove()


def test_exec_race(runtime):
    """Init is killed among execs: it is told, and every exec answers."""
    pod = cri.Pod(runtime, "race")
    container = pod.idle("a")
    count = scaled(60)
    ended = []

    def one(number):
        if number == count // 2:
            os.kill(container.pid(), signal.SIGKILL)
            return
        try:
            container.exec_sync("sleep", "1000", timeout=20)
        except cri.Refused:
            pass
        ended.append(number)

    parallel(one, range(count), count)
    expect_status(container.exited(), 137, "Error")
    expect_equal(len(ended), count - 1, "answers")
    container.remove()
    pod.remove()


# ---- streams ----

def test_stream(runtime):
    pod = cri.Pod(runtime, "stream")
    container = pod.idle("a")
    stream = container.exec_stream(
        "sh", "-c", "read a; echo got $a; echo bad >&2; exit 6",
        stdin=True, stdout=True, stderr=True)
    stream.write("word\n")
    expect_equal(stream.finish(), ("got word\n", "bad\n", 6))
    stream = container.exec_stream("head", "-c", str(MIB), "/dev/zero",
                                   stdout=True)
    out, _, code = stream.finish()
    expect_equal((len(out), code), (MIB, 0))
    pod.remove()


def test_stream_tty(runtime):
    pod = cri.Pod(runtime, "tty")
    container = pod.idle("a")
    stream = container.exec_stream("sh", tty=True, stdin=True, stdout=True)
    check_terminal(stream)
    stream.write("exit 4\n")
    expect_equal(stream.finish()[2], 4)
    pod.remove()


def check_terminal(stream):
    """A shell at a terminal that follows the size of the client's."""
    stream.resize(91, 33)
    # The size and the input come by different ways.
    stream.write('until [ "$(stty size)" = "33 91" ]; do :; done; '
                 "echo o''k; tty\n")
    stream.read_until("ok\r\n")
    stream.read_until("/dev/pts/0\r\n")


def test_attach(runtime):
    pod = cri.Pod(runtime, "attach")
    container = pod.container(
        "a", "sh", "-c", "while read a; do echo got $a; echo e $a >&2; done",
        stdin=True)
    for word in "one", "two":
        stream = container.attach(stdin=True, stdout=True, stderr=True)
        stream.write(word + "\n")
        stream.read_until("got %s\n" % word)
        stream.read_until("e %s\n" % word, cri.STDERR)
        stream.close()
    wait_until(lambda: len(container.log()) == 4, "the log")
    expect_equal([text for name, _, text in container.log()
                  if name == "stdout"], ["got one", "got two"])
    pod.remove()


def test_attach_tty(runtime):
    pod = cri.Pod(runtime, "attach-tty")
    container = pod.container("a", "sh", tty=True, stdin=True)
    stream = container.attach(tty=True, stdin=True, stdout=True)
    check_terminal(stream)
    stream.write("exit 8\n")
    expect_status(container.exited(), 8, "Error")
    stream.close()
    pod.remove()


# ---- logs ----

def test_log(runtime):
    """A log is rotated under load: no line is lost or torn."""
    pod = cri.Pod(runtime, "log")
    os.mkdir("told")
    # containerd itself tears what a read of it does not end with a line: a
    # power of two has lines end where its buffers do.
    container = pod.container(
        "a", "sh", "-c", "i=0; while [ ! -e /tmp/told/end ]; do "
        "i=$((i+1)); printf '%063d\\n' $i; done",
        mounts=[(os.path.abspath("told"), "/tmp/told")])
    parts = []
    for number in range(8):
        wait_until(lambda: count_lines(container.log_path) > 100, "output")
        parts.append("%s.%d" % (container.log_path, number))
        os.rename(container.log_path, parts[-1])
        runtime.ReopenContainerLog(container_id=container.id)
        wait_until(lambda: os.path.exists(container.log_path), "a new log")
    with open("told/end", "w", encoding="ascii"):
        pass
    container.exited()
    container.remove()
    got = []
    for part in parts + [container.log_path]:
        with open(part, encoding="ascii") as file:
            got += cri.log_lines(file.read())
    for number, line in enumerate(got, 1):
        expect_equal(line, ("stdout", "F", "%063d" % number))
    expect(len(got) > 800, "only", len(got))
    pod.remove()


def count_lines(path):
    with open(path, "rb") as file:
        return file.read().count(b"\n")


# ---- resources ----

def test_stats(runtime):
    pod = cri.Pod(runtime, "stats")
    container = pod.container("a", "sh", "-c",
                              "i=0; while [ $i -lt 9999 ]; do "
                              "i=$((i+1)); done; echo done; sleep 100000")
    wait_until(container.log, "some work")

    def usable(stats):
        return (stats.cpu.usage_core_nano_seconds.value > 1000000 and
                stats.memory.working_set_bytes.value > 4096)

    def one():
        return usable(runtime.ContainerStats(container_id=container.id).stats)

    def listed():
        stats = runtime.ListContainerStats(
            filter={"pod_sandbox_id": pod.id}).stats
        return ([item.attributes.id for item in stats] == [container.id] and
                usable(stats[0]))

    def whole():
        stats = runtime.PodSandboxStats(pod_sandbox_id=pod.id).stats.linux
        return (usable(stats) and stats.process.process_count.value >= 1 and
                [item.attributes.id for item in stats.containers] ==
                [container.id] and usable(stats.containers[0]))

    # Newer versions collect in the background.
    for check in one, listed, whole:
        wait_until(check, check.__name__)
    pod.remove()


def limit_of(container):
    return int(container.output_of(
        "sh", "-c", "cd /sys/fs/cgroup; cat memory.max 2>/dev/null || "
        "cat memory/memory.limit_in_bytes"))


def test_update(runtime):
    pod = cri.Pod(runtime, "update")
    container = pod.idle(
        "a", resources={"memory_limit_in_bytes": 64 * MIB})
    expect_equal(limit_of(container), 64 * MIB)
    container.update(memory_limit_in_bytes=48 * MIB)
    expect_equal(limit_of(container), 48 * MIB)
    pod.remove()


def test_oom(runtime):
    pod = cri.Pod(runtime, "oom")
    other = pod.idle("other")
    for number in range(scaled(5)):
        container = pod.container(
            "a%d" % number, "tail", "/dev/zero",
            resources={"memory_limit_in_bytes": 16 * MIB})
        expect_status(container.exited(), 137, "OOMKilled")
    expect_equal(other.state(), "CONTAINER_RUNNING")
    other.stop(timeout=0)
    expect_status(other.status(), 137, "Error")
    pod.remove()


# ---- restarts of containerd ----

def test_restart(runtime):
    pod = cri.Pod(runtime, "restart")
    container = pod.idle("a")
    done = pod.container("b", "sh", "-c", "exit 21")
    expect_status(done.exited(), 21, "Error")
    before = container.status()
    pid = container.pid()
    runtime.restart()
    expect_equal(container.status(), before)
    expect_equal(container.pid(), pid)
    expect_status(done.status(), 21, "Error")
    expect_equal(pod.state(), "SANDBOX_READY")
    expect_equal(len(shim_pids()), 1, "shims")
    expect_equal(container.exec_sync("sh", "-c", "exit 5").exit_code, 5)
    os.kill(pid, signal.SIGKILL)
    expect_status(container.exited(), 137, "Error")
    pod.remove()


def test_restart_exit(runtime):
    """What ends while containerd is away has its true code."""
    pod = cri.Pod(runtime, "away")
    keeper = pod.idle("keeper")
    codes = 42, 0, 77
    containers = [gated(pod, "a%d" % code, "exit %d" % code) for code in codes]
    pids = [container.pid() for container in containers]

    def meanwhile():
        for code in codes:
            open_gate("a%d" % code)
        wait_until(lambda: all(map(is_gone, pids)), "the ends")

    runtime.restart(meanwhile)
    for container, code in zip(containers, codes):
        expect_status(container.exited(), code,
                      "Error" if code else "Completed")
    expect_equal(keeper.state(), "CONTAINER_RUNNING")
    expect_equal(pod.state(), "SANDBOX_READY")
    pod.remove()


def test_restart_log(runtime):
    """Output goes on, whole, through another containerd."""
    pod = cri.Pod(runtime, "talker")
    container = pod.container(
        "a", "sh", "-c", "i=0; while i=$((i+1)); do echo line $i; "
        "usleep 1000; done")
    wait_until(lambda: count_lines(container.log_path) > 100, "output")
    runtime.restart()
    seen = count_lines(container.log_path)
    wait_until(lambda: count_lines(container.log_path) > seen + 100, "more")
    container.stop(timeout=0)
    container.remove()
    numbers = []
    for line in container.log():
        expect(line[:2] == ("stdout", "F") and line[2].startswith("line "),
               line)
        numbers.append(int(line[2].split()[1]))
    expect_equal(numbers, sorted(set(numbers)), "the order of lines")
    pod.remove()


def test_restart_sandbox(runtime):
    """A pause container ends while containerd is away."""
    pod = cri.Pod(runtime, "away")
    container = pod.idle("a")
    pid = pod.pid()

    def meanwhile():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_gone(pid), "the end")

    runtime.restart(meanwhile)
    wait_until(lambda: pod.state() == "SANDBOX_NOTREADY", "the state")
    expect_equal(container.state(), "CONTAINER_RUNNING")
    pod.remove()


def test_restart_stop(runtime):
    """containerd is killed while it stops a container."""
    pod = cri.Pod(runtime, "stopping")
    container = pod.container("a", "sh", "-c",
                              "trap 'echo told' TERM; echo set; "
                              "while :; do sleep 1000 & wait; done")
    wait_until(container.log, "the trap")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(container.stop, timeout=50)
        wait_until(lambda: len(container.log()) == 2, "the signal")
        runtime.restart()
        expect(isinstance(stopping.exception(), cri.Refused), "no error")
    expect_equal(container.state(), "CONTAINER_RUNNING")
    container.stop(timeout=1)
    expect_status(container.status(), 137, "Error")
    pod.remove()


def test_restart_start(runtime):
    """containerd is killed while pods start: what it knows of can be removed,
    and nothing else is there."""
    if os.environ["OURS"] != "1":
        skip("the reference shim leaves itself and its cgroups")
    tasks = os.environ["TASKS"] + "/k8s.io/*/"
    marks = ["flight.rec", "init.pid"]
    # containerd 1.6 keeps a shim that it has started and asked for nothing.
    if not is_containerd_16():
        marks += ["config.json", "address"]
    for number in range(scaled(12)):
        mark = marks[number % len(marks)]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            starting = pool.submit(cri.Pod, runtime, "pod%d" % number)
            wait_until(lambda: glob.glob(tasks + mark), mark)
            runtime.restart()
            starting.exception()
        runtime.forget_all()
        wait_until(lambda: not shim_pids(), "the end of the shims")


# ---- many ----

def test_pods(runtime):
    count = scaled(20)

    def begin(number):
        pod = cri.Pod(runtime, "pod%d" % number)
        return pod, pod.idle("a")

    pods = parallel(begin, range(count), count)
    expect_equal(len(shim_pids()), count, "shims")
    for number, (_, container) in enumerate(pods):
        expect_equal(
            container.exec_sync("sh", "-c", "exit %d" % number).exit_code,
            number)
    parallel(lambda item: item[0].remove(), pods, count)
    expect_equal(len(runtime.ListPodSandbox().items), 0)


def test_thirty(runtime):
    """A pod with many slow containers is stopped: every exit is told."""
    pod = cri.Pod(runtime, "thirty")
    containers = parallel(lambda number: pod.idle("c%d" % number),
                          range(scaled(30)), 8)
    for container in containers:
        container.update(cpu_period=100000, cpu_quota=1000)
    expect_equal(len(shim_pids()), 1, "shims")
    pod.stop()
    for container in containers:
        expect_status(container.status(), 137, "Error")
    pod.remove()


# ---- the program ----

def skip(why):
    print("SKIP: " + why)
    sys.exit(int(os.environ.get("SKIP_STATUS", "77")))


def main():
    name, = sys.argv[1:]
    runtime = cri.Runtime()
    if name == "forget":
        runtime.forget_all()
        return
    try:
        globals()["test_" + name](runtime)
    except cri.Failure:
        traceback.print_exc()
        sys.exit(1)


main()
