"""Fixtures of the suites that say whether a host is what its roles make of it.

The same suites run in molecule on throwaway hosts and by `make verify` on the hosts of any inventory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from host import in_container as facts_of_container
from support.checks import Checks
from support.expected import PROJECT, Expected, Inventory
from testinfra.host import Host

SOURCES = "ANSIBLE_INVENTORY"  # separated by commas; testinfra's own option knows one


def pytest_configure(config: pytest.Config) -> None:
    """Look at the throwaway hosts unless the command line names others."""
    config.option.hosts = config.option.hosts or "ansible://gpu_hosts"
    # testinfra shares Ansible's connections only when their folder is there.
    Path("~/.ansible/cp").expanduser().mkdir(parents=True, exist_ok=True)
    if not config.option.ansible_inventory and SOURCES not in os.environ:
        config.option.ansible_inventory = str(PROJECT / "inventory" / "demo")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that compared things fails at its end, with all that differed."""
    result = yield
    checks = getattr(item, "funcargs", {}).get("check")
    if checks is not None:
        checks.require()
    return result


@pytest.fixture
def check(request: pytest.FixtureRequest, host: Host) -> Checks:
    """Compares what the host is with what it should be, and keeps that for the report."""
    checks = Checks(host)
    # The list itself, so that a report made later holds what was compared until then.
    request.node.user_properties.append(("comparisons", checks.made))
    return checks


@pytest.fixture(scope="session")
def inventory(pytestconfig: pytest.Config) -> Inventory:
    """The inventory that the hosts come from."""
    one = pytestconfig.option.ansible_inventory
    return Inventory(one) if one else Inventory(*os.environ[SOURCES].split(","))


@pytest.fixture(scope="session")
def facts_of(inventory: Inventory) -> Callable[[Host], dict[str, Any]]:
    """Variables that only the host can tell, as a play would know them: its facts and its plan. Read once a host.

    The plan is made anew, as the role host_plan does: the one on the host may have drifted.
    """
    known: dict[str, dict[str, Any]] = {}

    def read(host: Host) -> dict[str, Any]:
        name = host.backend.get_hostname()
        if name not in known:
            found = host.ansible(
                "setup", "gather_subset=min,default_ipv4,distribution,pkg_mgr,service_mgr,virtual", check=False
            )
            facts = {key.removeprefix("ansible_"): value for key, value in found["ansible_facts"].items()}
            known[name] = {**found["ansible_facts"], "ansible_facts": facts}
            if name in inventory.hosts("gpu_hosts"):  # others have no plan
                planning = inventory.expected(name, "host_plan", known[name])
                (plan,) = planning.arguments("plan.yml", "ansible.builtin.set_fact")
                topology = host.ansible("host_topology", check=False)
                known[name]["__host_plan"] = topology
                known[name]["hotpath_plan"] = planning.template(plan["hotpath_plan"], __host_plan=topology)
        return known[name]

    return read


@pytest.fixture(scope="session")
def expected(inventory: Inventory, facts_of: Callable[[Host], dict[str, Any]]) -> Callable[[Host, str], Expected]:
    """`expected(host, "cudnn")["cudnn_version"]`: the value that the role would use on this host."""
    made: dict[tuple[str, str], Expected] = {}

    def resolve(host: Host, role: str) -> Expected:
        key = (host.backend.get_hostname(), role)
        if key not in made:
            made[key] = inventory.expected(*key, facts_of(host))
        return made[key]

    return resolve


@pytest.fixture(scope="session")
def in_container(facts_of: Callable[[Host], dict[str, Any]]) -> Callable[[Host], bool]:
    """`in_container(host)`: whether roles leave the kernel alone there; then only their files can be asserted."""
    return lambda host: facts_of_container(facts_of(host)["ansible_facts"])
