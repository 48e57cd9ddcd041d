"""A throwaway host that looks like another machine to whoever reads its files: CPUs, nodes, PCI bus, kernel, firmware.

The files are laid out by machines.py, brought to the host and mounted over its own, in the mount namespace of its
container alone. It also loses the marks by which host_survey knows a container; those that Ansible's own facts go by
stay, so that a role that should run nevertheless leaves the machine's kernel alone.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.machines import Machine, build, write
from support.throwaway import Throwaway

MOUNTED = (
    "sys/devices/system/cpu",
    "sys/devices/system/node",
    "sys/bus/pci/devices",
    "sys/class/net",
    "sys/firmware",
    "proc/sys/kernel/osrelease",
)
KERNEL = "4.18.0-348.7.1.el8_5.x86_64"


@dataclass(frozen=True)
class Look:
    """What a host is to look like besides the machine's shape."""

    machine: Machine
    secure_boot: bool = False
    gib_pages: bool = True  # whether the processor has pages of 1 GiB
    setup: str = ""  # a shell command on the host beforehand


def pretend(host: Throwaway, look: Look, folder: Path) -> None:
    """Make the host look so until it is removed; `folder` is empty and has the same path on the host."""
    root = build(look.machine, folder)
    write(root / "proc/sys/kernel/osrelease", KERNEL)
    firmware = root / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    firmware.parent.mkdir(parents=True)
    firmware.write_bytes(bytes([6, 0, 0, 0, look.secure_boot]))
    if not look.gib_pages:
        for pool in root.glob("sys/devices/system/node/node*/hugepages/hugepages-1048576kB"):
            subprocess.run(["rm", "-r", pool], check=True)
    copied = host.feed(f"mkdir -p {folder} && tar -x -C {folder}", ["tar", "-c", "-C", str(folder), "."])
    assert copied == 0
    for place in MOUNTED:
        host.in_mounts("mount", "--bind", str(folder / place), f"/{place}")
    host.in_mounts("mount", "--bind", "/dev/null", "/proc/1/environ")
    host.in_mounts("umount", "/run/.containerenv")
    done = host.run(f"rm --force /run/.containerenv && {look.setup or 'true'}")
    assert done.returncode == 0, done.stderr
