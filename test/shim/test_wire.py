# SPDX-License-Identifier: Apache-2.0
"""The ttrpc server: limits, bad frames, bad peers, crowds."""

import os
import socket

from chocktest import procs, proto, ttrpc
from chocktest.measure import check_prompt, is_sanitized
from chocktest.runner import beyond_go
from chocktest.ttrpc import (DATA, INTERNAL, INVALID_ARGUMENT, MAX_FRAME,
                             REQUEST, RESOURCE_EXHAUSTED, RESPONSE,
                             UNIMPLEMENTED, frame, request_payload)


def body(c, method="Connect"):
    return request_payload(c.shim.service, method,
                           proto.encode(f"{method}Request", {"id": c.id}),
                           [("containerd-namespace-ttrpc", "x")])


def check_alive(t, c):
    t.equal(c.call("Connect")["shim_pid"], c.shim.pid)


def test_unknown_service(t):
    c = t.container()
    call = c.shim.client.send("example.Nothing", "Create", b"", "Empty")
    t.error(UNIMPLEMENTED, "service example.Nothing", call.result)
    check_alive(t, c)


def test_unknown_method(t):
    c = t.container()
    for name in ("Nothing", "", "create", "Create "):
        call = c.shim.client.send(c.shim.service, name, b"", "Empty")
        t.error(UNIMPLEMENTED, f"method {name}", call.result)
    check_alive(t, c)


def test_strings_of_any_bytes(t):
    c = t.container()
    call = c.shim.client.send(c.shim.service, "State\0", b"", "Empty")
    t.rpc_error("a method with a NUL", call.result)
    payload = proto.put_bytes(1, b"\xff\xfe")
    call = c.shim.client.send(c.shim.service, "State", payload, "Empty")
    t.rpc_error("an id that is no UTF-8", call.result)
    t.rpc_error("an id with a slash", c.shim.call, "State", id="../" + c.id)
    t.rpc_error("a long id", c.shim.call, "State", id="x" * 1000000)
    check_alive(t, c)


def test_undecodable_payload(t):
    c = t.container()
    for data in (b"\xff", b"\x0a\x05ab", b"\x0a\xff\xff\xff\xff\x7f"):
        call = c.shim.client.send(c.shim.service, "State", data, "Empty")
        text = t.error(INTERNAL, None, call.result)
        t.true(text.startswith("ttrpc: error unmarshalling payload: "), text)
    check_alive(t, c)


def test_undecodable_request(t):
    c = t.container()
    client = c.shim.client
    call = client.expect(101)
    client.send_raw(frame(101, REQUEST, b"\x0a\xff"))
    text = t.error(INVALID_ARGUMENT, None, call.result)
    t.true(text.startswith("unmarshal request error: "), text)
    check_alive(t, c)


def test_oversized_frame(t):
    c = t.container()
    client = c.shim.client
    call = client.expect(101)
    client.send_raw(frame(101, REQUEST, bytes(MAX_FRAME + 1)))
    t.error(RESOURCE_EXHAUSTED,
            "message length 4194305 exceed maximum message size of 4194304",
            call.result)
    check_alive(t, c)


def test_largest_frame(t):
    """4 MiB are allowed: padding in a metadata value, ignored."""
    c = t.container()
    client = c.shim.client
    start = body(c)
    padding = MAX_FRAME - len(start) - 16
    data = start + proto.put_bytes(99, bytes(padding))
    data += proto.put_bytes(98, bytes(MAX_FRAME - len(data) - 3))
    t.equal(len(data), MAX_FRAME)
    call = client.expect(101, "ConnectResponse")
    client.send_raw(frame(101, REQUEST, data))
    t.equal(call.result()["shim_pid"], c.shim.pid)


def test_even_stream(t):
    c = t.container()
    client = c.shim.client
    call = client.expect(102)
    client.send_raw(frame(102, REQUEST, body(c)))
    t.error(INVALID_ARGUMENT, "StreamID must be odd for client initiated "
            "streams", call.result)
    check_alive(t, c)


@beyond_go
def test_used_stream(t):
    """Checked from ttrpc 1.2 on; Debian's shim has 1.1."""
    c = t.container()
    client = c.shim.client
    for stream in (101, 99, 101):
        call = client.expect(stream, "ConnectResponse")
        client.send_raw(frame(stream, REQUEST, body(c)))
        if stream == 101 and not client.stray:
            t.equal(call.result()["shim_pid"], c.shim.pid)
            client.stray.append("first")
            continue
        t.error(INVALID_ARGUMENT, "StreamID cannot be re-used and must "
                "increment", call.result)
    check_alive(t, c)


