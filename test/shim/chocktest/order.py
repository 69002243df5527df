# SPDX-License-Identifier: Apache-2.0
"""The rules about the order and number of events, checked over a recording."""

ONCE = {"/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete",
        "/tasks/exec-added", "/tasks/exec-started"}
INIT_ORDER = ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"]
EXEC_ORDER = ["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit"]


def process_of(event):
    """(container, exec id or ""): whose event this is."""
    name = event.fields.get("exec_id") or event.fields.get("id") or ""
    return event.container_id, "" if name == event.container_id else name


def check_process(key, topics):
    problems = [f"{key}: {t} came {topics.count(t)} times"
                for t in ONCE if topics.count(t) > 1]
    order = EXEC_ORDER if key[1] else INIT_ORDER
    ranks = [order.index(t) for t in topics if t in order]
    # A container deleted while created may see its exit after its delete.
    killed_created = "/tasks/start" not in topics and not key[1]
    if ranks != sorted(ranks) and not killed_created:
        problems.append(f"{key}: order {topics}")
    if "/tasks/start" in topics and topics[0] != "/tasks/create":
        problems.append(f"{key}: starts with {topics[0]}")
    return problems


def check_init_last(events):
    problems = []
    gone = set()
    for event in events:
        container, exec_id = process_of(event)
        if event.topic != "/tasks/exit":
            continue
        if not exec_id:
            gone.add(container)
        elif container in gone:
            problems.append(f"{container}: exec {exec_id} exited after init")
    return problems


def check(events, exec_exits_first=True):
    """The broken rules, as texts. Ids must not have been used twice."""
    topics = {}
    for event in events:
        topics.setdefault(process_of(event), []).append(event.topic)
    problems = []
    for key, of_process in topics.items():
        problems += check_process(key, of_process)
    if exec_exits_first:
        problems += check_init_last(events)
    return problems
