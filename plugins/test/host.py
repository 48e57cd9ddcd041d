"""Jinja tests about the host that a play runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# What Ansible's `virtual` facts call a guest that shares its kernel with the machine below.
CONTAINER_TYPES = frozenset({"container", "podman", "docker", "containerd", "lxc", "systemd-nspawn", "openvz"})


def in_container(facts: Mapping[str, Any]) -> bool:
    """Whether `ansible_facts` describe a container.

    A container shares the machine's kernel: boot arguments, hugepages, interrupts, modules and the SELinux mode
    belong to the machine, so roles render their files there and leave the kernel alone.
    """
    if facts.get("virtualization_role") == "guest" and facts.get("virtualization_type") in CONTAINER_TYPES:
        return True
    return bool(CONTAINER_TYPES & set(facts.get("virtualization_tech_guest") or ()))


class TestModule:
    """Entry point that Ansible looks for."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"in_container": in_container}
