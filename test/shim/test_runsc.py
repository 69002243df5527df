# SPDX-License-Identifier: Apache-2.0
"""What no client of containerd can be made to do with the real runsc, where it is
installed: leave a container of a pod created, and never start it."""

from chocktest.container import CREATED, STOPPED, Container
from chocktest.gvisor import POD, TYPE, member
from chocktest.runner import beyond_go, deadline


def pod(t):
    """A sandbox that runs."""
    t.use_runsc()
    bundle = t.bundle(annotations={TYPE: "sandbox"})
    bundle.config["annotations"][POD] = bundle.id
    bundle.write_config()
    return Container(t, t.shim(bundle), bundle).run()


def end(t, c):
    c.shutdown()
    t.check_clean()


@deadline(120)
@beyond_go
def test_created_and_killed(t):
    """With all set, as containerd cleans up; or alone."""
    c = pod(t)
    for everything in (True, False):
        m = member(c, name=f"m{everything}").create()
        t.equal(m.status(), CREATED)
        m.kill(all_processes=everything)
        t.equal(m.wait()["exit_status"], 137)
        t.equal(m.status(), STOPPED)
        t.equal(m.delete()["exit_status"], 137)
    c.finish()
    end(t, c)


@deadline(120)
@beyond_go
def test_created_and_deleted(t):
    c = pod(t)
    m = member(c).create()
    m.delete()
    c.finish()
    end(t, c)


@deadline(120)
@beyond_go
def test_created_when_its_sandbox_dies(t):
    c = pod(t)
    m = member(c).create()
    c.kill()
    t.equal(c.wait()["exit_status"], 137)
    t.equal(m.wait()["exit_status"], 137)
    m.delete()
    c.delete()
    end(t, c)
