"""The plan: golden for known machines, invariants for all machines, refusals with reason and remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from affinity_plan import affinity_plan, cpu_list, cpu_mask, plan_text
from ansible.errors import AnsibleFilterError
from host_topology import topology as read_topology
from hypothesis import given
from hypothesis import strategies as st
from support.machines import CONTAINER, VM_WITHOUT_GPU, XEON_A5000, Machine, build


def facts(nodes: int = 1, cores: int = 12, threads: int = 2, gib: int = 64, gpus: Any = (), nics: Any = ()) -> Any:
    """host_topology's answer; `gpus` are nodes, `nics` are (interface, node, queues)."""
    total = nodes * cores
    all_cores = [[core + thread * total for thread in range(threads)] for core in range(total)]
    return {
        "cpus": {"online": list(range(total * threads)), "offline": []},
        "cores": all_cores,
        "nodes": [
            {
                "id": node,
                "cpus": sorted(cpu for core in all_cores[node * cores : (node + 1) * cores] for cpu in core),
                "memory_kib": gib * 1024 * 1024,
            }
            for node in range(nodes)
        ],
        "gpus": [{"pci": f"0000:{16 + i:02x}:00.0", "numa_node": node} for i, node in enumerate(gpus)],
        "nics": [
            {"interface": name, "link": True, "numa_node": node, "rx_queues": queues, "tx_queues": queues}
            for name, node, queues in nics
        ],
    }


ARTICLE = facts(gpus=[None], nics=[("eno1", 0, 8)])
EIGHT_GPUS = facts(2, 32, 2, 512, gpus=[0] * 4 + [1] * 4, nics=[("ens1f0", 0, 32), ("ens2f0", 1, 32)])


def test_golden_article_host() -> None:
    assert affinity_plan(ARTICLE) == {
        "schema": 1,
        "policy": "throughput",
        "housekeeping_cpus": [0, 12],
        "isolated_cpus": [],
        "engines": [
            {
                "device": "cuda:0",
                "pci": "0000:10:00.0",
                "numa_node": 0,
                "cpus": [2, 14],
                "worker_cpus": [*range(3, 12), *range(15, 24)],
            }
        ],
        "nic_queues": [{"interface": "eno1", "numa_node": 0, "cpus": [1, 13]}],
        "hugepages": [{"numa_node": 0, "size_kib": 2048, "count": 128}],
        "notes": [],
    }


def test_golden_two_sockets_eight_gpus() -> None:
    assert plan_text(affinity_plan(EIGHT_GPUS, policy="latency")) == [
        "policy latency",
        "housekeeping  kernel, ssh, everything else        CPU 0-1,32-33,64-65,96-97",
        "node 0        ens1f0 interrupts                   CPU 2-5,66-69",
        "node 1        ens2f0 interrupts                   CPU 34-37,98-101",
        "node 0        engine cuda:0 at 0000:10:00.0       CPU 6,70",
        "node 0        HTTP workers of cuda:0              CPU 10-15,74-79",
        "node 0        engine cuda:1 at 0000:11:00.0       CPU 7,71",
        "node 0        HTTP workers of cuda:1              CPU 16-21,80-85",
        "node 0        engine cuda:2 at 0000:12:00.0       CPU 8,72",
        "node 0        HTTP workers of cuda:2              CPU 22-26,86-90",
        "node 0        engine cuda:3 at 0000:13:00.0       CPU 9,73",
        "node 0        HTTP workers of cuda:3              CPU 27-31,91-95",
        "node 1        engine cuda:4 at 0000:14:00.0       CPU 38,102",
        "node 1        HTTP workers of cuda:4              CPU 42-47,106-111",
        "node 1        engine cuda:5 at 0000:15:00.0       CPU 39,103",
        "node 1        HTTP workers of cuda:5              CPU 48-53,112-117",
        "node 1        engine cuda:6 at 0000:16:00.0       CPU 40,104",
        "node 1        HTTP workers of cuda:6              CPU 54-58,118-122",
        "node 1        engine cuda:7 at 0000:17:00.0       CPU 41,105",
        "node 1        HTTP workers of cuda:7              CPU 59-63,123-127",
        "isolated      left alone by kernel and scheduler  CPU 6-9,38-41,70-73,102-105",
        "node 0: 512 hugepages of 2048 KiB",
        "node 1: 512 hugepages of 2048 KiB",
    ]


