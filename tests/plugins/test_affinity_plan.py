"""The plan: invariants for all machines, rules, refusals with reason and remedy.

Whole plans of real machines are in test_golden_plans.py.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from affinity_plan import affinity_plan, cpu_list, cpu_mask
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st


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


def test_article_host() -> None:
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


def test_container_falls_back_to_shared_and_says_so() -> None:
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
    assert plan["notes"] == [
        "GPU 0000:10:00.0 names no NUMA node; node 0 is assumed (host_plan_overrides can say: numa_node)",
        "no GPU is on node 1; no engine and no HTTP worker runs there",
    ]


def test_an_interface_on_an_unknown_node_is_taken_for_a_neighbour_of_the_first_engine() -> None:
    plan = affinity_plan(facts(2, 12, gpus=[1], nics=[("eth0", None, 8)]))
    assert plan["nic_queues"][0]["numa_node"] == 1
    assert any("interface eth0 names no NUMA node; node 1 is assumed" in note for note in plan["notes"])


def test_interrupts_stay_on_their_interfaces_node_and_take_half_of_it_where_no_engine_is() -> None:
    plan = affinity_plan(facts(2, 12, 1, gpus=[0], nics=[("eth0", 1, 32)]))
    assert plan["nic_queues"] == [{"interface": "eth0", "numa_node": 1, "cpus": [13, 14, 15, 16, 17, 18]}]
    assert plan["engines"][0]["worker_cpus"] == list(range(3, 12))
    assert "interface eth0 is on node 1, where no engine is; its interrupts stay there" in plan["notes"][1]


def test_first_queues_of_interfaces_do_not_meet_and_siblings_come_last() -> None:
    topology = facts(1, 24, gpus=[0], nics=[("eth0", 0, 1), ("eth1", 0, 2)])
    assert [nic["cpus"] for nic in affinity_plan(topology)["nic_queues"]] == [
        [2, 3, 4, 26, 27, 28],
        [3, 4, 26, 27, 28, 2],
    ]
    # Siblings as neighbours, as in a KVM guest.
    topology["cores"] = [[2 * core, 2 * core + 1] for core in range(24)]
    assert affinity_plan(topology)["nic_queues"][0]["cpus"] == [4, 6, 8, 5, 7, 9]
    shared = [nic["cpus"] for nic in affinity_plan(topology, policy="shared")["nic_queues"]]
    assert [cpus[:3] for cpus in shared] == [[0, 2, 4], [2, 4, 6]]


@pytest.mark.parametrize(("cores", "engine"), [(5, [2]), (6, [2, 3])])
def test_a_gpu_engine_has_two_cpus_where_the_workers_keep_as_many(cores: int, engine: list[int]) -> None:
    assert affinity_plan(facts(1, cores, 1, gpus=[0], nics=[("eth0", 0, 1)]))["engines"][0]["cpus"] == engine


def test_cpu_0_is_never_isolated() -> None:
    overrides = {"housekeeping_cpus": [4, 16], "engines": [{"device": "cuda:0", "cpus": [0, 12]}]}
    with pytest.raises(AnsibleFilterError, match=r"would isolate CPU 0, .*; name it in housekeeping_cpus"):
        affinity_plan(ARTICLE, policy="latency", overrides=overrides)


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


def test_a_cpu_engine_may_be_isolated_by_hand() -> None:
    """Latency isolates none by itself: threads of one engine do not spread over isolated CPUs. A lone thread may."""
    host = facts(2, 4, 1, 4, nics=[("eth0", 1, 4)])
    (engine,) = affinity_plan(host, engines_on="cpu")["engines"]
    plan = affinity_plan(host, policy="latency", engines_on="cpu", overrides={"isolated_cpus": engine["cpus"]})
    assert plan["isolated_cpus"] == [6] == engine["cpus"]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (
            {"isolated_cpus": [0]},
            "isolated_cpus: CPU 0 has other work than an engine's; those of engines are 6-9,38-41,70-73,102-105",
        ),
        ({"isolated_cpus": []}, "isolated_cpus must be a list of at least one CPU number"),
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
        (
            {"engines": [{"device": "cuda:0", "cpu": [0]}]},
            "unknown cpu; there are cpus, device, numa_node, worker_cpus",
        ),
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
    node = st.one_of(st.none(), st.integers(0, nodes))  # the last one has memory alone, or does not exist
    nics = draw(st.lists(st.tuples(node, st.integers(1, 64)), max_size=4))
    topology = facts(
        nodes,
        draw(st.integers(1, 64)),
        draw(st.integers(1, 2)),
        draw(st.integers(1, 1024)),
        draw(st.lists(node, max_size=8)),
        [(f"eth{number}", at, queues) for number, (at, queues) in enumerate(nics)],
    )
    # CPU 0 can't be taken offline on x86.
    _take_offline(topology, draw(st.sets(st.sampled_from(topology["cpus"]["online"]), max_size=16)) - {0})
    if draw(st.booleans()):
        topology["nodes"].append({"id": nodes, "cpus": [], "memory_kib": 1024 * 1024})
    return topology


def _take_offline(topology: Any, offline: set[int]) -> None:
    topology["cpus"] = {"online": sorted(set(topology["cpus"]["online"]) - offline), "offline": sorted(offline)}
    topology["cores"] = [core for core in (sorted(set(core) - offline) for core in topology["cores"]) if core]
    for node in topology["nodes"]:
        node["cpus"] = sorted(set(node["cpus"]) - offline)


def plan_of(topology: Any, policy: str) -> dict[str, Any]:
    return affinity_plan(topology, policy=policy, engines_on="gpu" if topology["gpus"] else "cpu")


policies = st.sampled_from(["throughput", "latency", "shared"])


@given(machines(), policies)
def test_every_cpu_has_its_work_on_the_node_of_what_it_serves(topology: Any, policy: str) -> None:
    plan = plan_of(topology, policy)
    of_node = {node["id"]: set(node["cpus"]) for node in topology["nodes"]}
    assert len(plan["engines"]) == max(len(topology["gpus"]), 1)
    assert {nic["interface"] for nic in plan["nic_queues"]} == {nic["interface"] for nic in topology["nics"]}
    placed = [(nic["numa_node"], nic["cpus"]) for nic in plan["nic_queues"]]
    for engine in plan["engines"]:
        placed += [(engine["numa_node"], engine["cpus"]), (engine["numa_node"], engine["worker_cpus"])]
    assert plan["housekeeping_cpus"] and all(cpus for _, cpus in placed), "no set is empty"
    assert all(set(cpus) <= of_node[node] for node, cpus in placed), "on its own node"
    everything = set(plan["housekeeping_cpus"]).union(*(cpus for _, cpus in placed))
    assert everything == set(topology["cpus"]["online"]), "every CPU has its work"
    engine_nodes = {engine["numa_node"] for engine in plan["engines"]}
    assert {pages["numa_node"] for pages in plan["hugepages"]} <= engine_nodes, "pages are where engines are"


@given(machines(), policies)
def test_devices_are_on_the_node_that_the_firmware_names(topology: Any, policy: str) -> None:
    plan = plan_of(topology, policy)
    with_cpus = {node["id"] for node in topology["nodes"] if node["cpus"]}
    named = {device["pci"]: device["numa_node"] for device in topology["gpus"]}
    named.update({nic["interface"]: nic["numa_node"] for nic in topology["nics"]})
    for placed in [*plan["engines"], *plan["nic_queues"]]:
        node = named.get(placed["pci"] if "pci" in placed else placed["interface"])
        assert node not in with_cpus or placed["numa_node"] == node


@given(machines(), st.sampled_from(["throughput", "latency"]))
def test_kinds_of_work_share_no_core(topology: Any, policy: str) -> None:
    plan = plan_of(topology, policy)
    if plan["policy"] == "shared":
        assert any("too few for kernel" in note for note in plan["notes"])
        return
    sets = [plan["housekeeping_cpus"], *(e["cpus"] for e in plan["engines"])]
    sets += [e["worker_cpus"] for e in plan["engines"]]
    # Interfaces of one node share its interrupt cores.
    sets += {nic["numa_node"]: nic["cpus"] for nic in plan["nic_queues"]}.values()
    assert sum(map(len, sets)) == len(topology["cpus"]["online"]), "sets are disjoint"
    for core in topology["cores"]:
        assert all(set(core) <= set(cpus) or not set(core) & set(cpus) for cpus in sets), "siblings stay together"
    assert 0 in plan["housekeeping_cpus"], "CPU 0 keeps the kernel's time"


@given(machines(), policies)
def test_only_gpu_engines_are_isolated_and_only_for_latency(topology: Any, policy: str) -> None:
    plan = plan_of(topology, policy)
    of_gpus = sorted(cpu for engine in plan["engines"] if engine["pci"] for cpu in engine["cpus"])
    assert plan["isolated_cpus"] == (of_gpus if plan["policy"] == "latency" else [])


@given(machines(), policies, st.randoms(use_true_random=False))
def test_the_same_machine_has_the_same_plan_in_whatever_order_it_is_found(topology: Any, policy: str, mix: Any) -> None:
    plan = plan_of(topology, policy)
    assert plan_of(topology, policy) == plan
    for found in ("cores", "nodes", "gpus", "nics"):
        mix.shuffle(topology[found])
    assert plan_of(topology, policy) == plan


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
