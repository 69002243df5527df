# SPDX-License-Identifier: Apache-2.0
"""What a test is given: private places, makers, checks, and the clean-up."""

import errno
import glob
import os
import select
import shutil
import subprocess
import tempfile

from . import order, procs, proto, ttrpc
from .bundle import Barrier, Bundle, read_text
from .container import Container
from .shim import OPTIONS_TYPE, Launcher, Shim
from .sink import Sink
from .stdio import Stdio

SLEEP = ("sleep", "1000000")


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


class Test:
    """One test's world. Created in the process that runs the test."""

    def __init__(self, config, token):
        self.config = config
        self.token = token
        self.shim_path = config.shim
        self.runtime = config.runtime
        self.namespace = f"chock-{token}"
        self.dir = tempfile.mkdtemp(prefix=f"chock-{token}-", dir="/tmp")
        self.state_dir = os.path.join(self.dir, "state")
        self.socket_dir = os.path.join(self.dir, "s")
        self.address = os.path.join(self.dir, "containerd.sock")
        self.ttrpc_address = self.address + ".ttrpc"
        # A shim is nobody's child, so that nobody would see it fail.
        self.extra_env = {name: f"log_path={self.dir}/sanitizer"
                          for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")}
        self.real = False  # the runtime is a real one
        self.sockets, self.clients, self.bundles = set(), [], []
        self.sink = Sink(self.ttrpc_address)

    # --- makers

    def bundle(self, args=SLEEP, name="c", script=(), **options):
        bundle = Bundle(self, f"{name}-{self.token}", args, **options)
        if self.real:
            bundle.fill_rootfs()
        bundle.script(*script)
        self.bundles.append(bundle)
        return bundle

    def stdio(self, name="init", **options):
        return Stdio(self.dir, name, **options)

    def container(self, args=SLEEP, name="c", stdio=None, shim=None,
                  version="1.6", **options):
        """A bundle with a shim started for it, and nothing created yet."""
        bundle = self.bundle(args, name, **options)
        shim = shim or Shim(self, bundle, version)
        return Container(self, shim, bundle, stdio)

    def sh(self, text, **options):
        """A container that runs a line of shell."""
        return self.container(["sh", "-c", text], **options)

    def barrier(self, name):
        return Barrier(os.path.join(self.dir, name))

    def launcher(self, version="1.6"):
        return Launcher(self, version)

    def shim(self, bundle, version="1.6", **params):
        return Shim(self, bundle, version, **params)

    def configure(self, text):
        """A chock.conf for what is run from here on; returns its path."""
        path = os.path.join(self.dir, "chock.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.extra_env["CHOCK_CONFIG"] = path
        return path

    def need(self, runtime):
        """The path of a real one."""
        path = shutil.which(runtime)
        if not path:
            raise Skip(f"{runtime} is not installed")
        if not os.path.exists("/bin/busybox"):
            raise Skip("busybox is not installed")
        self.real = True
        return path

    def use_runc(self):
        """The real runtime in place of the fake one."""
        self.need("runc")
        self.runtime = "runc"

    def use_runsc(self):
        """gVisor's, in the way that works on any machine."""
        path = self.need("runsc")
        self.runtime = os.path.join(self.dir, "runsc")
        with open(self.runtime, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nexec {path} --platform=ptrace"
                       ' --network=none "$@"\n')
        os.chmod(self.runtime, 0o755)

    def options(self, **fields):
        values = {"binary_name": self.runtime,
                  "root": os.path.join(self.dir, "root"), **fields}
        return proto.any_of(OPTIONS_TYPE, proto.encode("RuncOptions", values))

    # --- checks

    def error(self, code, text, function, *args, **fields):
        """function must fail with that status; text None: any text."""
        try:
            result = function(*args, **fields)
        except ttrpc.RpcError as error:
            self.equal(error.code, code, f"code of {error.message!r}")
            if text is not None:
                self.equal(error.message, text)
            return error.message
        raise AssertionError(f"no error {code} {text!r} but {result}")

    @staticmethod
    def rpc_error(what, function, *args, **fields):
        """It must fail by some status; the connection lives."""
        try:
            function(*args, **fields)
        except ttrpc.RpcError:
            return
        raise AssertionError(f"{what} was accepted")

    @staticmethod
    def equal(got, want, what="value"):
        if got != want:
            raise AssertionError(f"{what}: got {got!r}, want {want!r}")

    @staticmethod
    def true(value, what):
        if not value:
            raise AssertionError(what)

    def events_of(self, container):
        return [event.topic for event in self.sink.of(container.id)]

    def check_events(self):
        problems = list(self.sink.problems)
        problems += order.check(self.sink.events,
                                exec_exits_first=not self.config.reference)
        problems += [f"namespace {event.namespace!r}: {event}"
                     for event in self.sink.events
                     if event.namespace != self.namespace]
        self.equal(problems, [], "events")

    def check_sanitizers(self):
        reports = [read_text(os.path.join(self.dir, name))
                   for name in sorted(os.listdir(self.dir))
                   if name.startswith("sanitizer.")]
        self.equal("".join(reports), "", "sanitizer reports")

    def forget_events(self):
        """After a look at them: an id is to be used again."""
        self.check_events()
        with self.sink.changed:
            self.sink.events.clear()

    def check_clean(self):
        """Nothing of this test is left on the machine."""
        self.equal(procs.marked(self.token), {}, "processes left")
        self.equal(procs.mounts_below(self.dir), [], "mounts left")
        left = [path for path in self.sockets if os.path.exists(path)]
        self.equal(left, [], "sockets left")
        self.equal(self.cgroups(), [], "cgroups left")

    def cgroups(self):
        found = []
        for base, folders, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(base, name) for name in folders
                      if name.endswith(self.token)]
            folders[:] = [f for f in folders if "chock" not in f]
        return found

    # --- the end

    def remove_sockets(self):
        """A bundle may have lost the file that names its socket."""
        for path in self.sockets:
            if os.path.exists(path):
                os.unlink(path)

    def logs(self):
        return "".join(f"--- log of {bundle.id}\n{bundle.log.text()}"
                       for bundle in self.bundles)


def unmount_all(prefix):
    for line in procs.read("/proc/self/mountinfo").decode().splitlines()[::-1]:
        where = line.split()[4]
        if where.startswith(prefix):
            subprocess.run(["umount", "-l", where], check=False)


def remove_sockets(folder):
    """Those of shims that were killed; each bundle names its own."""
    for address in glob.glob(f"{folder}/state/*/*/address"):
        path = (read_text(address) or "").removeprefix("unix://")
        if os.path.exists(path):
            os.unlink(path)


def remove_cgroup(path):
    """True when it is gone. What is still inside is killed: a real runtime's
    init has no mark in its environment before it executes the program."""
    try:
        os.rmdir(path)
    except OSError as error:
        for pid in procs.read(f"{path}/cgroup.procs").split():
            procs.kill(int(pid))
        return error.errno != errno.EBUSY
    return True


def remove_cgroups(token):
    """True when none is left."""
    paths = [os.path.join(base, name)
             for base, folders, _ in os.walk("/sys/fs/cgroup", topdown=False)
             for name in folders if token in name or token in base]
    return all([remove_cgroup(path) for path in paths])


def clean_up(token):
    """Removes what a test has left, whatever state it ended in."""
    procs.kill_marked(token)
    prefix = f"/tmp/chock-{token}-"
    unmount_all(prefix)
    for _ in range(50):
        if remove_cgroups(token):
            break
        select.select([], [], [], 0.02)
    for folder in glob.glob(prefix + "*"):
        remove_sockets(folder)
        shutil.rmtree(folder, ignore_errors=True)
