"""What preflight says of balancers: the address that they share, their statistics, their variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hotpath_preflight import balancer_problems, load_options
from support.expected import PROJECT, Inventory
from vrrp_routers import floating_address_obstacles, vrrp_routers

OPTIONS = load_options(PROJECT / "roles")
SHARED = {"floating_address_ip": "192.0.2.10"}


def said(*hosts: dict[str, Any]) -> list[str]:
    """What is found wrong with balancers a, b, ... of these variables."""
    names = [chr(ord("a") + place) for place in range(len(hosts))]
    known = {
        name: {"ansible_host": f"192.0.2.{place}", **variables}
        for place, (name, variables) in enumerate(zip(names, hosts, strict=True), 1)
    }
    return [problem.found for problem in balancer_problems({"balancers": names}, known, OPTIONS)]


def test_two_with_a_free_address_are_sound() -> None:
    assert said(SHARED, SHARED) == [] and said({}, {}) == [] and said() == []


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"floating_address_ip": "192.0.2.300"}, "floating_address_ip is 192.0.2.300"),
        ({"floating_address_ip": "192.0.2.10/24"}, "floating_address_ip is 192.0.2.10/24"),
        ({"floating_address_ip": "224.0.0.18"}, "floating_address_ip is 224.0.0.18"),
        ({"floating_address_ip": "192.0.2.2"}, "192.0.2.2 is b's own address"),
        ({**SHARED, "floating_address_router_id": 256}, "floating_address_router_id is 256"),
        ({**SHARED, "floating_address_prefix": 33}, "floating_address_prefix is 33"),
        ({**SHARED, "floating_address_interval_s": 0.01}, "floating_address_interval_s is 0.01"),
        ({**SHARED, "floating_address_vrid": 3}, "floating_address_vrid is no variable of any role"),
    ],
)
def test_a_wrong_value_is_named(variables: dict[str, Any], found: str) -> None:
    assert set(said(variables, variables)) == {found}


def test_balancers_must_agree_and_be_known_by_address() -> None:
    assert said(SHARED, {"floating_address_ip": "192.0.2.11"}) == [
        "floating_address_ip differs: '192.0.2.10' on a, '192.0.2.11' on b"
    ]
    named = {**SHARED, "ansible_host": "door-b.example"}
    assert said(SHARED, named) == ["b is known as door-b.example"]
    assert said(SHARED, {**named, "floating_address_own": "192.0.2.2"}) == []


def test_one_alone_is_warned_and_not_refused() -> None:
    assert said(SHARED) == ["a alone has it"]
    routers = vrrp_routers([{"inventory_hostname": "a", "ansible_host": "192.0.2.1"}])
    assert floating_address_obstacles(SHARED, routers) == []


def test_the_role_refuses_what_preflight_names() -> None:
    routers = vrrp_routers([{"inventory_hostname": name, "ansible_host": f"192.0.2.{name}"} for name in ("1", "10")])
    assert [router["priority"] for router in routers] == [250, 249]
    (word,) = floating_address_obstacles(SHARED, routers)
    assert "192.0.2.10 is 10's own address" in word and "Name a free address" in word


@pytest.mark.parametrize("place", ["0.0.0.0:8404", "[::]:8404", ":8404", "8404"])
def test_statistics_for_the_world_are_refused(place: str) -> None:
    assert said({"load_balancer_statistics": place}) == [f"load_balancer_statistics is {place}"]


@pytest.mark.parametrize("place", ["127.0.0.1:8404", "10.1.2.3:9000"])
def test_statistics_for_the_operators_are_taken(place: str) -> None:
    assert said({"load_balancer_statistics": place}) == []


@pytest.mark.parametrize(
    ("host", "ports"),
    [
        ("gpu", ["8000/tcp"]),
        ("door", ["443/tcp", "80/tcp", "vrrp"]),
        ("both", ["8000/tcp", "443/tcp", "80/tcp", "vrrp"]),
    ],
)
def test_the_firewall_lets_in_what_the_host_serves(host: str, ports: list[str], tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        "balancers: {hosts: {door: {}, both: {}}, vars: {floating_address_ip: 192.0.2.10}}\n"
        "gpu_hosts: {hosts: {gpu: {}, both: {}}}\n"
    )
    assert Inventory(str(inventory)).expected(host, "firewall", {})["firewall_ports"] == ports
