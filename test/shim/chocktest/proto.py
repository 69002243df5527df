# SPDX-License-Identifier: Apache-2.0
"""Protobuf by tables of field numbers, independent of the C code under test.

A schema is a text "NUMBER NAME KIND, …". Kinds: s string, y bytes, u unsigned
varint, i signed varint, b bool, m map<string,string>, a message name; a leading
* means repeated. A message is a dict; decoding fills in every default, keeps
absent messages as None and unknown fields under "_unknown".
"""

SCHEMAS = {
    "Request": "1 service s, 2 method s, 3 payload y, 4 timeout_nano i,"
               " 5 metadata *KeyValue",
    "KeyValue": "1 key s, 2 value s",
    "Response": "1 status Status, 2 payload y",
    "Status": "1 code i, 2 message s, 3 details *Any",
    "Any": "1 type_url s, 2 value y",
    "Timestamp": "1 seconds i, 2 nanos i",
    "Empty": "",
    "Mount": "1 type s, 2 source s, 3 target s, 4 options *s",
    "StateRequest": "1 id s, 2 exec_id s",
    "StateResponse": "1 id s, 2 bundle s, 3 pid u, 4 status u, 5 stdin s,"
                     " 6 stdout s, 7 stderr s, 8 terminal b, 9 exit_status u,"
                     " 10 exited_at Timestamp, 11 exec_id s",
    "CreateRequest": "1 id s, 2 bundle s, 3 rootfs *Mount, 4 terminal b,"
                     " 5 stdin s, 6 stdout s, 7 stderr s, 8 checkpoint s,"
                     " 9 parent_checkpoint s, 10 options Any",
    "CreateResponse": "1 pid u",
    "StartRequest": "1 id s, 2 exec_id s",
    "StartResponse": "1 pid u",
    "DeleteRequest": "1 id s, 2 exec_id s",
    "DeleteResponse": "1 pid u, 2 exit_status u, 3 exited_at Timestamp",
    "PidsRequest": "1 id s",
    "PidsResponse": "1 processes *ProcessInfo",
    "ProcessInfo": "1 pid u, 2 info Any",
    "ProcessDetails": "1 exec_id s",
    "PauseRequest": "1 id s",
    "PauseResponse": "",
    "ResumeRequest": "1 id s",
    "ResumeResponse": "",
    "CheckpointRequest": "1 id s, 2 path s, 3 options Any",
    "CheckpointResponse": "",
    "KillRequest": "1 id s, 2 exec_id s, 3 signal u, 4 all b",
    "KillResponse": "",
    "ExecRequest": "1 id s, 2 exec_id s, 3 terminal b, 4 stdin s, 5 stdout s,"
                   " 6 stderr s, 7 spec Any",
    "ExecResponse": "",
    "ResizePtyRequest": "1 id s, 2 exec_id s, 3 width u, 4 height u",
    "ResizePtyResponse": "",
    "CloseIORequest": "1 id s, 2 exec_id s, 3 stdin b",
    "CloseIOResponse": "",
    "UpdateRequest": "1 id s, 2 resources Any, 3 annotations m",
    "UpdateResponse": "",
    "WaitRequest": "1 id s, 2 exec_id s",
    "WaitResponse": "1 exit_status u, 2 exited_at Timestamp",
    "StatsRequest": "1 id s",
    "StatsResponse": "1 stats Any",
    "ConnectRequest": "1 id s",
    "ConnectResponse": "1 shim_pid u, 2 task_pid u, 3 version s",
    "ShutdownRequest": "1 id s, 2 now b",
    "ShutdownResponse": "",
    "RuncOptions": "1 no_pivot_root b, 2 no_new_keyring b, 3 shim_cgroup s,"
                   " 4 io_uid u, 5 io_gid u, 6 binary_name s, 7 root s,"
                   " 8 criu_path s, 9 systemd_cgroup b, 10 criu_image_path s,"
                   " 11 criu_work_path s, 12 task_api_address s,"
                   " 13 task_api_version u",
    "LinuxCheckpointOptions": "1 exit b, 8 work_path s, 9 image_path s",
    "CheckpointOptions": "1 exit b, 2 open_tcp b, 3 external_unix_sockets b,"
                         " 4 terminal b, 5 file_locks b,"
                         " 6 empty_namespaces *s, 7 cgroups_mode s,"
                         " 8 image_path s, 9 work_path s, 10 parent_path s",
    "BootstrapParams": "1 instance_id s, 2 namespace s, 3 log_level i,"
                       " 4 containerd_version s, 5 containerd_ttrpc_address s,"
                       " 6 containerd_grpc_address s, 7 containerd_binary s,"
                       " 8 extensions *Extension, 9 socket_dir s",
    "Extension": "1 value Any",
    "BootstrapResult": "1 version i, 2 address s, 3 protocol s,"
                       " 4 capabilities *u, 5 metadata m",
    "RuntimeInfo": "1 name s, 2 version RuntimeVersion, 3 options Any,"
                   " 4 features Any, 5 annotations m",
    "RuntimeVersion": "1 version s, 2 revision s",
    "ForwardRequest": "1 envelope Envelope",
    "Envelope": "1 timestamp Timestamp, 2 namespace s, 3 topic s, 4 event Any",
    "TaskIO": "1 stdin s, 2 stdout s, 3 stderr s, 4 terminal b",
    "TaskCreate": "1 container_id s, 2 bundle s, 3 rootfs *Mount, 4 io TaskIO,"
                  " 5 checkpoint s, 6 pid u",
    "TaskStart": "1 container_id s, 2 pid u",
    "TaskDelete": "1 container_id s, 2 pid u, 3 exit_status u,"
                  " 4 exited_at Timestamp, 5 id s",
    "TaskExit": "1 container_id s, 2 id s, 3 pid u, 4 exit_status u,"
                " 5 exited_at Timestamp",
    "TaskOOM": "1 container_id s",
    "TaskExecAdded": "1 container_id s, 2 exec_id s",
    "TaskExecStarted": "1 container_id s, 2 exec_id s, 3 pid u",
    "TaskPaused": "1 container_id s",
    "TaskResumed": "1 container_id s",
    "TaskCheckpointed": "1 container_id s, 2 checkpoint s",
}


