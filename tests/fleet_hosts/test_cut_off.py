"""A host that nobody reaches any more, as behind a switch that died, costs what it had and comes back by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from support.fleet import BALANCERS, GPU_HOSTS, Fleet
from support.services import until
from throwaway import hosts

HOST = GPU_HOSTS[0]
AT_ONCE = 4  # requests that a balancer gives a host of these


@contextmanager
def cut_off(name: str) -> Iterator[None]:
    """Drop what comes to the service, in the host's own network namespace."""
    asked = ["podman", "inspect", "--format", "{{.State.Pid}}", hosts.hosts()[name].container]
    process = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    inside = ["nsenter", "--target", process, "--net", "nft"]
    chain = f"chain arriving {{\ntype filter hook input priority 0;\ntcp dport {hosts.SERVICE_PORT} drop\n}}\n"
    rules = f"table inet cut_off {{\n{chain}}}\n"
    subprocess.run([*inside, "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*inside, "delete", "table", "inet", "cut_off"], check=True)


def test_it_costs_what_the_host_had(fleet: Fleet) -> None:
    fleet.whole()
    with fleet.load() as clients:
        clients.more(40)
        with cut_off(HOST):
            until(lambda: all(HOST not in fleet.in_rotation(balancer) for balancer in BALANCERS))
            clients.more(40)
        fleet.whole()
        clients.more(40)
    assert len(clients.failed()) <= AT_ONCE * len(BALANCERS), clients.met
