"""Balancers share their address: keepalived runs with what its role wrote, and asks whether HAProxy answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

UNIT = "hotpath-address.service"


@pytest.fixture
def role(host: Host, expected: Callable[[Host, str], Expected]) -> Expected:
    """The role's variables on this host."""
    return expected(host, "floating_address")


def test_without_an_address_nothing_is_left_of_it(host: Host, check: Checks, role: Expected) -> None:
    if not role["floating_address_ip"]:
        for path in (role["__floating_address_unit"], role["__floating_address_config"]):
            check.equal(path, expected="no file", found="a file" if host.file(path).exists else "no file")
        check.equal(UNIT, expected="inactive", found=host.run("systemctl is-active %s", UNIT).stdout.strip())


def test_it_runs_with_what_its_role_wrote(check: Checks, role: Expected) -> None:
    if role["floating_address_ip"]:
        check.files(role.written_files())
        check.in_effect("keepalived", role["__floating_address_in_effect"])


def test_it_runs_confined_and_yet_begins_its_script(host: Host, check: Checks, role: Expected) -> None:
    """keepalived takes a script for a success that it has not the right to begin, and says so in its log alone."""
    if not role["floating_address_ip"]:
        return
    user = check.answer("user of keepalived", "ps -o user:32= -p $(systemctl show --value -p MainPID %s)", UNIT)
    check.equal("user of keepalived", expected=role["__floating_address_user"], found=user)
    log = check.answer("log of keepalived", "journalctl --output cat --no-pager --boot --unit %s", UNIT)
    refused = [line for line in log.splitlines() if "Couldn't set" in line or "Unable to set" in line]
    check.equal("refusals to keepalived's script", expected=[], found=refused)


def test_clients_reach_a_balancer_by_it(check: Checks, role: Expected) -> None:
    if role["floating_address_ip"]:
        door = role["__floating_address_door"].format(role["floating_address_ip"])
        check.succeeds(door, "curl --silent --fail --insecure --max-time 5 --output /dev/null %s", door)
