# SPDX-License-Identifier: Apache-2.0
"""Bundles as containerd lays them out, with the log FIFO and barriers."""

import errno
import json
import os
import select
import shutil
import threading

from . import procs

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def read_text(path):
    """The text of a file, None when it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


class LogReader:
    """Reads a bundle's log FIFO as containerd does: O_RDWR, never EOF."""

    def __init__(self, path):
        os.mkfifo(path, 0o700)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.data = bytearray()
        self.changed = threading.Condition()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            select.select([self.fd], [], [])
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                continue
            except OSError:
                return
            with self.changed:
                self.data += data
                self.changed.notify_all()

    def wait_for(self, text, timeout=60):
        with self.changed:
            found = self.changed.wait_for(lambda: text in self.data, timeout)
        if not found:
            raise AssertionError(f"not logged: {text}")

    def text(self):
        with self.changed:
            return self.data.decode(errors="replace")

    def all_text(self):
        """With all that has been written up to now."""
        mark = b"--- read up to here: %d\n" % len(self.data)
        os.write(self.fd, mark)
        self.wait_for(mark)
        return self.text()


class Bundle:
    """<state>/<namespace>/<id> with config.json, rootfs, work and log."""

    def __init__(self, test, container_id, args, terminal=False,
                 annotations=None, pid_namespace=True, env=()):
        self.test = test
        self.id = container_id
        self.path = os.path.join(test.state_dir, test.namespace, container_id)
        os.makedirs(self.path, 0o700)
        self.rootfs = self.file("rootfs")
        os.mkdir(self.rootfs, 0o711)
        work = os.path.join(test.dir, "work", container_id)
        os.makedirs(work)
        os.symlink(work, self.file("work"))
        self.config = self.make_config(args, terminal, annotations or {},
                                       pid_namespace, env)
        self.write_config()
        self.log = LogReader(self.file("log"))

    def file(self, name):
        return os.path.join(self.path, name)

    def process(self, args, terminal=False, env=()):
        return {
            "terminal": terminal, "user": {"uid": 0, "gid": 0},
            "args": list(args), "cwd": "/",
            "env": [PATH, f"{procs.MARK}={self.test.token}", *env],
            "capabilities": {k: ["CAP_KILL"] for k in
                             ("bounding", "effective", "permitted")},
        }

    def make_config(self, args, terminal, annotations, pid_namespace, env):
        kinds = ["ipc", "uts", "mount"] + ["pid"] * pid_namespace
        return {
            "ociVersion": "1.0.2",
            "process": self.process(args, terminal, env),
            "root": {"path": "rootfs"},
            "hostname": "test",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                {"destination": "/dev/pts", "type": "devpts",
                 "source": "devpts", "options": ["newinstance", "nosuid",
                                                 "ptmxmode=0666"]},
            ],
            "annotations": annotations,
            "linux": {
                "cgroupsPath": f"/{self.id}",
                "namespaces": [{"type": kind} for kind in kinds],
            },
        }

    def write_config(self):
        with open(self.file("config.json"), "w", encoding="utf-8") as file:
            json.dump(self.config, file)

    def fill_rootfs(self, path=None):
        """A busybox root for a real runtime."""
        root = path or self.rootfs
        for name in ("bin", "proc", "dev", "tmp"):
            os.makedirs(os.path.join(root, name), exist_ok=True)
        shutil.copy("/bin/busybox", os.path.join(root, "bin/busybox"))
        for name in ("sh", "sleep", "cat", "head", "echo", "stty", "true",
                     "kill", "dd", "yes", "test", "printf"):
            os.symlink("busybox", os.path.join(root, "bin", name))

    def script(self, *lines):
        """Replaces the fake runtime's script. Atomically: it may be in use."""
        with open(self.file("fake.new"), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        os.rename(self.file("fake.new"), self.file("fake.script"))

    def calls(self, verb=None):
        """The command lines that the fake runtime was given."""
        lines = (read_text(self.file("fake.calls")) or "").splitlines()
        return [x for x in lines if verb is None or x.split()[0] == verb]

    def barrier(self, name):
        return Barrier(self.file(name))


class Barrier:
    """The test's end of a FIFO pair: wait_reached(), then go()."""

    def __init__(self, prefix):
        self.reached_path = prefix + ".reached"
        self.go_path = prefix + ".go"
        os.mkfifo(self.reached_path)
        os.mkfifo(self.go_path)
        self.reached = os.open(self.reached_path, os.O_RDWR | os.O_CLOEXEC)
        self.gate = os.open(self.go_path, os.O_RDWR | os.O_CLOEXEC)

    def wait_reached(self, timeout=30):
        if not select.select([self.reached], [], [], timeout)[0]:
            raise AssertionError(f"{self.reached_path}: never reached")
        os.read(self.reached, 1)

    def go(self, times=1):
        os.write(self.gate, b"g" * times)


def open_gate(path, timeout=30):
    """Releases a `linger` child: opens its FIFO once it is waiting there."""
    poll = select.poll()
    for _ in range(timeout * 100):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        poll.poll(10)
    raise AssertionError(f"{path}: nobody waits there")
