# SPDX-License-Identifier: Apache-2.0
"""A recording's bytes, to be changed: see shim/recorder.c for the format."""

import os
import re
import struct

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
HEADER, SLOT = 256, 128
# seq at_ns actions process pid status kind event from next step
FIELDS = struct.Struct("=QqQIIIBBBBB")
NAMES = ("seq", "at_ns", "actions", "process", "pid", "status", "kind",
         "event", "before", "next", "step")


def numbers(table, what):
    """{name: number} of the STATEs, EVENTs or ACTIONs of a file of fsm/."""
    with open(os.path.join(TOP, "fsm", table), encoding="ascii") as file:
        names = re.findall(rf"^{what}\((\w+)\)", file.read(), re.M)
    return {name: number for number, name in enumerate(names)}


STATE = numbers("init.def", "STATE")
EVENT = numbers("init.def", "EVENT")
ACTION = numbers("actions.def", "ACTION")


def fnv(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 % 2 ** 32
    return value


def seal(data, begin, size):
    """Makes the checksum at the end of a header or slot right."""
    end = begin + size - 4
    struct.pack_into("=I", data, end, fnv(data[begin:end]))


class Recording:
    """The file's bytes are .data; slots count from 0, the first record's."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())

    def save(self, path):
        with open(path, "wb") as file:
            file.write(self.data)

    @staticmethod
    def at(slot):
        return HEADER + SLOT + slot * SLOT

    def slots(self):
        return (len(self.data) - self.at(0)) // SLOT

    def used(self):
        """How many slots hold a record, of a ring that has not wrapped."""
        return sum(self.get(slot)["seq"] != 0 for slot in range(self.slots()))

    def get(self, slot):
        """The fields of a record, by name."""
        values = FIELDS.unpack_from(self.data, self.at(slot))
        return dict(zip(NAMES, values))

    def set(self, slot, **changes):
        """Changes fields of a record, and its checksum with them."""
        fields = {**self.get(slot), **changes}
        FIELDS.pack_into(self.data, self.at(slot),
                         *(fields[name] for name in NAMES))
        seal(self.data, self.at(slot), SLOT)
        return self

    def poke(self, offset, value):
        """Changes one byte and no checksum."""
        self.data[offset] = value
        return self

    def drop(self, slot):
        """Takes a record out; those after it move up."""
        for i in range(slot, self.slots() - 1):
            begin = self.at(i)
            self.data[begin:begin + SLOT] = self.data[begin + SLOT:
                                                      begin + 2 * SLOT]
            if self.get(i)["seq"]:
                self.set(i, seq=i + 1)
        return self

    def cut(self, size):
        del self.data[size:]
        return self
