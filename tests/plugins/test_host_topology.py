"""host_topology against sysfs trees of several machines, also on the host's Python 3.6."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from host_topology import topology
from support.machines import CONTAINER, EIGHT_GPUS, VM_WITHOUT_GPU, XEON_A5000, Device, Machine, build
from support.python36 import run_module


def test_the_articles_host(tmp_path: Path) -> None:
    found = topology(str(build(XEON_A5000, tmp_path)))
    assert found["cores"][0] == [0, 12] and len(found["cores"]) == 12
    assert found["nodes"][0]["cpus"] == list(range(24))
    assert found["nodes"][0]["memory_kib"] == 64 * 1024 * 1024
    assert found["nodes"][0]["hugepages"][1] == {"size_kib": 2048, "total": 0, "free": 0}
    assert found["gpus"] == [{"pci": "0000:65:00.0", "device": "2231", "numa_node": None, "irqs": [100]}]
    (nic,) = found["nics"]
    assert (nic["interface"], nic["pci"], nic["numa_node"]) == ("eno1", "0000:3d:00.0", 0)
    assert nic["irqs"] == list(range(200, 208)) and nic["rx_queues"] == nic["tx_queues"] == 8


def test_two_sockets_with_eight_gpus(tmp_path: Path) -> None:
    found = topology(str(build(EIGHT_GPUS, tmp_path)))
    assert [gpu["numa_node"] for gpu in found["gpus"]] == [0] * 4 + [1] * 4
    assert [gpu["pci"] for gpu in found["gpus"]] == sorted(gpu["pci"] for gpu in found["gpus"])
    assert {nic["interface"]: nic["link"] for nic in found["nics"]} == {"ens1f0": True, "ens1f1": False, "ens2f0": True}
    assert found["nodes"][1]["cpus"] == [*range(32, 64), *range(96, 128)]


def test_virtio_interrupts_are_found_at_the_pci_function(tmp_path: Path) -> None:
    (nic,) = topology(str(build(VM_WITHOUT_GPU, tmp_path)))["nics"]
    assert nic["pci"] == "0000:00:03.0" and len(nic["irqs"]) == 4


def test_a_container_has_no_devices_and_virtual_interfaces_do_not_count(tmp_path: Path) -> None:
    build(CONTAINER, tmp_path)
    (tmp_path / "sys/class/net/eth0").mkdir(parents=True)
    found = topology(str(tmp_path))
    assert found["gpus"] == found["nics"] == []
    assert found["cores"] == [[0], [1]]


def test_offline_siblings_are_no_part_of_a_core(tmp_path: Path) -> None:
    build(Machine(1, 2, 2, 8), tmp_path)
    (tmp_path / "sys/devices/system/cpu/online").write_text("0-2\n")
    (tmp_path / "sys/devices/system/cpu/offline").write_text("3\n")
    found = topology(str(tmp_path))
    assert found["cpus"] == {"online": [0, 1, 2], "offline": [3]}
    assert found["cores"] == [[0, 2], [1]]
    assert found["nodes"][0]["cpus"] == [0, 1, 2]


def test_a_kernel_without_numa_is_one_node(tmp_path: Path) -> None:
    (tmp_path / "sys/devices/system/cpu").mkdir(parents=True)
    (tmp_path / "sys/devices/system/cpu/online").write_text("0-1\n")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:        8000000 kB\n")
    assert topology(str(tmp_path))["nodes"] == [{"id": 0, "cpus": [0, 1], "memory_kib": 8000000, "hugepages": []}]


def test_other_vendors_displays_are_no_gpus(tmp_path: Path) -> None:
    build(Machine(1, 2, 1, 8, (Device("0000:01:00.0", 0),)), tmp_path)
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0/vendor").write_text("0x1a03\n")
    assert topology(str(tmp_path))["gpus"] == []


def test_missing_sysfs_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cpu/online names no CPU"):
        topology(str(tmp_path))


@pytest.mark.parametrize("machine", [XEON_A5000, EIGHT_GPUS, VM_WITHOUT_GPU, CONTAINER])
def test_python36_gives_the_same_answer(machine: Machine, tmp_path: Path) -> None:
    build(machine, tmp_path)
    answer = run_module("host_topology", {"root": str(tmp_path)})
    assert answer["changed"] is False
    assert answer["topology"] == json.loads(json.dumps(topology(str(tmp_path))))
