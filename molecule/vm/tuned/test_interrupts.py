"""Every queue's interrupt is served where the plan says, whatever comes."""

from __future__ import annotations

from typing import Any

import pytest
from support.checks import Checks
from support.vm import served, until

MOVE = "for irq in /proc/irq/*/virtio*put.*; do echo 0 > ${irq%/*}/smp_affinity_list; done"
RECONNECT = "nmcli device disconnect eth0; nmcli device connect eth0"
BY_HAND = "ip link set eth0 down; ip link set eth0 up"
# irqbalance looks every 10 s, 360 times an hour. Six instances that look every second come to as many in a minute.
BALANCERS, PASSES = 6, 60
ENVIRONMENT = ("/etc/sysconfig/irqbalance", "/run/hotpath/irqbalance")
BALANCE = "exec irqbalance --foreground --debug --interval=1 $IRQBALANCE_ARGS"


@pytest.fixture
def places(plan: dict[str, Any]) -> list[str]:
    """The CPUs that serve eth0."""
    (nic,) = plan["nic_queues"]
    return sorted(map(str, nic["cpus"]))


def test_they_are_where_the_plan_says(check: Checks, places: list[str]) -> None:
    until(lambda: served(check) == places)


def test_a_link_that_comes_back_puts_them_there_again(check: Checks, places: list[str]) -> None:
    """Moved away by hand first, so that the link's coming up has something to do."""
    check.succeeds("every interrupt moves to CPU 0", "sh -c %s", MOVE)
    until(lambda: served(check) == ["0"])
    # The way in goes down with it, so nobody waits for the answer.
    check.succeeds("the link goes down and up", "systemd-run --collect sh -c %s", RECONNECT)
    until(lambda: served(check) == places)


def test_so_does_one_that_ip_sets_up(check: Checks, places: list[str]) -> None:
    """As network-scripts do, and whoever has no NetworkManager."""
    check.succeeds("every interrupt moves to CPU 0", "sh -c %s", MOVE)
    until(lambda: served(check) == ["0"])
    check.succeeds("the link goes down and up", "systemd-run --collect sh -c %s", BY_HAND)
    until(lambda: served(check) == places)


def test_an_hour_of_irqbalance_moves_none(check: Checks, places: list[str]) -> None:
    """By instances that have the arguments and the environment of the one that runs, but look more often."""
    names = [str(number) for number in range(BALANCERS)]
    start = "systemd-run --collect --unit=balancer-%s " + " ".join(f"-p EnvironmentFile={path}" for path in ENVIRONMENT)
    for name in names:
        check.succeeds(f"irqbalance {name} starts", start + " sh -c %s", name, BALANCE)
    check.require()

    def passes(name: str) -> int:
        """Each look begins with a line of dashes."""
        return check.answer("passes", "journalctl --unit=balancer-%s --output=cat", name).count("\n-----")

    until(lambda: min(map(passes, names)) >= PASSES)
    check.equal("CPUs after an hour's passes", expected=places, found=served(check))
    for name in names:
        check.succeeds(f"irqbalance {name} ends", "systemctl stop balancer-%s", name)
    total = sum(map(passes, names))
    check.equal("passes are those of an hour", expected=True, found=total >= 360)
