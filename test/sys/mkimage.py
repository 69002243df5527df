#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an OCI image layout as a tar: one layer with a static busybox.

usage: mkimage.py BUSYBOX NAME OUTPUT.tar [COMMAND...]
       mkimage.py --layer BUSYBOX OUTPUT.tar     the layer alone

The image is the same bytes for the same busybox, so its digest can be relied
on. Applets are symbolic links; /etc/passwd exists because runtimes look up the
user; /plain is a file that is there and not executable.
"""
import hashlib
import io
import json
import subprocess
import sys
import tarfile


def tar_add(tar, name, data=None, mode=0o755, link=None):
    info = tarfile.TarInfo(name)
    info.mode = mode
    if link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, link
    elif data is None:
        info.type = tarfile.DIRTYPE
    else:
        info.size = len(data)
    tar.addfile(info, io.BytesIO(data) if data is not None else None)


def layer(busybox):
    out = io.BytesIO()
    with open(busybox, "rb") as f:
        binary = f.read()
    applets = subprocess.run([busybox, "--list"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.split()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for d in ("bin", "dev", "etc", "proc", "root", "sys", "tmp"):
            tar_add(t, d)
        tar_add(t, "bin/busybox", binary)
        for a in applets:
            if a != "busybox":
                tar_add(t, "bin/" + a, link="busybox")
        tar_add(t, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        tar_add(t, "etc/group", b"root:x:0:\n", 0o644)
        tar_add(t, "plain", b"not a program\n", 0o644)
    return out.getvalue()


def main():
    if sys.argv[1] == "--layer":
        with open(sys.argv[3], "wb") as file:
            file.write(layer(sys.argv[2]))
        return
    busybox, name, output, *command = sys.argv[1:]
    blobs = {}

    def blob(data, media):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": media, "digest": "sha256:" + digest,
                "size": len(data)}

    oci = "application/vnd.oci.image."
    rootfs = blob(layer(busybox), oci + "layer.v1.tar")
    arch = {"x86_64": "amd64", "aarch64": "arm64"}
    machine = subprocess.run(["uname", "-m"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    config = blob(json.dumps({
        "architecture": arch.get(machine, machine),
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": command or ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [rootfs["digest"]]},
    }).encode(), oci + "config.v1+json")
    manifest = blob(json.dumps({
        "schemaVersion": 2,
        "mediaType": oci + "manifest.v1+json",
        "config": config,
        "layers": [rootfs],
    }).encode(), oci + "manifest.v1+json")
    manifest["annotations"] = {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
    }
    index = json.dumps({"schemaVersion": 2, "manifests": [manifest]})
    with tarfile.open(output, "w", format=tarfile.USTAR_FORMAT) as t:
        tar_add(t, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', 0o644)
        tar_add(t, "index.json", index.encode(), 0o644)
        for digest, data in blobs.items():
            tar_add(t, "blobs/sha256/" + digest, data, 0o644)


main()
