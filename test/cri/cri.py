# SPDX-License-Identifier: Apache-2.0
"""A small client of the container runtime interface: calls, pods and their
containers as a kubelet makes them, and streams over a websocket.

It wants in the environment what test/sys/lib.sh and test/cri/lib.sh export, and
the module cri_pb2 in $SYS.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import time

import grpc
import websocket

sys.path.append(os.environ["SYS"])
import cri_pb2 as pb  # noqa: E402, pylint: disable=wrong-import-position

IMAGE = os.environ["IMAGE"]
PAUSE = os.environ["PAUSE"]
SERVICES = {"ImageStatus": "ImageService"}
# No call may take longer, whatever it waits for.
SECONDS = 60

# Channels of the websocket: the first byte of each message.
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)


class Failure(Exception):
    """Something is not as it should be."""


class Refused(Failure):
    """A call failed."""

    def __init__(self, name, error):
        super().__init__("%s: %s: %s" % (name, error.code(), error.details()))
        self.code = error.code()
        self.details = error.details()


def expect(condition, *words):
    if not condition:
        raise Failure(" ".join(map(str, words)))


def expect_equal(got, want, what=""):
    expect(got == want, what, "got %r, not %r" % (got, want))


def wait_until(condition, what, seconds=20):
    """Until the condition is true; returns what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        expect(time.monotonic() < end, "gave up waiting:", what)
        time.sleep(0.02)


def shell(command):
    """Runs a function of lib.sh, returns its output."""
    return subprocess.run(
        ["bash", "-eu", "-c", '. "$SUITE/lib.sh"; ' + command],
        check=True, stdout=subprocess.PIPE, text=True).stdout


def parallel(function, items, workers):
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


class Runtime:
    """A connection to the CRI plugin; its calls are attributes."""

    def __init__(self):
        self.why_not = ""
        # A proxy is of no use for a socket, but gRPC would ask for it.
        self.channel = grpc.insecure_channel(
            "unix:" + os.environ["SOCK"],
            options=[("grpc.enable_http_proxy", 0)])
        self.ready()

    def __getattr__(self, name):
        request = getattr(pb, name + "Request")
        call = self.channel.unary_unary(
            "/runtime.v1.%s/%s" % (SERVICES.get(name, "RuntimeService"), name),
            request_serializer=request.SerializeToString,
            response_deserializer=getattr(pb, name + "Response").FromString)

        def perform(**fields):
            try:
                return call(request(**fields), timeout=SECONDS,
                            wait_for_ready=True)
            except grpc.RpcError as error:
                raise Refused(name, error) from None
        return perform

    def _answers(self):
        try:
            self.Status()
            return all(self.ImageStatus(image={"image": name}).image.id
                       for name in (IMAGE, PAUSE))
        except Refused as refused:
            self.why_not = refused
            return False

    def ready(self):
        """The plugin answers, and has heard of the images."""
        self.why_not = "no image"
        try:
            wait_until(self._answers, "the CRI plugin")
        except Failure as failure:
            raise Failure("%s: %s" % (failure, self.why_not)) from None

    def restart(self, meanwhile=lambda: None):
        """Kills containerd, starts it again."""
        shell("containerd_kill")
        meanwhile()
        shell("containerd_start")
        self.ready()

    def forget_all(self):
        for pod in self.ListPodSandbox().items:
            self.StopPodSandbox(pod_sandbox_id=pod.id)
            self.RemovePodSandbox(pod_sandbox_id=pod.id)


def info_pid(answer):
    return json.loads(answer.info["info"])["pid"]


class Pod:
    """A pod in the host's network, without a name of its own for the host
    therefore. `pid` is the name of a NamespaceMode."""

    def __init__(self, runtime, name, handler="", pid="CONTAINER"):
        self.runtime = runtime
        self.namespaces = {"network": "NODE", "pid": pid}
        self.log_directory = os.path.join(os.getcwd(), name)
        os.makedirs(self.log_directory)
        self.config = {
            "metadata": {"name": name, "uid": name, "namespace": "default"},
            "log_directory": self.log_directory,
            "linux": {
                "cgroup_parent": "/" + os.environ["CGROUP"],
                "security_context": {"namespace_options": self.namespaces}}}
        self.id = runtime.RunPodSandbox(
            config=self.config, runtime_handler=handler).pod_sandbox_id

    def container(self, name, *command, start=True, resources=None, mounts=(),
                  **fields):
        container = Container(self, name, {
            "metadata": {"name": name},
            "image": {"image": IMAGE},
            "command": command,
            "log_path": name + ".log",
            "mounts": [{"host_path": host, "container_path": path}
                       for host, path in mounts],
            "linux": {
                "resources": resources or {},
                "security_context": {"namespace_options": self.namespaces}},
            **fields})
        if start:
            container.start()
        return container

    def idle(self, name, **fields):
        return self.container(name, "sleep", "100000", **fields)

    def state(self):
        return pb.PodSandboxState.Name(self.runtime.PodSandboxStatus(
            pod_sandbox_id=self.id).status.state)

    def pid(self):
        """Of the pause container."""
        return info_pid(self.runtime.PodSandboxStatus(pod_sandbox_id=self.id,
                                                      verbose=True))

    def stop(self):
        self.runtime.StopPodSandbox(pod_sandbox_id=self.id)

    def remove(self):
        self.stop()
        self.runtime.RemovePodSandbox(pod_sandbox_id=self.id)


