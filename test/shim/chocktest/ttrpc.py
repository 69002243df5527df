# SPDX-License-Identifier: Apache-2.0
"""A ttrpc client with many calls in flight, and access to the raw frames."""

import socket
import struct
import threading
import time

from . import proto

REQUEST, RESPONSE, DATA = 1, 2, 3
MAX_FRAME = 4 << 20
HEADER = struct.Struct(">IIBB")

OK, CANCELED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = range(5)
NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = range(5, 9)
FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED = range(9, 13)
INTERNAL, UNAVAILABLE = 13, 14


class RpcError(Exception):
    """An answer with a status that is not OK."""

    def __init__(self, code, message):
        super().__init__(f"code {code}: {message}")
        self.code = code
        self.message = message


class Closed(Exception):
    """The connection ended before the answer."""


def frame(stream, kind, payload, flags=0, length=None):
    length = len(payload) if length is None else length
    return HEADER.pack(length, stream, kind, flags) + payload


def request_payload(service, method, payload, metadata=(), timeout=0):
    return proto.encode("Request", {
        "service": service, "method": method, "payload": payload,
        "timeout_nano": timeout,
        "metadata": [{"key": k, "value": v} for k, v in metadata]})


class Call:
    """A request on its way. done_at is a monotonic time in seconds."""

    def __init__(self, response_type):
        self.response_type = response_type
        self.sent_at = time.monotonic()
        self.done_at = None
        self.payload = None
        self.error = None
        self.done = threading.Event()

    def finish(self, payload=None, error=None):
        self.done_at = time.monotonic()
        self.payload, self.error = payload, error
        self.done.set()

    def result(self, timeout=30):
        if not self.done.wait(timeout):
            raise TimeoutError(f"no answer to {self.response_type}")
        if self.error:
            raise self.error
        return proto.decode(self.response_type, self.payload)

    @property
    def seconds(self):
        return self.done_at - self.sent_at


class Client:
    """One connection. Thread-safe."""

    def __init__(self, path, namespace):
        self.namespace = namespace
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lock = threading.Lock()
        self.pending = {}
        self.next_stream = 1
        self.closed = threading.Event()
        self.stray = []
        self.reader = threading.Thread(target=self.read_loop, daemon=True)
        self.reader.start()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join(5)
        self.socket.close()

    def metadata(self):
        return [("containerd-namespace-ttrpc", self.namespace)]

    def send(self, service, method, payload, response_type, metadata=None):
        """Sends a request and returns its Call."""
        if metadata is None:
            metadata = self.metadata()
        body = request_payload(service, method, payload, metadata)
        call = Call(response_type)
        with self.lock:
            stream = self.next_stream
            self.next_stream += 2
            self.pending[stream] = call
            try:
                call.sent_at = time.monotonic()
                self.socket.sendall(frame(stream, REQUEST, body))
            except OSError as error:
                self.pending.pop(stream, None)
                call.finish(error=Closed(str(error)))
        if self.closed.is_set():
            self.fail_all()
        return call

    def expect(self, stream, response_type="Empty"):
        """A Call for a frame that the caller sends by send_raw()."""
        call = Call(response_type)
        with self.lock:
            self.pending[stream] = call
            self.next_stream = max(self.next_stream, (stream | 1) + 2)
        return call

    def send_raw(self, data):
        with self.lock:
            self.socket.sendall(data)

    def read_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise Closed("end of stream")
            data += part
        return bytes(data)

    def read_loop(self):
        try:
            while True:
                header = HEADER.unpack(self.read_exactly(HEADER.size))
                self.dispatch(header, self.read_exactly(header[0]))
        except (OSError, Closed):
            self.closed.set()
            self.fail_all()

    def dispatch(self, header, payload):
        _, stream, kind, flags = header
        with self.lock:
            call = self.pending.pop(stream, None)
        if call is None or kind != RESPONSE or flags != 0:
            self.stray.append((header, payload))
            return
        try:
            response = proto.decode("Response", payload)
        except proto.ProtoError as error:
            call.finish(error=error)
            return
        status = response["status"]
        if status and status["code"]:
            call.finish(error=RpcError(status["code"], status["message"]))
        else:
            call.finish(payload=response["payload"])

    def fail_all(self):
        with self.lock:
            calls, self.pending = list(self.pending.values()), {}
        for call in calls:
            call.finish(error=Closed("connection closed"))
