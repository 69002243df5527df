# SPDX-License-Identifier: Apache-2.0
"""Root file systems that are mounted, and what they leave."""

import glob
import os
import subprocess

from chocktest import procs
from chocktest.context import Skip
from chocktest.runner import beyond_go, deadline
from chocktest.ttrpc import UNKNOWN

FUSE = ("/dev/fuse", "/sbin/mount.fuse3", "/usr/bin/fuse-overlayfs")


def need(*paths):
    for path in paths:
        if not os.path.exists(path):
            raise Skip(f"no {path}")


def container_and_folder(t):
    """A container of runc that looks for a marker, and a root that has it."""
    t.use_runc()
    c = t.container(["sh", "-c", "test -e /marker"])
    folder = os.path.join(t.dir, "folder")
    c.bundle.fill_rootfs(folder)
    with open(os.path.join(folder, "marker"), "w", encoding="ascii"):
        pass
    return c, folder


def finish(t, c):
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()


def loops_of(path):
    return [name for name in glob.glob("/sys/block/loop*/loop/backing_file")
            if procs.read(name).decode().rstrip("\n") == path]


@deadline(120)
def test_bind(t):
    c, folder = container_and_folder(t)
    c.run(rootfs=[{"type": "bind", "source": folder,
                   "options": ["rbind", "ro"]}])
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    finish(t, c)


@deadline(120)
def test_loop(t):
    need("/dev/loop-control", "/sbin/mkfs.ext4")
    c, folder = container_and_folder(t)
    image = os.path.join(t.dir, "image")
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", "-d", folder, image, "16M"],
                   check=True, capture_output=True)
    c.run(rootfs=[{"type": "ext4", "source": image,
                   "options": ["loop", "ro"]}])
    t.equal(len(loops_of(image)), 1)
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    # The kernel may take a moment to clear a device that nobody uses.
    procs.wait_until(lambda: not loops_of(image), "loop device detached")
    finish(t, c)


def fuse_rootfs(folder):
    return [{"type": "fuse3.fuse-overlayfs", "source": "overlay",
             "options": [f"lowerdir={folder}"]}]


def daemon(t):
    """It has the environment of the shim that had it started."""
    found = [pid for pid, command in procs.marked(t.token).items()
             if command.startswith("fuse-overlayfs")]
    t.equal(len(found), 1, "daemons of the mount")
    return found[0]


@deadline(120)
def test_fuse(t):
    need(*FUSE)
    c, folder = container_and_folder(t)
    c.run(rootfs=fuse_rootfs(folder))
    pid = daemon(t)
    t.equal(c.wait()["exit_status"], 0)
    c.delete()
    t.true(procs.wait_dead(pid), "the daemon lives on")
    finish(t, c)


@deadline(120)
def test_fuse_after_a_killed_shim(t):
    need(*FUSE)
    c, folder = container_and_folder(t)
    c.run(rootfs=fuse_rootfs(folder))
    pid = daemon(t)
    c.shim.kill()
    c.shim.wait_gone()
    t.true(procs.alive(pid), "the daemon went with the shim")
    t.equal(c.shim.delete_command().code, 0)
    t.true(procs.wait_dead(pid), "the daemon lives on")
    t.check_clean()


@beyond_go
@deadline(120)
def test_helper_that_fails(t):
    """The Go shim says it in other words."""
    need(*FUSE)
    c, _ = container_and_folder(t)
    text = t.error(UNKNOWN, None, c.create,
                   rootfs=fuse_rootfs(os.path.join(t.dir, "missing")))
    t.true("mount.fuse3 did not terminate successfully" in text, text)
    t.equal(procs.mounts_below(t.dir), [])
    finish(t, c)
