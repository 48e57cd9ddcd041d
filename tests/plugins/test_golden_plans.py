"""The plan of every machine shape under every policy, as reviewed.

A change of the planner shows here as a change of plans. Write them anew, read the diff as the owner of such a machine
would, and commit it with the change:

    HOTPATH_REWRITE_GOLDEN=1 python -m pytest tests/plugins/test_golden_plans.py; git diff tests/plugins/golden
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from affinity_plan import affinity_plan, plan_text
from host_topology import topology
from support.machines import build
from support.shapes import SHAPES

GOLDEN = Path(__file__).parent / "golden"
POLICIES = ("throughput", "latency", "shared")
REWRITE = "HOTPATH_REWRITE_GOLDEN"


def runs(cpus: list[int]) -> str:
    """The list in its order, which matters for interrupts, with runs as "first-last"."""
    spans: list[list[int]] = []
    for cpu in cpus:
        if spans and cpu == spans[-1][-1] + 1:
            spans[-1][1:] = [cpu]
        else:
            spans.append([cpu])
    return f"[{', '.join('-'.join(map(str, span)) for span in spans)}]"


def as_json(value: Any) -> str:
    return re.sub(r"\[\d+(, \d+)*\]", lambda match: runs(json.loads(match[0])), json.dumps(value))


def plan_lines(plan: dict[str, Any]) -> Iterator[str]:
    """The plan with a line for each entry, as JSON except for the runs."""
    for key, value in plan.items():
        if isinstance(value, list) and value and not isinstance(value[0], int):
            yield f"{key}:"
            yield from (f"  {as_json(entry)}" for entry in value)
        else:
            yield f"{key}: {as_json(value)}"


@pytest.fixture(scope="module", params=SHAPES)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Name and topology of each shape, read once for all policies."""
    name = request.param
    return name, topology(str(build(SHAPES[name].machine, tmp_path_factory.mktemp(name))))


@pytest.mark.parametrize("policy", POLICIES)
def test_plan_is_as_reviewed(machine: tuple[str, dict[str, Any]], policy: str) -> None:
    name, found_topology = machine
    shape = SHAPES[name]
    plan = affinity_plan(found_topology, policy=policy, engines_on=shape.engines_on, **shape.choices)
    found = "\n".join([*plan_text(plan), "", *plan_lines(plan), ""])
    golden = GOLDEN / f"{name}.{policy}.txt"
    reviewed = golden.read_text() if golden.exists() else ""
    if found != reviewed and os.environ.get(REWRITE):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found)
        pytest.fail(f"{golden.name} is written anew: review it (git diff), then run again without {REWRITE}")
    assert found == reviewed


def test_every_reviewed_plan_belongs_to_a_machine() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {
        f"{name}.{policy}.txt" for name in SHAPES for policy in POLICIES
    }