@beyond_go
def test_data_for_no_stream(t):
    """Data frames came with ttrpc 1.2."""
    c = t.container()
    client = c.shim.client
    call = client.expect(101)
    client.send_raw(frame(101, DATA, b"x"))
    t.error(INVALID_ARGUMENT, "StreamID is no longer active", call.result)
    check_alive(t, c)


def test_other_frame_types_are_ignored(t):
    c = t.container()
    for kind in (RESPONSE, 0, 4, 77, 255):
        c.shim.client.send_raw(frame(101, kind, b"whatever"))
    check_alive(t, c)
    t.equal(c.shim.client.stray, [])


def test_unknown_fields_are_ignored(t):
    c = t.container()
    payload = proto.encode("ConnectRequest", {"id": c.id})
    payload += proto.put_bytes(77, b"new") + proto.put_varint(78 << 3) + b"\1"
    call = c.shim.client.send(c.shim.service, "Connect", payload,
                              "ConnectResponse")
    t.equal(call.result()["shim_pid"], c.shim.pid)


def test_garbage_closes_at_most_its_own_connection(t):
    c = t.container().run()
    for n in range(20):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(c.shim.path)
        try:
            peer.sendall(os.urandom(1 + n * 997))
        except OSError:
            pass
        if n % 2:
            peer.close()
    check_alive(t, c)


def test_half_a_frame_keeps_nobody_waiting(t):
    c = t.container().run()
    whole = frame(1, REQUEST, body(c))
    peers = []
    for size in (0, 1, 9, 10, 11, len(whole) - 1):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(c.shim.path)
        peer.sendall(whole[:size])
        peers.append(peer)
    check_prompt(lambda: c.send("Connect"), "Connect")
    peers[-1].sendall(whole[-1:])
    header = peers[-1].recv(10)
    t.equal(ttrpc.HEADER.unpack(header)[1:], (1, RESPONSE, 0))


def test_frame_byte_by_byte(t):
    c = t.container()
    client = c.shim.client
    call = client.expect(101, "ConnectResponse")
    for byte in frame(101, REQUEST, body(c)):
        client.send_raw(bytes([byte]))
    t.equal(call.result()["shim_pid"], c.shim.pid)


@beyond_go
def test_a_peer_that_does_not_read(t):
    """It asks for ever and takes no answer: memory stays bounded, and others
    are served."""
    c = t.container().run()
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(c.shim.path)
    peer.settimeout(2)
    request = body(c, "State")
    sent = 0
    try:
        for n in range(400000):
            peer.sendall(frame(2 * n + 1, REQUEST, request))
            sent = n
    except TimeoutError:
        pass
    t.true(sent < 399999, "the shim reads without end")
    if not is_sanitized(t.shim_path):
        t.true(procs.private_kib(c.shim.pid) < 64 << 10, "memory grows")
    check_prompt(lambda: c.send("Connect"), "Connect")


def test_many_calls_in_flight(t):
    c = t.container().run()
    waits = [c.send("Wait") for _ in range(500)]
    states = [c.send("State") for _ in range(500)]
    for state in states:
        t.equal(state.result()["pid"], c.pid)
    c.kill()
    t.equal({w.result()["exit_status"] for w in waits}, {137})


def test_many_connections(t):
    c = t.container().run()
    clients = [c.shim.connect() for _ in range(100)]
    calls = [c.shim.send("State", client=client, id=c.id)
             for client in clients]
    for call in calls:
        t.equal(call.result()["pid"], c.pid)
    for client in clients:
        client.close()
    check_alive(t, c)


def test_connection_lost_with_calls_in_flight(t):
    c = t.container().run()
    client = c.shim.connect()
    for _ in range(50):
        c.shim.send("Wait", client=client, id=c.id)
    client.close()
    t.equal(c.finish()["exit_status"], 137)
    check_alive(t, c)


def test_metadata_of_any_kind(t):
    c = t.container()
    metadata = [("containerd-namespace-ttrpc", t.namespace),
                ("traceparent", "00-0-0-00"), ("", ""), ("k", "v" * 10000),
                ("k", "again")]
    call = c.shim.client.send(c.shim.service, "Connect",
                              proto.encode("ConnectRequest", {"id": c.id}),
                              "ConnectResponse", metadata=metadata)
    t.equal(call.result()["shim_pid"], c.shim.pid)
