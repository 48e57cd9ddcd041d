"""What a machine is, read from its files: PCI bus, kernel, memory, disks. Changes nothing; runs on Python 3.6.

Every function takes the root of the file system, so that tests can show it another machine.
"""

import glob
import os
import re
from typing import Any, Dict, List

NVIDIA = "0x10de"
# Folders that may be a file system of their own and are written to; one that is not there counts to the one above it.
WRITTEN = (
    *("/", "/boot", "/usr", "/usr/local", "/opt", "/opt/hotpath"),
    *("/var", "/var/cache", "/var/lib", "/var/lib/hotpath"),
)


def read(root: str, path: str) -> str:
    """The stripped text of a file, "" when it cannot be read."""
    try:
        with open(os.path.join(root, path)) as stream:
            return stream.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def key_values(text: str) -> Dict[str, str]:
    """KEY=value lines as a dictionary; quotes are removed."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def pci(root: str) -> Dict[str, List[Dict[str, str]]]:
    """NVIDIA's GPUs and NVSwitches on the PCI bus: lists of {address, device}."""
    gpus, switches = [], []
    for folder in sorted(glob.glob(os.path.join(root, "sys/bus/pci/devices/*"))):
        if read(folder, "vendor") != NVIDIA or os.path.exists(os.path.join(folder, "physfn")):
            continue  # a virtual function is for a virtual machine
        device_class = read(folder, "class")
        item = {"address": os.path.basename(folder), "device": read(folder, "device")}
        if device_class.startswith(("0x0300", "0x0302")):  # VGA or 3D controller
            gpus.append(item)
        elif device_class.startswith("0x0680"):  # bridge of no other kind: an NVSwitch
            switches.append(item)
    return {"gpus": gpus, "nvswitches": switches}


def operating_system(root: str) -> Dict[str, Any]:
    release = key_values(read(root, "etc/os-release"))
    machine = os.uname().machine
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    pythons = glob.glob(os.path.join(root, "usr/bin/python3.[0-9]*"))
    return {
        "os": {
            "name": release.get("PRETTY_NAME", ""),
            "version": release.get("VERSION_ID", ""),
            "id": release.get("ID", ""),
        },
        "architecture": machine,
        "glibc": libc.split()[-1] if libc else "",
        "pythons": sorted(
            os.path.basename(path)[len("python") :] for path in pythons if re.search(r"python3\.\d+$", path)
        ),
        "container": in_container(root),
        "selinux": selinux_mode(root),
    }


def in_container(root: str) -> bool:
    """Whether this is a container, by the marks that podman, docker and systemd-nspawn leave."""
    if any(os.path.exists(os.path.join(root, mark)) for mark in ("run/.containerenv", ".dockerenv")):
        return True
    return any(item.startswith("container=") for item in read(root, "proc/1/environ").split("\0"))


def selinux_mode(root: str) -> str:
    enforcing = read(root, "sys/fs/selinux/enforce")
    return {"1": "enforcing", "0": "permissive"}.get(enforcing, "disabled")


def kernel(root: str) -> Dict[str, Any]:
    """The running kernel, its loaded GPU driver, and which modules it accepts under Secure Boot."""
    loaded = re.search(r"Module(?: for \S+)?\s+(\d+[\d.]+)", read(root, "proc/driver/nvidia/version"))
    variables = glob.glob(os.path.join(root, "sys/firmware/efi/efivars/SecureBoot-*"))
    secure = False
    if variables:
        with open(variables[0], "rb") as stream:
            secure = stream.read()[-1:] == b"\x01"  # four bytes of attributes come first
    return {
        "kernel": read(root, "proc/sys/kernel/osrelease") or os.uname().release,
        "nvidia_loaded": loaded.group(1) if loaded else "",
        "nouveau_loaded": os.path.isdir(os.path.join(root, "sys/module/nouveau")),
        "secure_boot": secure,
        "enrolled_keys": enrolled_keys(root),
    }


def enrolled_keys(root: str) -> Dict[str, bool]:
    """Whose modules the kernel accepts besides its own, by the certificates that the owner enrolled (MOK).

    `dkms`: the key that dkms made on this host; `nvidia`: one that names NVIDIA, which signs the precompiled modules.
    """
    enrolled = b"".join(
        read_bytes(path) for path in glob.glob(os.path.join(root, "sys/firmware/efi/efivars/MokListRT-*"))
    )
    own = read_bytes(os.path.join(root, "var/lib/dkms/mok.pub"))
    return {"dkms": bool(own) and own in enrolled, "nvidia": b"NVIDIA" in enrolled}


def read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def memory(root: str) -> Dict[str, Any]:
    """Memory of each NUMA node in KiB; one node 0 where the kernel shows none."""
    nodes = {
        os.path.basename(folder)[len("node") :]: _total_kib(read(folder, "meminfo"))
        for folder in glob.glob(os.path.join(root, "sys/devices/system/node/node[0-9]*"))
    }
    return {"memory_kib": nodes or {"0": _total_kib(read(root, "proc/meminfo"))}}


def _total_kib(meminfo: str) -> int:
    total = re.search(r"MemTotal:\s+(\d+) kB", meminfo)
    return int(total.group(1)) if total else 0


def disks(root: str) -> Dict[str, Any]:
    """Free bytes of the file systems that are written to; equal `device` numbers mean the same file system.

    `deployed`: a release is complete and a model built, so that the service needs no more room to go on.
    """
    found = {}
    for path in WRITTEN:
        real = os.path.join(root, path.lstrip("/"))
        if os.path.isdir(real):
            state = os.statvfs(real)
            found[path] = {"free_bytes": state.f_bavail * state.f_frsize, "device": os.stat(real).st_dev}
    release = os.path.exists(os.path.join(root, "opt/hotpath/current/.complete"))
    model = glob.glob(os.path.join(root, "var/lib/hotpath/models/*/current/model.json"))
    return {"disks": found, "deployed": release and bool(model)}
