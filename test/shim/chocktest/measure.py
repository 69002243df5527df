# SPDX-License-Identifier: Apache-2.0
"""Measurements with generous limits."""

import statistics

from . import procs

PROMPT_SECONDS = 0.05
STALL_SECONDS = 2  # no single answer may take this, however loaded the machine


def check_prompt(send, what, rounds=20):
    """send() starts a call; the median time to an answer must be short.

    Any answer counts, an error too: the question is whether it came at once.
    """
    times = []
    for _ in range(rounds):
        call = send()
        if not call.done.wait(STALL_SECONDS):
            raise AssertionError(f"{what} is not answered at once")
        times.append(call.seconds)
    median = statistics.median(times)
    if median > PROMPT_SECONDS:
        raise AssertionError(f"{what}: median {median * 1000:.1f} ms")


def is_sanitized(path):
    """A program built with a sanitizer: its memory says nothing, and it lets
    no other library be loaded first."""
    return b"__asan_init" in procs.read(path)
