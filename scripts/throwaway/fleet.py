"""All throwaway hosts of this checkout: containers and virtual machines. A host's name says which it is."""

from __future__ import annotations

import re

from . import hosts as containers
from . import ssh, vm_hosts, vm_ssh
from .cache import Failure
from .hosts import PREFIX, Host


def is_vm(name: str) -> bool:
    """Whether a host of this name is a virtual machine."""
    return name == "vm" or name.startswith("vm-")


def hosts() -> dict[str, Host]:
    """Every throwaway host by name."""
    return {**containers.hosts(), **vm_hosts.hosts()}


def up(names: list[str]) -> list[Host]:
    """Bring the named hosts up; one that already runs on the present image is left alone."""
    for name in names:
        if not re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):
            raise Failure(f"{name!r} is no host name: use lower-case letters, digits and dashes, as in gpu-1 and vm-1")
    vms = [name for name in names if is_vm(name)]
    others = [name for name in names if not is_vm(name)]
    return [*(containers.up(others) if others else []), *vm_hosts.up(vms)]


def down(names: list[str]) -> list[Host]:
    """Remove the named hosts, all of this checkout when none is named; return what was removed."""
    return containers.down(names) + vm_hosts.down(names)


def ssh_arguments(name: str) -> list[str]:
    """Options with which ssh reaches a host."""
    return vm_ssh.ssh_arguments(vm_hosts.machine(name).pid_file) if is_vm(name) else ssh.ssh_arguments(PREFIX + name)
