# SPDX-License-Identifier: Apache-2.0
"""Finds, measures and ends what a test started, and nothing else.

Everything started for a test, down to the container's processes, carries
CHOCK_TEST=<token> in its environment.
"""

import os
import select
import signal
import time

MARK = "CHOCK_TEST"


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def status_field(pid, name):
    for line in read(f"/proc/{pid}/status").decode().splitlines():
        if line.startswith(name + ":"):
            return line.split(":", 1)[1].strip()
    return ""


def exists(pid):
    return os.path.exists(f"/proc/{pid}")


def alive(pid):
    """True for a process that is there and is no zombie."""
    return exists(pid) and status_field(pid, "State")[:1] not in ("Z", "X", "")


def marked(token):
    """{pid: command line} of the living processes of a test."""
    mark = f"{MARK}={token}".encode()
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        if mark in read(f"/proc/{name}/environ").split(b"\0"):
            words = read(f"/proc/{name}/cmdline").rstrip(b"\0")
            found[int(name)] = \
                words.replace(b"\0", b" ").decode(errors="replace")
    return found


def wait_until(condition, what, timeout=30):
    """For what nothing can be watched for."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.001)


def wait_dead(pid, timeout=30):
    """Until pid is dead, by pidfd. False when the time is over."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], timeout)[0])
    finally:
        os.close(fd)


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_marked(token):
    """Until none is left: a dying parent may have forked."""
    for _ in range(20):
        pids = marked(token)
        if not pids:
            return
        for pid in pids:
            kill(pid)
            kill(pid, signal.SIGCONT)
        for pid in pids:
            wait_dead(pid, 5)


def children(pid):
    return [int(p) for p in
            read(f"/proc/{pid}/task/{pid}/children").split()]


def zombies(pid):
    return [p for p in children(pid) if exists(p) and not alive(p)]


def fds(pid):
    """{fd: what it is} of a process."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            pass
    return found


def private_kib(pid):
    """Private dirty memory."""
    for line in read(f"/proc/{pid}/smaps_rollup").decode().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1])
    return 0


def mounts_below(path):
    found = []
    for line in read("/proc/self/mountinfo").decode().splitlines():
        where = line.split()[4]
        if where == path or where.startswith(path + "/"):
            found.append(where)
    return found
