# SPDX-License-Identifier: Apache-2.0
"""start, -v, -info and bad command lines, as each containerd runs them."""

import json
import os
import select
import socket
import stat
import threading

from chocktest import procs, proto
from chocktest.container import Container
from chocktest.context import SLEEP
from chocktest.runner import beyond_go
from chocktest.shim import V2, V3, VERSIONS, parse_start, socket_path

GROUP_KEYS = ("io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id")


def check_accepted(t, version, out):
    """What containerd of that version would make of the output."""
    text = out.decode(errors="replace")
    t.equal(text, text.strip() if version == "1.6" else text, "stray spaces")
    if version >= "2.3":
        try:
            result = proto.decode("BootstrapResult", out)
            t.equal(result["protocol"], "ttrpc")
            t.true(result["version"] in (2, 3), "version")
            return
        except (proto.ProtoError, UnicodeDecodeError):
            pass
    if version == "1.6" or not text.startswith("{"):
        t.true(text.startswith("unix:///"), f"no plain address: {text!r}")
        return
    result = json.loads(text)
    highest = 2 if version == "1.7" else 3
    t.true(2 <= result["version"] <= highest, f"version of {result}")
    t.equal(result["protocol"], "ttrpc")


def run_one(t, version, **params):
    c = t.container(version=version, **params).run()
    check_accepted(t, version, c.shim.printed.out)
    c.finish()
    c.shutdown()
    c.shim.delete_command()
    t.check_clean()


def test_start_like_1_6(t):
    run_one(t, "1.6")


def test_start_like_1_7(t):
    run_one(t, "1.7")


def test_start_like_2_0(t):
    run_one(t, "2.0")


@beyond_go
def test_start_like_2_3(t):
    """Not in Debian's Go shim: it is older than the bootstrap message."""
    run_one(t, "2.3")


def test_start_with_options_on_stdin(t):
    """An Any has the same wire types as the newer bootstrap message."""
    for version in ("1.6", "1.7", "2.0"):
        bundle = t.bundle(name=f"c{version[0]}{version[2]}")
        shim = t.shim(bundle, version, options=t.options())
        t.equal(shim.path, socket_path("/run/containerd/s", t.address,
                                       t.namespace, bundle.id))
        Container(t, shim, bundle).shutdown()


@beyond_go
def test_start_with_bootstrap_params(t):
    """Options, debug level and socket folder in the 2.3 message."""
    bundle = t.bundle()
    shim = t.shim(bundle, "2.3", debug=True, options=t.options())
    t.equal(os.path.dirname(shim.path), t.socket_dir)
    t.equal(os.readlink(bundle.file("s")), t.socket_dir)
    c = Container(t, shim, bundle).run()
    c.finish()
    c.shutdown()
    t.true("level=debug" in bundle.log.text(), "no debug line in the log")
    shim.delete_command()
    t.check_clean()


@beyond_go
def test_start_debug_by_level_only(t):
    """The 2.3 message asks for debug by its negative level."""
    bundle = t.bundle()
    launcher = t.launcher("2.3")
    stdin = launcher.stdin(bundle.id, debug=True)
    t.equal(launcher.start(bundle, debug=False, stdin=stdin).code, 0)
    shim = t.shim(bundle, "2.3")
    c = Container(t, shim, bundle).run()
    c.finish()
    c.shutdown()
    t.true("level=debug" in bundle.log.text(), "no debug line in the log")


@beyond_go
def test_start_with_an_any_that_looks_like_bootstrap(t):
    """Field 1 is a type name, not our id: it is no bootstrap message."""
    bundle = t.bundle()
    stdin = proto.encode("Any", proto.any_of(
        "containerd.runc.v1.Options", t.namespace.encode()))
    result = t.launcher("2.0").start(bundle, stdin=stdin)
    t.true(result.code in (0, 1), f"{result}")
    if result.code == 0:
        path = parse_start(result.out)["address"].removeprefix("unix://")
        t.equal(os.path.dirname(path), "/run/containerd/s")


