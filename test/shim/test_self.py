# SPDX-License-Identifier: Apache-2.0
"""The tests' own tools: a checker that cannot fail proves nothing."""

import os

from chocktest import order, procs, proto
from chocktest.shim import parse_start
from chocktest.sink import Event

TYPES = {"create": "TaskCreate", "start": "TaskStart", "exit": "TaskExit",
         "delete": "TaskDelete", "exec-added": "TaskExecAdded",
         "exec-started": "TaskExecStarted"}


def event(word):
    """"exit:e" is the exit of exec e, "exit" that of init."""
    topic, _, exec_id = word.partition(":")
    fields = {"container_id": "c"}
    if topic.startswith("exec"):
        fields["exec_id"] = exec_id
    elif topic == "exit":
        fields["id"] = exec_id or "c"
    value = proto.encode(TYPES[topic], fields)
    return Event({"topic": f"/tasks/{topic}", "namespace": "n",
                  "timestamp": {"seconds": 1, "nanos": 0},
                  "event": {"type_url": f"x.{TYPES[topic]}", "value": value}})


def problems(*words):
    return order.check([event(word) for word in words])


def test_order_accepts_good_ones(t):
    for good in ("create start exit delete", "create delete",
                 "create exit delete", "create delete exit",
                 "create start exec-added:e exec-started:e exit:e exit delete",
                 "create start exec-added:e exit"):
        t.equal(problems(*good.split()), [], good)


def test_order_notices_bad_ones(t):
    for bad in ("start create exit", "create exit start", "exit start create",
                "create start exit exit", "create create start",
                "create start delete exit", "start exit",
                "create start exec-added:e exit exit:e",
                "create start exec-started:e exec-added:e",
                "create start exec-added:e exit:e exec-started:e exit",
                "create start exec-added:e exec-started:e exit:e exit:e"):
        t.true(problems(*bad.split()), f"accepted: {bad}")


def test_codec(t):
    for name, message in {
        "StateResponse": {"id": "é", "pid": 2**32 - 1, "terminal": True,
                          "exited_at": {"seconds": -62135596800, "nanos": 0}},
        "BootstrapParams": {"log_level": -4, "extensions": [
            {"value": {"type_url": "a", "value": b"\0\xff"}}, {}]},
        "UpdateRequest": {"annotations": {"a": "b", "": "c"}},
        "Mount": {"options": ["", "ro", "x" * 300]},
    }.items():
        decoded = proto.decode(name, proto.encode(name, message))
        for key, value in message.items():
            if key != "extensions":
                t.equal(decoded[key], value, key)
    t.equal(proto.encode("KillRequest", {"id": "c", "signal": 300}).hex(),
            "0a016318ac02")
    t.equal(proto.encode("BootstrapParams", {"log_level": -4}).hex(),
            "18fcffffffffffffffff01")


def test_codec_refuses_nonsense(t):
    for data in (b"\x0a", b"\x0a\x05abc", b"\xff" * 12, b"\x0b", b"\x08\x01"):
        try:
            proto.decode("StateRequest", data)
        except proto.ProtoError:
            continue
        raise AssertionError(f"accepted {data}")
    try:
        proto.decode("BootstrapResult", b"unix:///run/containerd/s/0")
        t.true(False, "a plain address decodes as a message")
    except proto.ProtoError:
        pass


def test_start_forms(t):
    address = "unix:///run/containerd/s/0"
    for out in (address.encode(), address.encode() + b"\n",
                b'{"version":3,"address":"%s","protocol":"ttrpc"}'
                % address.encode(),
                proto.encode("BootstrapResult", {
                    "version": 3, "address": address, "protocol": "ttrpc"})):
        t.equal(parse_start(out)["address"], address)


def test_marked_processes_are_found_and_ended(t):
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000000"],
                         {procs.MARK: t.token})
    t.equal(procs.marked(t.token), {pid: "sleep 1000000"})
    procs.kill_marked(t.token)
    t.true(not procs.alive(pid), "it lives on")
    t.equal(procs.zombies(os.getpid()), [pid])
    os.waitpid(pid, 0)
