"""A host with the role firewall lets the service and ssh in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from firewall_rules import meets, parse_port
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


def asked(host: Host, values: Expected) -> dict[str, Any]:
    """What the role's module finds on the host, without changing it."""
    arguments = {
        "zone": values["firewall_zone"],
        "ports": values["firewall_ports"],
        "closed": values["firewall_closed_ports"],
    }
    found: dict[str, Any] = host.ansible("firewall_ports", json.dumps(arguments), check=True, become=True)
    return found


def open_ports(wanted: list[str], missing: list[str]) -> list[str]:
    """The wanted ports of which no part is missing."""
    return [port for port in wanted if not any(meets(parse_port(port), parse_port(lack)) for lack in missing)]


def test_the_rules_let_in_the_wanted_ports_and_ssh(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    values = expected(host, "firewall")
    if not values["firewall_enabled"]:
        check.equal("firewalld runs", expected=False, found=host.service("firewalld").is_running)
        return
    found = asked(host, values)
    check.equal("objections to firewalld's rules", expected="", found=found.get("msg", ""))
    check.require()
    # In a container it lacks the right to filter packets.
    check.equal("firewalld runs", expected=not in_container(host), found=found["running"])
    check.equal("ports twice in firewalld's files", expected=[], found=found["doubled"])
    for zone, ports in found["zones"].items():
        left = open_ports(ports["wanted"], ports["missing"])
        check.contains(f"open ports of the zone {zone}", expected=ports["wanted"], found=left)
        check.equal(f"ports of the zone {zone} to be closed", expected=[], found=ports["not_closed"])
        if found["running"]:
            left = open_ports(ports["wanted"], ports["missing_now"])
            check.contains(f"ports that firewalld holds open in {zone}", expected=ports["wanted"], found=left)


# Sockets of the sshd that process 1 started; those of sessions are what their users forward.
LISTENING = """for pid in $(pgrep -P 1 -x sshd); do ss -ltnpH | grep "pid=$pid,"; done | awk '{print $4}'"""


def test_ssh_is_among_them(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    """Asked of the sockets, past the role's module."""
    values = expected(host, "firewall")
    if values["firewall_enabled"]:
        sockets = [socket.rpartition(":") for socket in host.run(LISTENING).stdout.split()]
        ports = {f"{port}/tcp" for address, _, port in sockets if address not in ("[::1]", "127.0.0.1")}
        found = asked(host, values).get("zones", {})
        known = [port for zone in found.values() for port in zone["wanted"]]
        check.contains("ports of sshd that firewalld lets in", expected=ports, found=known)
