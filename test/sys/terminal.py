#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a new terminal and talks to it.

usage: terminal.py [ROWSxCOLS] STEP... -- COMMAND...

Steps: "expect REGEX" waits for output (from where the last match ended),
"send TEXT" types a line, "type TEXT" types without a newline (\\x04 and other
escapes are understood), "size ROWSxCOLS" resizes the terminal, "repeat REGEX
=> TEXT" types the line again and again until the output matches. Exits with the
command's status, or 99 when an expectation is not met in time.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

DEADLINE = time.monotonic() + 60


class Terminal:
    def __init__(self, command, size):
        self.out = b""
        self.pos = 0
        self.open = True
        ready, go = os.pipe()
        born, bear = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.write(bear, b"x")
            os.read(ready, 1)
            os.execvp(command[0], command)
        # Its process group is there from here on, for killpg.
        os.read(born, 1)
        self.size(size)
        os.write(go, b"x")

    def size(self, text):
        rows, cols = map(int, text.split("x"))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

    def read(self, seconds):
        if not self.open:
            return False
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.out += data
        self.open = bool(data)
        return self.open

    def match(self, regex):
        m = re.compile(regex.encode()).search(self.out, self.pos)
        if m:
            self.pos = m.end()
        return m

    def expect(self, regex):
        while not self.match(regex):
            if time.monotonic() > DEADLINE or not self.read(1):
                if not self.match(regex):
                    raise SystemExit(self.fail(regex))
                return

    def repeat(self, regex, text):
        while not self.match(regex):
            if time.monotonic() > DEADLINE or not self.open:
                raise SystemExit(self.fail(regex))
            # ctr applies its terminal's size once before it asks to be told of
            # changes: one that comes in between would be lost on it.
            os.killpg(self.pid, signal.SIGWINCH)
            self.type(text + "\n")
            self.read(1)

    def type(self, text):
        os.write(self.fd, text.encode("latin-1"))

    def fail(self, regex):
        sys.stderr.write(f"no '{regex}' in: {self.out[-600:]!r}\n")
        return 99

    def finish(self):
        while self.read(DEADLINE - time.monotonic()):
            if time.monotonic() > DEADLINE:
                return self.fail("end of output")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main():
    args = sys.argv[1:]
    split = args.index("--")
    steps, command = args[:split], args[split + 1:]
    size = "24x80"
    if steps and re.fullmatch(r"\d+x\d+", steps[0]):
        size = steps.pop(0)
    term = Terminal(command, size)
    for step in steps:
        verb, _, text = step.partition(" ")
        if verb == "type":
            text = text.encode().decode("unicode_escape")
        if verb == "send":
            term.type(text + "\n")
        elif verb == "repeat":
            term.repeat(*text.split(" => "))
        else:
            getattr(term, verb)(text)
    return term.finish()


sys.exit(main())
