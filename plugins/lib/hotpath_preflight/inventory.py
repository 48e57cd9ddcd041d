"""The inventory as a whole: groups that are missing, misspelt or empty, and hosts that are the same machine."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .problem import Problem
from .reach import way_to

HOSTS = "gpu_hosts"
SPARES = "standby_hosts"
KNOWN = (HOSTS, SPARES, "balancers", "monitors", "package_mirrors")


def inventory_problems(
    groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """`groups` and `hostvars` as Ansible names them."""
    if not groups.get(HOSTS):
        state = "is empty" if HOSTS in groups else "is missing"
        known = ", ".join(sorted(set(groups) - {"all", "ungrouped"})) or "no group"
        yield Problem(
            "groups",
            f"The group {HOSTS} {state}; the inventory has {known}",
            f"The playbooks work on the hosts of {HOSTS}; without one they would do nothing and look successful.",
            f"Put the inference hosts into {HOSTS} (see inventory/example/hosts.yml), or name the inventory with -i.",
        )
    for name in sorted(set(groups) - set(KNOWN) - {"all", "ungrouped"}):
        close = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.75)
        if close and not set(groups[name]) <= set(groups.get(close[0], ())):
            yield Problem(
                "groups",
                f"The group {name} is none that a playbook works on",
                "Its hosts would be left as they are.",
                f"Did you mean {close[0]}?",
            )
    strangers = sorted(set(groups.get(SPARES, ())) - set(groups.get(HOSTS, ())))
    if strangers:
        yield Problem(
            "groups",
            f"{', '.join(strangers)} of {SPARES} {'is' if len(strangers) == 1 else 'are'} not in {HOSTS}",
            f"Spares are provisioned and deployed as all of {HOSTS} are; out of it they would be left as they are.",
            f"Make {SPARES} a child of {HOSTS} (see inventory/example/hosts.yml).",
        )
    yield from _same_machine(groups.get(HOSTS, ()), hostvars)


def _same_machine(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    by_way = defaultdict(list)
    for host in hosts:
        by_way[way_to(host, hostvars[host])].append(host)
    for way, names in sorted(by_way.items()):
        if len(names) > 1:
            where = f"have the same ansible_host {way.address}" if way.address else "are the controller itself"
            yield Problem(
                "addresses",
                f"{', '.join(names)} {where}" + (f" by {way.through}" if way.through else ""),
                "Two plays would work on one machine at the same time.",
                "Correct the address, the port or the way there (ProxyJump), or remove one of the names.",
            )
