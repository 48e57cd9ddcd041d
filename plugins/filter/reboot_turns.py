"""Filters of the role reboot: which hosts may reboot at once, and which an earlier run left out of rotation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["FilterModule", "left_out", "reboot_turns"]


def reboot_turns(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], at_most: float) -> list[list[str]]:
    """The hosts in turns, each rebooted before the next one begins.

    Those that no balancer has in rotation are missed by nobody and reboot at once; of the others, by what
    `rotation/tasks/state.yml` registered, no more than the share `at_most` of all in rotation, and one at least.
    """
    serving = {host: _serving(host, hostvars[host].get("__rotation_asked", {})) for host in hosts}
    idle = [host for host in hosts if not serving[host]]
    busy = [host for host in hosts if serving[host]]
    size = max(1, int(at_most * max(serving.values(), default=0) + 1e-9))
    return [turn for turn in [idle, *(busy[begin : begin + size] for begin in range(0, len(busy), size))] if turn]


def _serving(host: str, asked: Mapping[str, Any]) -> int:
    """Of how many hosts in rotation it is one; 0 where no balancer sends it requests."""
    told = [answer["hosts"] for answer in asked.get("results", []) if answer.get("hosts")]
    here = [hosts for hosts in told if hosts.get(host, {}).get("state") == "in"]
    return max((sum(one["state"] == "in" for one in hosts.values()) for hosts in here), default=0)


def left_out(asked: Mapping[str, Any], host: str, purpose: str) -> bool:
    """Whether a balancer still has the host out for the purpose, by what `rotation/tasks/state.yml` registered."""
    told = [answer["hosts"] for answer in asked.get("results", []) if answer.get("hosts")]
    return any(purpose in hosts.get(host, {}).get("reasons", {}) for hosts in told)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by their names."""
        return {"left_out": left_out, "reboot_turns": reboot_turns}
