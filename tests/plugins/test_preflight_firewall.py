"""What else filters packets on a host, and ports that can't be as they are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from preflight import firewall_obstacles
from support.surveys import Change, judge


def unit(name: str, **state: str) -> Change:
    known = {"load": "loaded", "enabled": "disabled", "active": "inactive", **state}
    return lambda survey: survey["firewall"]["units"].setdefault(f"{name}.service", {}).update(known)


def firewalld_runs(change: Change) -> Change:
    def both(survey: dict[str, Any]) -> None:
        unit("firewalld", active="active")(survey)
        change(survey)

    return both


def with_network(name: str) -> Change:
    return lambda survey: survey["firewall"]["interfaces"].append(name)


FILTERS: list[tuple[Change, str, str]] = [
    (unit("firewalld", load="masked", enabled="masked"), "error", "systemctl unmask firewalld"),
    (unit("firewalld", enabled="masked-runtime"), "error", "systemctl unmask firewalld"),
    (unit("iptables", active="active"), "error", "systemctl disable --now iptables"),
    (unit("ip6tables", enabled="enabled"), "error", "ip6tables.service starts at boot"),
    (unit("nftables", active="active"), "error", "its rules are lost"),
    (firewalld_runs(unit("nftables", enabled="enabled")), "error", "systemctl disable --now nftables"),
    (unit("ufw", active="active"), "error", "firewall_enabled: false"),
    (unit("kubelet", active="active"), "error", "networks of its pods"),
    (unit("k3s", active="active"), "error", "networks of its pods"),
    (unit("docker", active="active"), "warning", "systemctl restart docker"),
    (with_network("cni-podman0"), "warning", "podman network reload --all"),
    (with_network("podman1"), "warning", "podman network reload --all"),
]


@pytest.mark.parametrize(("change", "severity", "words"), FILTERS)
def test_what_else_filters_packets(change: Change, severity: str, words: str) -> None:
    (problem,) = judge(change)
    assert (problem.check, problem.severity) == ("firewall", severity)
    assert words in " ".join((problem.found, problem.reason, problem.remedy))
    assert judge(change, firewall_enabled=False) == []


SETTLED: list[Change] = [
    firewalld_runs(unit("docker", active="active")),
    firewalld_runs(unit("kubelet", active="active")),
    firewalld_runs(with_network("podman0")),
    unit("iptables"),
    unit("nftables", enabled="static"),
    unit("firewalld", active="active", enabled="enabled"),
]


@pytest.mark.parametrize("change", SETTLED)
def test_what_lives_beside_firewalld_is_left_alone(change: Change) -> None:
    assert judge(change) == []


def test_a_container_is_not_judged_by_what_it_cannot_start() -> None:
    assert judge(lambda survey: (unit("firewalld", load="masked")(survey), survey.update(container=True))) == []


PORTS: list[tuple[dict[str, Any], str]] = [
    ({"firewall_ports": ["8000"]}, "8000 is no port/protocol"),
    ({"firewall_ports": ["8000/http"]}, "8000/http is no port/protocol"),
    ({"firewall_ports": ["8010-8000/tcp"]}, "8010-8000/tcp is no port/protocol"),
    ({"firewall_ports": ["70000/tcp"]}, "70000/tcp is no port/protocol"),
    ({"firewall_closed_ports": ["ssh"]}, "firewall_closed_ports: ssh is no port/protocol"),
    ({"firewall_closed_ports": ["1-1024/tcp"]}, "1-1024/tcp, on which sshd listens"),
    ({"firewall_ports": ["9000-9010/tcp"], "firewall_closed_ports": ["9005/tcp"]}, "both in firewall_ports and"),
]


@pytest.mark.parametrize(("variables", "words"), PORTS)
def test_ports_that_cannot_be_as_they_are_asked_for(variables: dict[str, Any], words: str) -> None:
    (problem,) = judge(**variables)
    assert (problem.check, problem.severity) == ("firewall", "error") and words in problem.found


def test_the_role_is_told_of_errors_alone() -> None:
    survey = {"firewall": {"units": {}, "interfaces": ["podman0"], "sshd": []}}
    assert firewall_obstacles(survey) == []
    unit("iptables", active="active")(survey)
    (told,) = firewall_obstacles(survey)
    assert told.startswith("firewall: iptables.service runs.") and "systemctl disable" in told
