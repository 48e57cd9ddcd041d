"""The balancers of an inventory as VRRP has to know them, and what stands against their sharing an address."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Ansible loads each plugin file by itself, so the package that the filters share is not on the path.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lib"))

from hotpath_preflight import address_problems

__all__ = ["FilterModule", "floating_address_obstacles", "vrrp_routers"]

HIGHEST = 250


def vrrp_routers(variables: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Name, address and priority of each balancer, from the variables of each; the first one has the highest."""
    return [
        {
            "name": host["inventory_hostname"],
            "address": host.get("floating_address_own") or host.get("ansible_host") or host["inventory_hostname"],
            "priority": HIGHEST - place,
        }
        for place, host in enumerate(variables)
    ]


def floating_address_obstacles(variables: Mapping[str, Any], routers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why these balancers can't share the address that one of them asks for, with the way out; none when they can."""
    return [
        f"{problem.check}: {problem.found}. {problem.reason} {problem.remedy}"
        for problem in address_problems(variables, routers)
        if problem.severity == "error"
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by their names."""
        return {"floating_address_obstacles": floating_address_obstacles, "vrrp_routers": vrrp_routers}