@pytest.mark.parametrize(("machine", "engines_on"), [(XEON_A5000, "gpu"), (VM_WITHOUT_GPU, "cpu"), (CONTAINER, "cpu")])
def test_the_module_and_the_planner_fit_together(machine: Machine, engines_on: str, tmp_path: Path) -> None:
    plan = affinity_plan(read_topology(str(build(machine, tmp_path))), engines_on=engines_on)
    assert [nic["interface"] for nic in plan["nic_queues"]] == [d.interface for d in machine.devices if d.interface]
    assert len(plan["engines"]) == 1


def test_golden_vm_without_gpu() -> None:
    plan = affinity_plan(facts(1, 8, 1, 16, nics=[("eth0", None, 4)]), engines_on="cpu")
    assert plan["housekeeping_cpus"] == [0]
    assert plan["nic_queues"] == [{"interface": "eth0", "numa_node": 0, "cpus": [1]}]
    assert plan["engines"] == [
        {"device": "cpu", "pci": None, "numa_node": 0, "cpus": [2, 3, 4, 5], "worker_cpus": [6, 7]}
    ]


def test_golden_container_falls_back_to_shared_and_says_so() -> None:
    plan = affinity_plan(facts(1, 2, 1, 8), engines_on="cpu")
    assert plan["policy"] == "shared"
    assert plan["engines"] == [{"device": "cpu", "pci": None, "numa_node": 0, "cpus": [0, 1], "worker_cpus": [0, 1]}]
    assert plan["housekeeping_cpus"] == [0, 1]
    assert plan["notes"] == [
        "node 0 has 2 cores, too few for kernel, interrupts, engines and HTTP workers to have their own; "
        "policy shared instead of throughput"
    ]


def test_unknown_nodes_of_devices_are_noted_where_they_matter() -> None:
    plan = affinity_plan(facts(2, 12, gpus=[None]))
    assert plan["notes"] == ["GPU 0000:10:00.0 names no NUMA node; node 0 is assumed"]


def test_interfaces_without_link_take_no_cores() -> None:
    topology = facts(gpus=[0], nics=[("eno1", 0, 8)])
    topology["nics"][0]["link"] = False
    assert affinity_plan(topology)["nic_queues"] == []


def test_default_pages_leave_memory_to_the_host() -> None:
    plan = affinity_plan(facts(gib=1, gpus=[0]))
    assert plan["hugepages"] == [{"numa_node": 0, "size_kib": 2048, "count": 64}]
    assert plan["notes"] == ["node 0 has memory for 64 of 128 hugepages"]


def test_overrides_are_kept_and_the_rest_is_planned_around_them() -> None:
    plan = affinity_plan(
        ARTICLE,
        overrides={
            "housekeeping_cpus": [4, 16],
            "engines": [{"device": "cuda:0", "cpus": [0, 12]}],
            "hugepages": [{"numa_node": 0, "size_kib": 1048576, "count": 4}],
        },
    )
    assert plan["housekeeping_cpus"] == [4, 16]
    assert plan["engines"][0]["cpus"] == [0, 12]
    assert plan["nic_queues"][0]["cpus"] == [1, 13]
    assert plan["engines"][0]["worker_cpus"] == [2, 3, *range(5, 12), 14, 15, *range(17, 24)]
    assert plan["hugepages"] == [{"numa_node": 0, "size_kib": 1048576, "count": 4}]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"housekeping_cpus": [0]}, "unknown housekeping_cpus; there are engines, housekeeping_cpus"),
        ({"housekeeping_cpus": []}, "must be a list of at least one CPU number"),
        ({"housekeeping_cpus": "0-1"}, "must be a list of at least one CPU number"),
        ({"housekeeping_cpus": [True]}, "must be a list of at least one CPU number"),
        ({"housekeeping_cpus": [199]}, "CPU 199 is not online; the host has 0-127"),
        ({"housekeeping_cpus": [0]}, "splits a core: CPU 0 shares it with 64; take all of 0,64 or none"),
        ({"nic_queues": [{"interface": "eth7", "cpus": [0]}]}, "which the host lacks; it has ens1f0, ens2f0"),
        ({"nic_queues": [{"interface": "ens1f0", "cpus": [32, 96]}]}, "is not on node 0, where the device is"),
        ({"engines": [{"device": "cuda:8", "cpus": [0]}]}, "names device cuda:8, which the host lacks"),
        ({"engines": [{"device": "cuda:0"}, {"device": "cuda:0"}]}, "names a device twice"),
        ({"engines": [{"cpus": [0]}]}, "must be a list of mappings that each name a device"),
        ({"engines": [{"device": "cuda:0", "cpu": [0]}]}, "unknown cpu; there are cpus, device, worker_cpus"),
        (
            {"housekeeping_cpus": [6, 70], "engines": [{"device": "cuda:0", "cpus": [6, 70]}]},
            "CPU 6 is both in housekeeping_cpus and in cpus of cuda:0",
        ),
        ({"housekeeping_cpus": [*range(32), *range(64, 96)]}, "node 0 has 32 cores, too few"),
        ({"hugepages": [{"numa_node": 2, "count": 1}]}, "node 2, which the host lacks; it has 0-1"),
        ({"hugepages": [{"numa_node": 0, "size_kib": 4, "count": 1}]}, "4 KiB do not exist"),
        ({"hugepages": [{"numa_node": 0, "count": "many"}]}, "whole numbers"),
        (
            {"hugepages": [{"numa_node": 0, "size_kib": 1048576, "count": 300}]},
            "take 307200 MiB of the 524288 MiB of node 0; ask for at most 262144 MiB",
        ),
    ],
)
def test_what_cannot_hold_is_refused_with_its_reason(overrides: dict[str, Any], reason: str) -> None:
    with pytest.raises(AnsibleFilterError, match=re.escape(reason)):
        affinity_plan(EIGHT_GPUS, overrides=overrides)