@beyond_go
def test_start_with_garbage_on_stdin(t):
    """Whatever it makes of it, it ends by itself and says so in one way."""
    for n, data in enumerate((b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f",
                              os.urandom(70000), b"\n" * 3, b"{}")):
        bundle = t.bundle(name=f"g{n}")
        result = t.launcher("2.3").start(bundle, stdin=data)
        t.true(result.code in (0, 1), f"{data[:16]}: {result}")


def test_start_writes_address_and_private_socket(t):
    c = t.container()
    with open(c.bundle.file("address"), encoding="ascii") as file:
        t.equal(file.read(), c.shim.address)
    mode = os.stat(c.shim.path).st_mode
    t.true(stat.S_ISSOCK(mode), "not a socket")
    t.equal(stat.S_IMODE(mode), 0o600)
    t.equal(c.shim.path, socket_path("/run/containerd/s", t.address,
                                     t.namespace, c.id))


def test_server_is_detached(t):
    """It inherits no descriptor, leads a process group, sits in the bundle."""
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    c = t.container()
    os.close(theirs)
    t.true(select.select([ours], [], [], 30)[0], "a descriptor was inherited")
    t.equal(os.getpgid(c.shim.pid), c.shim.pid, "process group")
    t.equal(os.readlink(f"/proc/{c.shim.pid}/cwd"), c.bundle.path)
    for fd, target in procs.fds(c.shim.pid).items():
        t.true(fd > 2 or target == "/dev/null"
               or target == c.bundle.file("log"), f"fd {fd} is {target}")


def test_server_oom_score(t):
    ours = int(procs.read("/proc/self/oom_score_adj"))
    c = t.container()
    theirs = int(procs.read(f"/proc/{c.shim.pid}/oom_score_adj"))
    t.equal(theirs, min(ours + 1, 1000))


def test_start_twice_reuses_the_live_socket(t):
    c = t.container()
    again = t.shim(c.bundle)
    t.equal(again.address, c.shim.address)
    t.equal(again.pid, c.shim.pid)


def test_start_over_a_stale_socket(t):
    c = t.container()
    c.shim.kill()
    c.shim.wait_gone()
    t.true(os.path.exists(c.shim.path), "the socket should be left")
    again = t.shim(c.bundle)
    t.true(again.pid != c.shim.pid, "same pid")
    t.equal(again.address, c.shim.address)


