"""A host with the role host_plan keeps a plan that its hardware can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.checks import Checks
from support.expected import Expected
from testinfra.host import Host

PLAN = "/etc/hotpath/plan.json"


@pytest.fixture
def plan(host: Host, expected: Callable[[Host, str], Expected]) -> dict[str, Any]:
    """The plan that the role would make now."""
    planned: dict[str, Any] = expected(host, "host_plan")["hotpath_plan"]
    return planned


def test_the_plan_is_the_one_that_hardware_and_policy_give(host: Host, check: Checks, plan: dict[str, Any]) -> None:
    kept = json.loads(check.text(PLAN))
    for key in sorted({*plan, *kept}):
        check.equal(f"{key} in {PLAN}", expected=plan.get(key, "absent"), found=kept.get(key, "absent"))


def test_the_plan_follows_the_policy(
    host: Host, check: Checks, plan: dict[str, Any], expected: Callable[[Host, str], Expected]
) -> None:
    asked = expected(host, "host_plan")["host_plan_policy"]
    too_few = any("too few" in note for note in plan["notes"])
    check.equal("policy of the plan", expected="shared" if too_few else asked, found=plan["policy"])


def test_engines_are_where_they_were_asked_for(
    host: Host, check: Checks, plan: dict[str, Any], expected: Callable[[Host, str], Expected]
) -> None:
    kinds = {engine["device"].partition(":")[0] for engine in plan["engines"]}
    asked = "cpu" if expected(host, "host_plan")["host_plan_engines_on"] == "cpu" else "cuda"
    check.equal("kinds of the engines' devices", expected={asked}, found=kinds)


def test_every_planned_cpu_is_online(check: Checks, plan: dict[str, Any]) -> None:
    count = int(check.answer("number of CPUs", "getconf _NPROCESSORS_ONLN"))
    sets = [plan["housekeeping_cpus"], *(e["cpus"] for e in plan["engines"]), *(n["cpus"] for n in plan["nic_queues"])]
    check.equal("every part of the plan has CPUs", expected=True, found=all(sets))
    check.equal(
        "planned CPUs that are not online",
        expected=[],
        found=sorted({cpu for cpus in sets for cpu in cpus if cpu >= count}),
    )


def test_user_and_group_exist_and_nobody_logs_in(check: Checks) -> None:
    entry = check.answer("user hotpath", "getent passwd hotpath").split(":")
    check.equal("group of the user hotpath", expected="hotpath", found=check.answer("its group", "id -gn hotpath"))
    check.equal("shell of the user hotpath", expected="/usr/sbin/nologin", found=entry[6])
