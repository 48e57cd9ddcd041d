"""Nodes without memory, and devices whose node the firmware does not tell."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from affinity_plan import affinity_plan
from ansible.errors import AnsibleFilterError
from host_topology import topology
from hypothesis import given
from hypothesis import strategies as st
from support.machines import Device, Machine, build
from support.shapes import SHAPES


def plan_of(machine: Machine, root: Path, **choices: Any) -> dict[str, Any]:
    """Through JSON, as a host's answer comes to the controller."""
    return affinity_plan(json.loads(json.dumps(topology(str(build(machine, root))))), **choices)


def test_memory_and_pages_come_from_the_nearest_node_that_has_some(tmp_path: Path) -> None:
    plan = plan_of(SHAPES["quadrants-without-memory"].machine, tmp_path)
    assert [engine["numa_node"] for engine in plan["engines"]] == [0, 2]
    assert [pages["numa_node"] for pages in plan["hugepages"]] == [0, 2]
    assert "node 3 has no memory; what runs there has its memory and hugepages on node 2" in plan["notes"]


def test_the_cpus_stay_where_the_gpu_is(tmp_path: Path) -> None:
    machine = SHAPES["quadrants-without-memory"].machine
    first, second = plan_of(machine, tmp_path)["engines"]
    assert {*first["cpus"], *first["worker_cpus"]} <= set(machine.node_cpus(1))
    assert {*second["cpus"], *second["worker_cpus"]} <= set(machine.node_cpus(3))


@pytest.mark.parametrize(("expander", "node"), [(14, 2), (21, 0), (30, 0)])
def test_memory_without_cpus_counts_by_its_distance_and_after_equals(expander: int, node: int, tmp_path: Path) -> None:
    """A CXL expander, or the high-bandwidth memory of a Xeon Max whose node 1 has no DIMM."""
    distances = ((10, 21, 30), (21, 10, expander), (30, expander, 10))
    gpu = Device("0000:af:00.0", 1)
    machine = Machine(2, 12, 2, 64, (gpu,), without_memory=(1,), memory_only_gib=(64,), distances=distances)
    (engine,) = plan_of(machine, tmp_path)["engines"]
    assert engine["numa_node"] == node


def test_an_engine_on_cpus_prefers_a_node_with_memory(tmp_path: Path) -> None:
    nic = Device("0000:3d:00.0", 0, "eno1", 8)
    machine = Machine(2, 12, 2, 64, (nic,), small_cores=0, without_memory=(0,))
    (engine,) = plan_of(machine, tmp_path, engines_on="cpu")["engines"]
    assert engine["numa_node"] == 1 and set(engine["cpus"]) <= set(machine.node_cpus(1))


def test_the_user_says_on_which_node_the_cpu_engine_is(tmp_path: Path) -> None:
    overrides = {"engines": [{"device": "cpu", "numa_node": 1}]}
    machine = Machine(2, 12, 2, 64)
    (engine,) = plan_of(machine, tmp_path, engines_on="cpu", overrides=overrides)["engines"]
    assert engine["numa_node"] == 1 and set(engine["cpus"]) <= set(machine.node_cpus(1))


def test_a_gpu_on_a_node_without_cpus_is_served_from_the_nearest(tmp_path: Path) -> None:
    distances = ((10, 21, 31), (21, 10, 11), (31, 11, 10))
    gpu = Device("0000:af:00.0", 2)
    machine = Machine(2, 12, 2, 64, (gpu,), memory_only_gib=(64,), distances=distances)
    plan = plan_of(machine, tmp_path)
    assert plan["engines"][0]["numa_node"] == 1
    assert any("is on node 2, which has no CPU; node 1 is assumed" in note for note in plan["notes"])


@given(
    st.lists(st.booleans(), min_size=1, max_size=4).filter(any),
    st.lists(st.integers(0, 3), max_size=4),
    st.sampled_from(["throughput", "latency", "shared"]),
)
def test_no_engine_and_no_page_is_ever_on_a_node_without_memory(
    with_memory: list[bool], gpus: list[int], policy: str
) -> None:
    count = len(with_memory)
    found = {
        "cpus": {"online": list(range(8 * count)), "offline": []},
        "cores": [[cpu] for cpu in range(8 * count)],
        "nodes": [
            {"id": node, "cpus": list(range(8 * node, 8 * node + 8)), "memory_kib": there * 64 * 1024 * 1024}
            for node, there in enumerate(with_memory)
        ],
        "gpus": [{"pci": f"0000:{16 + i:02x}:00.0", "numa_node": node} for i, node in enumerate(gpus)],
        "nics": [],
    }
    plan = affinity_plan(found, policy=policy, engines_on="gpu" if gpus else "cpu")
    for part in (*plan["engines"], *plan["hugepages"]):
        assert with_memory[part["numa_node"]]


SILENT = Machine(2, 12, 2, 64, (Device("0000:65:00.0", -1), Device("0000:3d:00.0", -1, "eno1", 8)))


def test_the_user_says_where_a_silent_firmwares_devices_are(tmp_path: Path) -> None:
    told = {
        "engines": [{"device": "cuda:0", "numa_node": 1}],
        "nic_queues": [{"interface": "eno1", "numa_node": 1, "cpus": [12, 36]}],
    }
    plan = plan_of(SILENT, tmp_path, overrides=told)
    assert plan["engines"][0]["numa_node"] == 1 and set(plan["engines"][0]["cpus"]) <= set(SILENT.node_cpus(1))
    assert plan["nic_queues"] == [{"interface": "eno1", "numa_node": 1, "cpus": [12, 36]}]
    assert not [note for note in plan["notes"] if "assumed" in note]


def test_the_user_corrects_a_firmware_that_is_wrong(tmp_path: Path) -> None:
    machine = SHAPES["gpu-and-nic-apart"].machine
    plan = plan_of(machine, tmp_path, overrides={"engines": [{"device": "cuda:0", "numa_node": 1}]})
    assert plan["engines"][0]["numa_node"] == 1


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (
            {"engines": [{"device": "cuda:0", "numa_node": 7}]},
            "engines: cuda:0 is on node 7, which has no CPU here; choose among 0-1",
        ),
        ({"nic_queues": [{"interface": "eno1", "numa_node": True}]}, "numa_node of nic_queues eno1 must be the number"),
        ({"engines": [{"device": "cuda:0", "numa_node": -1}]}, "numa_node of engines cuda:0 must be the number"),
        ({"nic_queues": [{"interface": "eno1"}]}, "nic_queues eno1 must be a list of at least one CPU number"),
        (
            {"engines": [{"device": "cuda:0", "cpus": [14, 38]}]},
            "CPU 14,38 is not on node 0, where the device is; choose among 0-11,24-35, or say with numa_node",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(overrides: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match=re.escape(reason)):
        plan_of(SILENT, tmp_path, overrides=overrides)
