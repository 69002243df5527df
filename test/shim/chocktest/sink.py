# SPDX-License-Identifier: Apache-2.0
"""containerd's side of the events: the Forward service, well or ill.

Modes: "ok"; "fail" (answers with an error, records nothing); "drop" (closes the
connection on a request, records nothing); "stall" (accepts and reads nothing,
like a stopped process). down() removes the socket, up() brings it back.
"""

import os
import socket
import threading
import time

from . import proto, ttrpc


class Event:
    """One forwarded event; its fields are attributes."""

    def __init__(self, envelope):
        self.at = time.monotonic()
        self.topic = envelope["topic"]
        self.namespace = envelope["namespace"]
        self.timestamp = proto.nanoseconds(envelope["timestamp"])
        self.type = envelope["event"]["type_url"]
        name = self.type.rsplit(".", 1)[-1]
        self.fields = proto.decode(name, envelope["event"]["value"])

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self):
        text = " ".join(f"{k}={v}" for k, v in self.fields.items()
                        if isinstance(v, (int, str)) and v != "")
        return f"{self.topic} {text}"


class Sink:
    """Listens on path; events holds what arrived, in order."""

    def __init__(self, path):
        self.path = path
        self.events = []
        self.refused = 0
        self.problems = []
        self.mode = "ok"
        self.changed = threading.Condition()
        self.listener = None
        self.connections = set()
        self.up()

    def up(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(16)
        self.listener = listener
        threading.Thread(target=self.accept_loop, args=(listener,),
                         daemon=True).start()

    def down(self):
        """As when containerd is killed: nobody listens, connections end."""
        os.unlink(self.path)
        listener, self.listener = self.listener, None
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self.drop_connections()

    def drop_connections(self):
        with self.changed:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def set_mode(self, mode):
        with self.changed:
            self.mode = mode
            self.changed.notify_all()

    def wait_unstalled(self):
        with self.changed:
            self.changed.wait_for(lambda: self.mode != "stall")

    def accept_loop(self, listener):
        try:
            while True:
                self.wait_unstalled()
                connection, _ = listener.accept()
                self.wait_unstalled()
                with self.changed:
                    self.connections.add(connection)
                threading.Thread(target=self.serve, args=(connection,),
                                 daemon=True).start()
        except OSError:
            pass

    def serve(self, connection):
        stream = connection.makefile("rb")
        try:
            while True:
                header = stream.read(ttrpc.HEADER.size)
                if len(header) < ttrpc.HEADER.size:
                    break
                length, number, kind, _ = ttrpc.HEADER.unpack(header)
                payload = stream.read(length)
                self.wait_unstalled()
                if not self.handle(connection, number, kind, payload):
                    break
        except OSError:
            pass
        finally:
            with self.changed:
                self.connections.discard(connection)
            stream.close()
            connection.close()

    def handle(self, connection, number, kind, payload):
        with self.changed:
            mode = self.mode
            if mode in ("drop", "fail"):
                self.refused += 1
                self.changed.notify_all()
        if mode == "drop":
            return False
        response = {}
        if mode == "fail":
            response = {"status": {"code": ttrpc.UNAVAILABLE,
                                   "message": "not now: unavailable"}}
        # The reply first, and nobody may look in between: what is on record
        # is acknowledged, so a test that ends the connection now may ask for
        # "exactly once".
        with self.changed:
            connection.sendall(ttrpc.frame(number, ttrpc.RESPONSE,
                                           proto.encode("Response", response)))
            if mode != "fail":
                self.try_record(kind, payload)
        return True

    def try_record(self, kind, payload):
        try:
            self.record(kind, proto.decode("Request", payload))
        except (proto.ProtoError, AssertionError, KeyError) as error:
            self.problems.append(repr(error))

    def record(self, kind, request):
        assert kind == ttrpc.REQUEST, f"frame type {kind}"
        assert request["service"] == \
            "containerd.services.events.ttrpc.v1.Events", request["service"]
        assert request["method"] == "Forward", request["method"]
        envelope = proto.decode("ForwardRequest",
                                request["payload"])["envelope"]
        event = Event(envelope)
        keys = {item["key"]: item["value"] for item in request["metadata"]}
        assert keys.get("containerd-namespace-ttrpc") == event.namespace, keys
        assert event.timestamp and event.timestamp > 10**18, "timestamp"
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def of(self, container_id, topic=None, exec_id=None):
        """The events of one container, perhaps of one topic or exec."""
        with self.changed:
            return [e for e in self.events
                    if e.container_id == container_id
                    and (topic is None or e.topic == topic)
                    and (exec_id is None
                         or exec_id in (e.fields.get("exec_id"),
                                        e.fields.get("id")))]

    def wait(self, condition, what, timeout=30):
        """Until condition() holds; it is asked whenever an event arrives."""
        with self.changed:
            if not self.changed.wait_for(condition, timeout):
                raise AssertionError(
                    f"no {what}; events: {self.events}")

    def wait_for(self, container_id, topic, count=1, exec_id=None, timeout=30):
        self.wait(lambda: len(self.of(container_id, topic, exec_id)) >= count,
                  f"{count} x {topic} of {container_id}", timeout)
        return self.of(container_id, topic, exec_id)[count - 1]
