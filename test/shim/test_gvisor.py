# SPDX-License-Identifier: Apache-2.0
"""What the shim does for runsc before runsc itself is run.

No gVisor is needed: a runtime of that name which fails is enough.
"""
import json
import os
import stat

from chocktest import proto
from chocktest.ttrpc import RpcError


def failing_runsc(t):
    path = os.path.join(t.dir, "runsc")
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 1\n")
    os.chmod(path, 0o755)
    return path


def create(t, c, text):
    """With options in TOML, as containerd's CRI plugin sends them."""
    body = f'binary_name = "{failing_runsc(t)}"\n' + text
    try:
        c.create(options=proto.any_of("runtimeoptions.v1.Options",
                                      proto.put_bytes(3, body.encode())))
    except RpcError as error:
        t.true("exit status 1" in str(error), error)
    else:
        t.true(False, "runsc has not been run")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_log_options(t):
    c = t.container()
    log = os.path.join(t.dir, "logs", c.id)
    create(t, c, 'log_level = "debug"\n'
                 f'log_path = "{t.dir}/logs/%ID%/"\n')
    text = read(f"{log}/runsc-shim-{c.id}.log")
    t.true(f'id="{c.id}"' in text and "level=debug" in text, text)


def test_log_path_that_cannot_be(t):
    c = t.container()
    create(t, c, 'log_path = "/proc/none/x.log"\n')
    c.bundle.log.wait_for(b"cannot log to '/proc/none/x.log':"
                          b" No such file or directory, ignoring")


def test_state_json(t):
    c = t.container()
    create(t, c, '[runsc_config]\nplatform = "systrap"\n')
    path = c.bundle.file("state.json")
    state = json.loads(read(path))
    t.equal(state["rootfs"], c.bundle.file("rootfs"))
    t.equal(state["options"]["binaryName"], os.path.join(t.dir, "runsc"))
    t.equal(state["options"]["runscConfig"]["platform"], "systrap")
    t.equal(stat.S_IMODE(os.stat(path).st_mode), 0o644)


def test_no_state_json_with_runc(t):
    c = t.container().run()
    t.true(not os.path.exists(c.bundle.file("state.json")), "it is there")
