#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes pods, and prints what their shims take: "name<TAB>number" lines.

usage: pods.py COUNT, by test/bench/pods
"""
import os
import sys
import time

sys.path.append(os.environ["SUITE"])
import cri  # noqa: E402, pylint: disable=wrong-import-position

# Of every thread, on x86-64 and arm64.
KERNEL_STACK_KB = 16
EXECS = 10


def read(pid, name):
    with open("/proc/%d/%s" % (pid, name), encoding="ascii") as file:
        return file.read()


def fields(text):
    """The numbers of "Name:   123 kB" lines."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[1].isdigit():
            found[words[0].rstrip(":")] = int(words[1])
    return found


def of_shim(pid):
    memory = fields(read(pid, "smaps_rollup"))
    status = fields(read(pid, "status"))
    times = read(pid, "stat").rpartition(") ")[2].split()
    return {
        "PSS, MiB": memory["Pss"] / 1024,
        "RSS, MiB": memory["Rss"] / 1024,
        "private dirty, MiB": memory["Private_Dirty"] / 1024,
        "page tables, MiB": status["VmPTE"] / 1024,
        "threads": status["Threads"],
        "kernel stacks, MiB": status["Threads"] * KERNEL_STACK_KB / 1024,
        "descriptors": len(os.listdir("/proc/%d/fd" % pid)),
        "CPU time, s": (int(times[11]) + int(times[12])) /
                       os.sysconf("SC_CLK_TCK"),
    }


def report(when, count):
    pids = [int(pid) for pid in cri.shell("shim_pids").split()]
    cri.expect_equal(len(pids), count, "shims")
    shims = [of_shim(pid) for pid in pids]
    for name in shims[0]:
        print("%s: %s\t%.4g" % (when, name, sum(s[name] for s in shims)))


def main():
    count = int(sys.argv[1])
    runtime = cri.Runtime()

    def begin(number):
        pod = cri.Pod(runtime, "pod%d" % number)
        return pod, pod.idle("a")

    began = time.monotonic()
    pods = cri.parallel(begin, range(count), 4)
    print("time to start all, s\t%.3g" % (time.monotonic() - began))
    report("idle", count)
    began = time.monotonic()
    cri.parallel(lambda item: [item[1].exec_sync("true")
                               for _ in range(EXECS)], pods, 4)
    print("time of %d execs, s\t%.3g" % (EXECS * count,
                                         time.monotonic() - began))
    report("after %d execs each" % EXECS, count)
    began = time.monotonic()
    cri.parallel(lambda item: item[0].remove(), pods, 4)
    print("time to remove all, s\t%.3g" % (time.monotonic() - began))


main()
