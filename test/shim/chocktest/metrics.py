# SPDX-License-Identifier: Apache-2.0
"""What Stats tells of a cgroup, on either version."""

import os

from . import proto

ROOT = "/sys/fs/cgroup"
IS_V2 = os.path.exists(f"{ROOT}/cgroup.controllers")

METRICS = {
    "V1Metrics": "2 pids Pids, 3 cpu V1Cpu, 4 memory V1Memory,"
                 " 9 memory_oom_control V1Oom",
    "V1Cpu": "1 usage V1Usage, 2 throttling V1Throttling",
    "V1Usage": "1 total u",
    "V1Throttling": "1 periods u",
    "V1Memory": "33 usage V1Entry",
    "V1Entry": "1 limit u, 2 usage u, 3 max u",
    "V1Oom": "3 oom_kill u",
    "V2Metrics": "1 pids Pids, 2 cpu V2Cpu, 4 memory V2Memory,"
                 " 8 memory_events V2Events",
    "V2Cpu": "1 usage_usec u",
    "V2Memory": "32 usage u, 33 usage_limit u",
    "V2Events": "5 oom_kill u",
    "Pids": "1 current u, 2 limit u",
}
proto.FIELDS.update(
    {name: [proto.Field(part) for part in text.split(",")]
     for name, text in METRICS.items()})


def decode(t, stats):
    """Of a response to Stats."""
    stats = stats["stats"]
    version = "v2" if IS_V2 else "v1"
    t.equal(stats["type_url"], f"io.containerd.cgroups.{version}.Metrics")
    return proto.decode("V2Metrics" if IS_V2 else "V1Metrics", stats["value"])


def metrics(t, c):
    return decode(t, c.call("Stats"))