class Container:
    """A container of a pod."""

    def __init__(self, pod, name, config):
        self.runtime = pod.runtime
        self.log_path = os.path.join(pod.log_directory, name + ".log")
        self.id = self.runtime.CreateContainer(
            pod_sandbox_id=pod.id, config=config,
            sandbox_config=pod.config).container_id

    def start(self):
        self.runtime.StartContainer(container_id=self.id)

    def status(self):
        return self.runtime.ContainerStatus(container_id=self.id).status

    def state(self):
        return pb.ContainerState.Name(self.status().state)

    def pid(self):
        return info_pid(self.runtime.ContainerStatus(container_id=self.id,
                                                     verbose=True))

    def exited(self, seconds=20):
        """Waits for the end of the container; returns its status."""
        wait_until(lambda: self.state() == "CONTAINER_EXITED",
                   "the end of " + self.id, seconds)
        return self.status()

    def stop(self, timeout):
        self.runtime.StopContainer(container_id=self.id, timeout=timeout)

    def remove(self):
        self.runtime.RemoveContainer(container_id=self.id)

    def exec_sync(self, *command, timeout=0):
        return self.runtime.ExecSync(container_id=self.id, cmd=command,
                                     timeout=timeout)

    def output_of(self, *command):
        answer = self.exec_sync(*command)
        expect_equal(answer.exit_code, 0, command)
        return answer.stdout.decode()

    def update(self, **resources):
        self.runtime.UpdateContainerResources(container_id=self.id,
                                              linux=resources)

    def log(self):
        """What is in the log, as (stream, tag, text)."""
        with open(self.log_path, encoding="ascii") as file:
            return log_lines(file.read())

    def exec_stream(self, *command, **fields):
        return Stream(self.runtime.Exec(container_id=self.id, cmd=command,
                                        **fields).url)

    def attach(self, **fields):
        return Stream(self.runtime.Attach(container_id=self.id, **fields).url)


def log_lines(text):
    """A line has a time, a stream, the tag F (full) or P (part), the text."""
    lines = text.split("\n")
    expect_equal(lines.pop(), "", "the end of a log")
    return [tuple(line.split(" ", 3)[1:]) for line in lines]


class Stream:
    """What Exec and Attach open, over a websocket."""

    def __init__(self, url):
        self.received = {STDOUT: b"", STDERR: b"", ERROR: b""}
        self.socket = websocket.create_connection(
            url.replace("http", "ws", 1), timeout=SECONDS,
            subprotocols=["v4.channel.k8s.io"], http_no_proxy=["*"])

    def send(self, channel, data):
        self.socket.send_binary(bytes([channel]) + data)

    def write(self, text):
        self.send(STDIN, text.encode())

    def resize(self, width, height):
        self.send(RESIZE, json.dumps({"Width": width,
                                      "Height": height}).encode())

    def _receive(self):
        try:
            data = self.socket.recv()
        except websocket.WebSocketConnectionClosedException:
            data = b""
        if data:
            self.received[data[0]] += data[1:]
        return bool(data) or self.socket.connected

    def read_until(self, text, channel=STDOUT):
        while text.encode() not in self.received[channel]:
            expect(self._receive(), "stream ended before", text,
                   self.received)

    def finish(self):
        """Reads to the end; returns stdout, stderr, and the exit code."""
        while self._receive():
            pass
        self.socket.close()
        code = None
        if self.received[ERROR]:
            status = json.loads(self.received[ERROR])
            code = 0
            if status["status"] != "Success":
                code = int(status["details"]["causes"][0]["message"])
        return (self.received[STDOUT].decode(),
                self.received[STDERR].decode(), code)

    def close(self):
        self.socket.close()
