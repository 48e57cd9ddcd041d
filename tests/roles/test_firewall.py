"""A host with the role firewall lets the service and ssh in."""

from __future__ import annotations

from collections.abc import Callable

from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host


def test_the_rules_open_the_wanted_ports(host: Host, check: Checks, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "firewall")
    if not values["firewall_enabled"]:
        check.equal("firewalld runs", expected=False, found=host.service("firewalld").is_running)
        return
    zone = values["firewall_zone"]
    found = check.answer("firewalld's rules", f"firewall-offline-cmd --zone={zone} --list-ports").split()
    check.contains(f"open ports of the zone {zone}", expected=values["firewall_ports"], found=found)
    check.lacks(f"ports of the zone {zone} to be closed", unwanted=values["firewall_closed_ports"], found=found)


def test_firewalld_runs_with_these_rules(
    host: Host, check: Checks, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    values = expected(host, "firewall")
    if in_container(host):
        # It lacks the right to filter packets.
        check.equal("firewalld in a container runs", expected=False, found=host.service("firewalld").is_running)
    elif values["firewall_enabled"]:
        zone = values["firewall_zone"]
        found = check.answer("running firewalld", f"firewall-cmd --zone={zone} --list-ports").split()
        check.contains(f"ports that firewalld holds open in {zone}", expected=values["firewall_ports"], found=found)