class ProtoError(Exception):
    """Bytes that are no such message."""


class Field:
    """One line of a schema."""

    def __init__(self, text):
        number, self.name, kind = text.split()
        self.number = int(number)
        self.repeated = kind.startswith("*")
        self.kind = kind.lstrip("*")

    def default(self):
        if self.repeated:
            return []
        return {"s": "", "y": b"", "u": 0, "i": 0, "b": False,
                "m": {}}.get(self.kind)


FIELDS = {
    name: [Field(part) for part in text.split(",") if part.strip()]
    for name, text in SCHEMAS.items()
}


def put_varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put_bytes(number, data):
    return put_varint(number << 3 | 2) + put_varint(len(data)) + data


def put_field(field, value):
    if field.kind in "uib":
        return put_varint(field.number << 3) + put_varint(int(value))
    if field.kind == "s":
        return put_bytes(field.number, value.encode())
    if field.kind == "y":
        return put_bytes(field.number, value)
    return put_bytes(field.number, encode(field.kind, value))


def encode(name, message):
    """The bytes of a message; defaults of plain fields are left out."""
    out = b""
    known = {field.name for field in FIELDS[name]}
    if set(message) - known - {"_unknown"}:
        raise KeyError(f"{name}: {set(message) - known}")
    for field in FIELDS[name]:
        value = message.get(field.name)
        if field.kind == "m":
            for key, item in (value or {}).items():
                out += put_bytes(field.number,
                                 put_bytes(1, key.encode())
                                 + put_bytes(2, item.encode()))
        elif field.repeated:
            out += b"".join(put_field(field, item) for item in value or [])
        elif value is not None and (value or len(field.kind) > 1):
            out += put_field(field, value)
    return out


def get_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ProtoError("bad varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def get_value(data, at, wire):
    if wire == 0:
        return get_varint(data, at)
    if wire == 2:
        size, at = get_varint(data, at)
    elif wire in (1, 5):
        size = 8 if wire == 1 else 4
    else:
        raise ProtoError(f"wire type {wire}")
    if at + size > len(data):
        raise ProtoError("truncated")
    return data[at:at + size], at + size


def convert(field, value):
    if field.kind in "uib":
        if not isinstance(value, int):
            raise ProtoError(f"{field.name}: not a varint")
        if field.kind == "i" and value >= 1 << 63:
            value -= 1 << 64
        return bool(value) if field.kind == "b" else value
    if isinstance(value, int):
        raise ProtoError(f"{field.name}: a varint")
    if field.kind == "s":
        return value.decode()
    if field.kind == "y":
        return bytes(value)
    if field.kind == "m":
        pair = decode("KeyValue", value)
        return {pair["key"]: pair["value"]}
    return decode(field.kind, value)


def decode(name, data):
    """The message as a dict; raises ProtoError."""
    message = {field.name: field.default() for field in FIELDS[name]}
    by_number = {field.number: field for field in FIELDS[name]}
    at = 0
    while at < len(data):
        key, at = get_varint(data, at)
        value, at = get_value(data, at, key & 7)
        field = by_number.get(key >> 3)
        if field is None:
            message.setdefault("_unknown", []).append((key >> 3, value))
            continue
        value = convert(field, value)
        if field.repeated:
            message[field.name].append(value)
        elif field.kind == "m":
            message[field.name].update(value)
        else:
            message[field.name] = value
    return message


def any_of(type_url, value):
    return {"type_url": type_url, "value": value}


def nanoseconds(timestamp):
    """A Timestamp as one integer; None stays None."""
    if timestamp is None:
        return None
    return timestamp["seconds"] * 10**9 + timestamp["nanos"]


# What Go sends for "has not happened": the first of January of the year 1.
NEVER = -62135596800 * 10**9
