#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads lines of `ctr events` and checks the promises about task events.

usage: events.py check FILE [--execs-first] [--exits N] [--ooms N]
       events.py status FILE CONTAINER [EXEC]   prints the exit status told
       events.py count FILE TOPIC               prints how many there are

For each container: create < start < exit < delete, each at most once and
nothing before create or after delete. For each exec: added < started < exit,
exactly one exit for each start, none without. Every start has its exit.
--execs-first: all exec exits come before the exit of the container's init.
--exits N: exactly N exits in all (init and exec).
--ooms N: exactly N containers ran out of memory, each told once and before the
exit of its init.
"""
import json
import re
import sys

LINE = re.compile(r" (\S+) (/\S+) (\{.*\})\s*$")


def read(path):
    out = []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = LINE.search(line)
            if m and m.group(2).startswith("/tasks/"):
                out.append((m.group(2)[len("/tasks/"):],
                            json.loads(m.group(3))))
    return out


class Checker:
    def __init__(self, execs_first, ooms):
        self.execs_first = execs_first
        self.ooms = ooms
        self.bad = []
        self.seen = {}

    def once(self, cid, key, needs, not_after=()):
        seen = self.seen.setdefault(cid, {})
        if key in seen:
            self.bad.append(f"{cid}: {key} told twice")
        if needs and needs not in seen:
            self.bad.append(f"{cid}: {key} without {needs} before it")
        for other in ("delete", *not_after):
            if other in seen:
                self.bad.append(f"{cid}: {key} after {other}")
        seen[key] = True

    def event(self, topic, e):
        cid = e["container_id"]
        if topic in ("create", "start"):
            self.once(cid, topic, {"create": None, "start": "create"}[topic],
                      ("exit",))
        elif topic == "exit" and e.get("id") == cid:
            self.once(cid, "exit", "start")
        elif topic == "exit":
            late = ("exit",) if self.execs_first else ()
            self.once(cid, "exit " + e.get("id", ""),
                      "exec-started " + e.get("id", ""), late)
        elif topic == "exec-added":
            self.once(cid, "exec-added " + e["exec_id"], "create")
        elif topic == "exec-started":
            self.once(cid, "exec-started " + e["exec_id"],
                      "exec-added " + e["exec_id"])
        elif topic == "oom" and self.ooms:
            self.once(cid, "oom", "create", ("exit",))
        elif topic == "delete" and not e.get("id"):
            self.once(cid, "delete", "create")

    def finish(self):
        for cid, seen in self.seen.items():
            for key in seen:
                kind, _, name = key.partition(" ")
                if kind == "start" and "exit" not in seen:
                    self.bad.append(f"{cid}: start without exit")
                if kind == "exec-started" and "exit " + name not in seen:
                    self.bad.append(f"{cid}: exec {name}: no exit")


def check(args):
    events = read(args[0])
    checker = Checker("--execs-first" in args, "--ooms" in args)
    for topic, e in events:
        checker.event(topic, e)
    checker.finish()
    exits = sum(t == "exit" for t, _ in events)
    for topic in ("exit", "oom"):
        if f"--{topic}s" in args:
            told = sum(t == topic for t, _ in events)
            want = int(args[args.index(f"--{topic}s") + 1])
            if told != want:
                checker.bad.append(f"{told} {topic}s told, {want} expected")
    for line in checker.bad[:20]:
        print(line)
    print(f"{len(events)} events, {exits} exits, {len(checker.bad)} wrong")
    return 1 if checker.bad or not events else 0


def status(args):
    want = args[2] if len(args) > 2 else args[1]
    for topic, e in read(args[0]):
        if (topic == "exit" and e["container_id"] == args[1]
                and e.get("id") == want):
            print(e.get("exit_status", 0))
    return 0


def count(args):
    print(sum(t == args[1] for t, _ in read(args[0])))
    return 0


COMMANDS = {"check": check, "status": status, "count": count}
sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
