"""What stands against one address that balancers share; the role floating_address asks the same before it begins."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .problem import Problem
from .values import is_template
from .variables import variable_problems

BALANCERS = "balancers"
IDS = range(1, 256)
SHARED = ("floating_address_ip", "floating_address_prefix", "floating_address_router_id", "floating_address_interval_s")
CHECK = "floating address"


def balancer_problems(
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Mapping[str, Any]],
) -> Iterator[Problem]:
    """Of every balancer its variables, and of all together the address that they share."""
    names = groups.get(BALANCERS, ())
    for name in names:
        yield from (problem.on(name) for problem in variable_problems(hostvars[name], options))
        yield from (problem.on(name) for problem in _statistics(hostvars[name]))
    routers = [{"name": name, "address": _own(name, hostvars[name])} for name in names]
    seen = set()
    for name in names:
        for problem in address_problems(hostvars[name], routers):
            if problem not in seen:  # of all of them is said once
                seen.add(problem)
                yield problem
    for variable in SHARED:
        values = {name: hostvars[name].get(variable) for name in names}
        if len({str(value) for value in values.values()}) > 1:
            yield Problem(
                CHECK,
                f"{variable} differs: " + ", ".join(f"{value!r} on {name}" for name, value in values.items()),
                "Balancers that do not agree on it do not hear each other, and each takes an address.",
                "Set it once, for the group balancers.",
            )


def address_problems(variables: Mapping[str, Any], routers: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """What stands against the address in a balancer's `variables`; `routers` have a name and an address each."""
    shared = variables.get("floating_address_ip", "")
    if not shared or is_template(shared):
        return
    if not _usable(shared):
        yield Problem(
            CHECK,
            f"floating_address_ip is {shared}",
            "It must be one IPv4 address that a host can have, without the bits of its network.",
            "Name a free address of the balancers' network, such as 192.0.2.10.",
        )
    for router in routers:
        address = router["address"]
        if not _usable(address):
            yield Problem(
                CHECK,
                f"{router['name']} is known as {address}",
                "Signs of life go from address to address, and keepalived resolves no names.",
                "Set floating_address_own for it to its IPv4 address.",
            )
        elif str(address) == str(shared):
            yield Problem(
                CHECK,
                f"{shared} is {router['name']}'s own address",
                "An address that a balancer keeps for itself can't move to another one.",
                "Name a free address of the same network.",
            )
    number = variables.get("floating_address_router_id", 51)
    if not is_template(number) and str(number).lstrip("-").isdigit() and int(number) not in IDS:
        yield Problem(
            CHECK, f"floating_address_router_id is {number}", "VRRP has ids from 1 to 255.", "Choose one of them."
        )
    bits = variables.get("floating_address_prefix", 32)
    if not is_template(bits) and str(bits).lstrip("-").isdigit() and not 8 <= int(bits) <= 32:
        yield Problem(
            CHECK, f"floating_address_prefix is {bits}", "A network has 8 to 32 bits.", "Leave it out for 32."
        )
    interval = variables.get("floating_address_interval_s", 0.5)
    if isinstance(interval, int | float) and not 0.05 <= interval <= 40:
        yield Problem(
            CHECK,
            f"floating_address_interval_s is {interval}",
            "VRRP counts in hundredths of a second, up to 40 s; below 0.05 s a busy host would seem dead.",
            "Leave it out for 0.5.",
        )
    if len(routers) == 1:
        yield Problem(
            CHECK,
            f"{routers[0]['name']} alone has it",
            "When it fails nobody takes the address.",
            "Add a second host to the group balancers.",
            "warning",
        )


def _statistics(variables: Mapping[str, Any]) -> Iterator[Problem]:
    place = variables.get("load_balancer_statistics", "127.0.0.1:8404")
    if not is_template(place) and not (re.fullmatch(r"[0-9.]+:[0-9]+", str(place)) and _usable_or_loopback(str(place))):
        yield Problem(
            "statistics",
            f"load_balancer_statistics is {place}",
            "Everybody who reaches it sees hosts and loads.",
            "Name one address of the host, of loopback or of the management network, with a port: 127.0.0.1:8404.",
        )


def _usable_or_loopback(place: str) -> bool:
    address = place.partition(":")[0]
    return _usable(address) or address.startswith("127.")


def _own(name: str, variables: Mapping[str, Any]) -> Any:
    return variables.get("floating_address_own") or variables.get("ansible_host") or name


def _usable(text: Any) -> bool:
    """Whether it is one host's IPv4 address."""
    try:
        address = ipaddress.IPv4Address(str(text))
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or address.is_loopback or address.is_reserved)
