# SPDX-License-Identifier: Apache-2.0
"""A client's side of a process's stdio FIFOs."""

import os
import select
import threading


class Output:
    """Reads a FIFO to its end in a thread, unless it is stopped."""

    def __init__(self, path, start=True):
        self.path = path
        self.data = bytearray()
        self.changed = threading.Condition()
        self.eof = False
        self.fd = -1
        if start:
            self.start()

    def start(self):
        # Non-blocking, so that no writer is needed; a writer may come later.
        self.fd = os.open(self.path,
                          os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        threading.Thread(target=self.run, args=(self.fd,),
                         daemon=True).start()
        return self

    def run(self, fd):
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while True:
            poll.poll()  # a FIFO that had no writer yet gives no event
            try:
                data = os.read(fd, 1 << 16)
            except BlockingIOError:
                continue
            except OSError:
                return
            with self.changed:
                self.data += data
                self.eof = not data
                self.changed.notify_all()
            if not data:
                return

    def wait(self, condition, what, timeout=60):
        with self.changed:
            if not self.changed.wait_for(condition, timeout):
                tail = bytes(self.data[-200:])
                raise AssertionError(
                    f"{self.path}: no {what}; {len(self.data)} bytes: {tail}")
            return bytes(self.data)

    def wait_eof(self, timeout=60):
        return self.wait(lambda: self.eof, "end of file", timeout)

    def wait_text(self, text, timeout=60):
        return self.wait(lambda: text in self.data, repr(text), timeout)


class Stdio:
    """Three FIFOs; reading starts at once unless told otherwise."""

    def __init__(self, directory, name, stdin=False, stderr=True, read=True):
        self.paths = {}
        for stream in ("stdin", "stdout", "stderr"):
            path = os.path.join(directory, f"{name}-{stream}")
            if (stream == "stdin" and not stdin) or \
               (stream == "stderr" and not stderr):
                self.paths[stream] = ""
                continue
            os.mkfifo(path, 0o700)
            self.paths[stream] = path
        self.out = Output(self.paths["stdout"], read)
        self.err = Output(self.paths["stderr"], read) if stderr else None

    def fields(self):
        return dict(self.paths)

    def open_stdin(self):
        """A writer. Waits for a reader, so it wants the process created."""
        return open(self.paths["stdin"], "wb", buffering=0)

    def feed(self, data):
        """Writes from a thread, as soon as there is a reader, and closes."""
        def run():
            with self.open_stdin() as stdin:
                view = memoryview(data)
                while view:
                    view = view[stdin.write(view):]
        threading.Thread(target=run, daemon=True).start()
