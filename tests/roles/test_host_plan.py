"""A host with the role host_plan keeps a plan that its hardware can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.expected import Expected
from testinfra.host import Host


@pytest.fixture
def plan(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.file("/etc/hotpath/plan.json").content_string)
    return found


def test_the_plan_follows_the_policy(
    host: Host, plan: dict[str, Any], expected: Callable[[Host, str], Expected]
) -> None:
    asked = expected(host, "host_plan")["host_plan_policy"]
    assert plan["schema"] == 1
    assert plan["policy"] == asked or (plan["policy"] == "shared" and any("too few" in note for note in plan["notes"]))


def test_engines_are_where_they_were_asked_for(
    host: Host, plan: dict[str, Any], expected: Callable[[Host, str], Expected]
) -> None:
    devices = [engine["device"] for engine in plan["engines"]]
    if expected(host, "host_plan")["host_plan_engines_on"] == "cpu":
        assert devices == ["cpu"]
    else:
        assert devices == [f"cuda:{number}" for number in range(len(devices))] and devices


def test_every_planned_cpu_is_online(host: Host, plan: dict[str, Any]) -> None:
    count = int(host.check_output("getconf _NPROCESSORS_ONLN"))
    sets = [plan["housekeeping_cpus"], *(e["cpus"] for e in plan["engines"]), *(n["cpus"] for n in plan["nic_queues"])]
    assert all(sets) and max(cpu for cpus in sets for cpu in cpus) < count


def test_user_and_group_exist_and_nobody_logs_in(host: Host) -> None:
    user = host.user("hotpath")
    assert user.group == "hotpath"
    assert user.shell.endswith("/nologin")