def test_gpu_engines_without_gpu_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"no NVIDIA GPU.*host_plan_engines_on: cpu"):
        affinity_plan(facts())


@st.composite
def machines(draw: st.DrawFn) -> Any:
    nodes = draw(st.integers(1, 4))
    node = st.one_of(st.none(), st.integers(0, nodes - 1))
    nics = draw(st.lists(st.tuples(node, st.integers(1, 64)), max_size=4))
    return facts(
        nodes,
        draw(st.integers(1, 64)),
        draw(st.integers(1, 2)),
        draw(st.integers(1, 1024)),
        draw(st.lists(node, max_size=8)),
        [(f"eth{number}", at, queues) for number, (at, queues) in enumerate(nics)],
    )


@given(machines(), st.sampled_from(["throughput", "latency", "shared"]))
def test_invariants(topology: Any, policy: str) -> None:
    plan = affinity_plan(topology, policy=policy, engines_on="gpu" if topology["gpus"] else "cpu")
    online = set(topology["cpus"]["online"])
    of_node = {node["id"]: set(node["cpus"]) for node in topology["nodes"]}
    engines = plan["engines"]
    sets = [plan["housekeeping_cpus"], *(e["cpus"] for e in engines), *(e["worker_cpus"] for e in engines)]
    sets += [list(cpus) for cpus in {tuple(nic["cpus"]) for nic in plan["nic_queues"]}]

    assert all(sets), "no set is empty"
    assert set().union(*map(set, sets)) == online, "every CPU has its work"
    assert len(engines) == max(len(topology["gpus"]), 1)
    assert {nic["interface"] for nic in plan["nic_queues"]} == {nic["interface"] for nic in topology["nics"]}
    for placed in [*engines, *plan["nic_queues"]]:
        assert set(placed["cpus"]) <= of_node[placed["numa_node"]], "on its own node"
    if plan["policy"] == "shared":
        assert plan["isolated_cpus"] == []
    else:
        assert sum(map(len, sets)) == len(online), "sets are disjoint"
        for core in topology["cores"]:
            assert all(set(core) <= set(cpus) or not set(core) & set(cpus) for cpus in sets), "siblings stay together"
    assert not set(plan["isolated_cpus"]) & set(plan["housekeeping_cpus"])
    assert affinity_plan(topology, policy=policy, engines_on="gpu" if topology["gpus"] else "cpu") == plan


@pytest.mark.parametrize(
    ("cpus", "as_list", "as_mask"),
    [
        ([], "", "00000000"),
        ([0], "0", "00000001"),
        ([3, 1, 2, 8], "1-3,8", "0000010e"),
        ([0, 33], "0,33", "00000002,00000001"),
        ([31, 32, 64], "31-32,64", "00000001,00000001,80000000"),
    ],
)
def test_kernel_notations(cpus: list[int], as_list: str, as_mask: str) -> None:
    assert cpu_list(cpus) == as_list
    assert cpu_mask(cpus) == as_mask


@given(st.sets(st.integers(0, 300)))
def test_list_and_mask_hold_exactly_the_set(cpus: set[int]) -> None:
    spans = [part.split("-") for part in cpu_list(cpus).split(",") if part]
    assert {cpu for span in spans for cpu in range(int(span[0]), int(span[-1]) + 1)} == cpus
    assert int(cpu_mask(cpus).replace(",", ""), 16) == sum(1 << cpu for cpu in cpus)