def test_start_at_the_same_time(t):
    """Four helpers for one socket: one server."""
    bundles = [t.bundle(name=f"c{n}", annotations={GROUP_KEYS[0]: "pod"})
               for n in range(4)]
    results = [None] * 4

    def start(n):
        results[n] = t.launcher().start(bundles[n])

    threads = [threading.Thread(target=start, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.equal([r.code for r in results], [0] * 4, f"codes of {results}")
    t.equal(len({r.out for r in results}), 1, f"addresses {results}")
    shim = t.shim(bundles[0])
    others = set(procs.marked(t.token)) - {shim.pid}
    t.true(all(procs.wait_dead(pid) for pid in others),
           "more than one server")


def group_of_three(t, key):
    first = t.container(name="pod", annotations={key: "group"})
    members = [first]
    for name in ("app", "side"):
        bundle = t.bundle(name=name, annotations={key: "group"})
        shim = t.shim(bundle)
        t.equal(shim.address, first.shim.address)
        t.equal(shim.pid, first.shim.pid)
        members.append(Container(t, shim, bundle))
    return members


def test_group_of_three_in_one_shim(t):
    for key in GROUP_KEYS[:1]:
        members = group_of_three(t, key)
        for c in members:
            c.run()
        for c in members[1:]:
            c.finish()
            c.call("Shutdown")
            t.equal(members[0].status(), 2, "pod container is unharmed")
        members[0].finish()
        members[0].shutdown()
        for c in members:
            c.shim.delete_command()
        t.check_clean()


def test_group_by_the_kubernetes_annotation(t):
    members = group_of_three(t, GROUP_KEYS[1])
    t.equal(len({c.shim.pid for c in members}), 1)


def test_version_flag(t):
    result = t.launcher().run([t.shim_path, "-v"], None, "/")
    t.equal(result.code, 0, "exit code")
    t.true(b"ersion" in result.out, f"{result}")


@beyond_go
def test_version_flag_long(t):
    """-version is known from containerd 2.3 on."""
    result = t.launcher().run([t.shim_path, "-version"], None, "/")
    t.equal(result.code, 0, "exit code")


@beyond_go
def test_info(t):
    """RuntimeInfo is asked for by containerd 2.0 and newer."""
    options = t.options()
    result = t.launcher("2.0").info(proto.encode("Any", options))
    t.equal(result.code, 0, f"{result}")
    info = proto.decode("RuntimeInfo", result.out)
    t.true(info["name"], f"no name in {info}")
    features = info["features"]
    t.true(features["type_url"].endswith(
        "opencontainers/runtime-spec/1/features/Features"), f"{features}")
    t.equal(json.loads(features["value"])["ociVersionMin"], "1.0.0")


@beyond_go
def test_info_with_nothing_on_stdin(t):
    """The default runtime may be missing, but it must not crash."""
    result = t.launcher("2.0").info()
    t.true(result.code in (0, 1), f"{result}")


def test_unknown_flag(t):
    result = t.launcher().run([t.shim_path, "-nonsense", "start"], None, "/")
    t.equal(result.code, 2, f"{result}")
    t.equal(result.out, b"", "stdout")
    t.true(result.err, "no usage on stderr")


def test_no_namespace(t):
    result = t.launcher().run([t.shim_path, "-id", "x", "start"], None, "/")
    t.equal(result.code, 1, f"{result}")
    t.equal(result.out, b"", "stdout")
    t.true("namespace" in result.err, f"{result}")


def test_flag_forms(t):
    """--flag, -flag=value and words behind the action are all accepted."""
    bundle = t.bundle()
    result = t.launcher().run(
        [t.shim_path, f"--namespace={t.namespace}", "--address", t.address,
         f"-id={bundle.id}", "-publish-binary=/usr/bin/containerd", "start",
         "more", "-words"], None, bundle.path, merge=True)
    t.equal(result.code, 0, f"{result}")
    t.true(result.out.startswith(b"unix://"), f"{result}")


def test_start_with_a_broken_config(t):
    """None at all is a sandbox's bundle: test_sandbox.py."""
    bundle = t.bundle()
    with open(bundle.file("config.json"), "w", encoding="utf-8") as file:
        file.write("{")
    result = t.launcher().start(bundle)
    t.equal(result.code, 1, f"{result}")
    t.true(result.out, "no reason given")


@beyond_go
def test_start_without_ttrpc_address(t):
    """CRI-O gives none: events go nowhere and nothing fails."""
    t.ttrpc_address = ""
    c = t.container().run()
    c.finish()
    c.shutdown()
    t.equal(t.sink.events, [])


@beyond_go
def test_both_services_on_one_socket(t):
    """The Go shims know one version each; ours serves v2 and v3."""
    for version in VERSIONS:
        c = t.container(name=f"c{version.replace('.', '')}", version=version)
        c.create()
        for service in (V2, V3):
            state = c.shim.call("State", service=service, id=c.id)
            t.equal(state["pid"], c.pid)


@beyond_go
def test_foreign_peer_is_refused(t):
    """Only our own user may talk to the socket, whatever its mode says."""
    c = t.container(version="2.3")
    os.chmod(t.dir, 0o711)
    os.chmod(t.socket_dir, 0o711)
    os.chmod(c.shim.path, 0o666)
    pid = os.fork()
    if pid == 0:
        os.setgid(65534)
        os.setuid(65534)
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(30)
        try:
            peer.connect(c.shim.path)
            os._exit(0 if peer.recv(1) == b"" else 1)
        except ConnectionError:
            os._exit(0)
        except OSError:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    t.equal(code, 0, "a stranger's connection was kept")
    t.equal(c.call("Connect")["shim_pid"], c.shim.pid)


def test_sleeping_container_survives_the_helper(t):
    c = t.container(SLEEP).run()
    t.equal(c.pids(), [c.pid])
