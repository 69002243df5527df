# SPDX-License-Identifier: Apache-2.0
"""Runs the tests: each in a process of its own, under a deadline.

Output is TAP: `ok N - name`, `not ok N - name` with the reason and the shim's
log as comments, `ok N - name # SKIP why`.
"""

import argparse
import importlib.util
import inspect
import os
import re
import select
import sys
import tempfile
import time
import traceback

from . import procs
from .context import Skip, Test, clean_up

SKIPPED = 77


def beyond_go(function):
    """Marks a test of what the Go shim does not do; its docstring says why."""
    function.beyond_go = True
    return function


def deadline(seconds):
    """Marks a test that may take longer than the usual time."""
    def mark(function):
        function.deadline = seconds
        return function
    return mark


class Running:
    """A test under way."""

    def __init__(self, number, name, function, config):
        self.number, self.name, self.function = number, name, function
        self.token = f"{os.getpid():x}x{number:x}"
        self.output = tempfile.TemporaryFile()
        limit = getattr(function, "deadline", config.deadline)
        self.started_at = time.monotonic()
        self.ends_at = self.started_at + limit * config.slow
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(self.run_here(config))
        self.pidfd = os.pidfd_open(self.pid)

    def run_here(self, config):
        os.dup2(self.output.fileno(), 1)
        os.dup2(self.output.fileno(), 2)
        os.environ.pop(procs.MARK, None)
        test = None
        code = 1
        try:
            test = Test(config, self.token)
            self.function(test)
            test.check_events()
            test.check_sanitizers()
            code = 0
        except Skip as skip:
            print(skip)
            code = SKIPPED
        except BaseException:  # pylint: disable=broad-except
            traceback.print_exc()
            if test:
                print(f"events: {test.sink.events}")
                print(test.logs())
        if test:
            test.remove_sockets()
        sys.stdout.flush()
        return code

    def finish(self, code):
        if code is None:
            procs.kill(self.pid)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.pidfd)
        clean_up(self.token)
        self.output.seek(0)
        text = self.output.read().decode(errors="replace")
        if code is None:
            return "timeout", text
        code = os.waitstatus_to_exitcode(status)
        return {0: "ok", SKIPPED: "skip"}.get(code, "failed"), text


def comment(text, config):
    lines = text.rstrip().splitlines()
    if len(lines) > config.lines:
        half = config.lines // 2
        lines = lines[:half] + ["…"] + lines[-half:]
    return "".join(f"# {line}\n" for line in lines)


def report(test, result, text, config):
    title = f"{test.number} - {test.name}"
    took = time.monotonic() - test.started_at
    if result == "ok":
        print(f"ok {title} # {took:.2f} s")
    elif result == "skip":
        print(f"ok {title} # SKIP {text.strip()}")
    else:
        print(f"not ok {title}")
        if result == "timeout":
            print("# deadline passed")
        print(comment(text, config), end="")
    sys.stdout.flush()


def collect(directory, pattern):
    """(name, function) of every test_* in test_*.py, in file order."""
    tests = []
    for file in sorted(os.listdir(directory)):
        if not re.fullmatch(r"test_\w+\.py", file):
            continue
        spec = importlib.util.spec_from_file_location(
            file[:-3], os.path.join(directory, file))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = [(f"{file[5:-3]}: {name[5:]}", function)
                 for name, function in vars(module).items()
                 if name.startswith("test_") and inspect.isfunction(function)]
        tests += [t for t in found if re.search(pattern, t[0])]
    return tests


def reap_one(running):
    """Waits for the next test to end or to pass its deadline."""
    while True:
        now = time.monotonic()
        for test in running:
            if test.ends_at <= now:
                return test, None
        left = min(test.ends_at for test in running) - now
        ready = select.select([t.pidfd for t in running], [], [], left)[0]
        for test in running:
            if test.pidfd in ready:
                return test, 0


def run_all(tests, config):
    waiting = list(enumerate(tests, 1))
    running, counts = [], {}
    while waiting or running:
        while waiting and len(running) < config.jobs:
            number, (name, function) = waiting.pop(0)
            if config.reference and getattr(function, "beyond_go", False):
                print(f"ok {number} - {name} # SKIP beyond the Go shim")
                continue
            running.append(Running(number, name, function, config))
        if not running:
            break
        test, code = reap_one(running)
        running.remove(test)
        result, text = test.finish(code)
        report(test, result, text, config)
        counts[result] = counts.get(result, 0) + 1
    return counts


def parse(argv):
    out = os.environ.get("O", "build")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shim", default=os.environ.get(
        "CHOCK_SHIM", os.path.join(out, "containerd-shim-chock-v1")))
    parser.add_argument("--runtime", default=os.path.join(
        out, "test/tool/fake-runtime"))
    parser.add_argument("--preload", default=os.path.join(
        out, "test/tool/preload"), help="folder of the LD_PRELOAD libraries")
    parser.add_argument("-k", dest="pattern", default="", metavar="REGEX")
    parser.add_argument("-j", dest="jobs", type=int, default=1)
    parser.add_argument("-n", dest="repeat", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=60)
    parser.add_argument("--slow", type=float, default=1,
                        help="multiplies every deadline")
    parser.add_argument("--lines", type=int, default=120,
                        help="of output shown for a failed test")
    parser.add_argument("--reference", action="store_true",
                        help="the shim is the Go one: leave out what it lacks")
    config = parser.parse_args(argv)
    for name in ("shim", "runtime", "preload"):
        setattr(config, name, os.path.abspath(getattr(config, name)))
    return config


def main(directory, argv):
    config = parse(argv)
    for path in (config.shim, config.runtime):
        if not os.access(path, os.X_OK):
            print(f"Bail out! {path} is not there; build it first")
            return 2
    tests = collect(directory, config.pattern) * config.repeat
    print(f"1..{len(tests)}")
    counts = run_all(tests, config)
    print("# " + ", ".join(f"{v} {k}" for k, v in sorted(counts.items())))
    return 0 if not set(counts) & {"failed", "timeout"} else 1
