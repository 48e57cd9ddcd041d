"""A host with the role firewall lets the service and ssh in."""

from __future__ import annotations

from collections.abc import Callable

from support.expected import Expected
from testinfra.host import Host


def test_the_rules_open_the_wanted_ports(host: Host, expected: Callable[[Host, str], Expected]) -> None:
    values = expected(host, "firewall")
    if not values["firewall_enabled"]:
        assert not host.service("firewalld").is_running
        return
    found = host.check_output(f"firewall-offline-cmd --zone={values['firewall_zone']} --list-ports").split()
    assert set(values["firewall_ports"]) <= set(found)
    assert not set(values["firewall_closed_ports"]) & set(found)


def test_firewalld_runs_with_these_rules(
    host: Host, expected: Callable[[Host, str], Expected], in_container: Callable[[Host], bool]
) -> None:
    values = expected(host, "firewall")
    if in_container(host):
        assert not host.service("firewalld").is_running, "a container lacks the right to filter packets"
    elif values["firewall_enabled"]:
        found = host.check_output(f"firewall-cmd --zone={values['firewall_zone']} --list-ports").split()
        assert set(values["firewall_ports"]) <= set(found)
