"""host_topology against sysfs trees of several machines, also on the host's Python 3.6."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from host_topology import topology
from support.machines import CONTAINER, EIGHT_GPUS, VM_WITHOUT_GPU, XEON_A5000, Device, Machine, build, write
from support.python36 import run_module
from support.shapes import SHAPES


def test_the_articles_host(tmp_path: Path) -> None:
    found = topology(str(build(XEON_A5000, tmp_path)))
    assert found["cores"][0] == [0, 12] and len(found["cores"]) == 12
    assert found["nodes"][0]["cpus"] == list(range(24))
    assert found["nodes"][0]["memory_kib"] == 64 * 1024 * 1024
    assert found["nodes"][0]["hugepages"][1] == {"size_kib": 2048, "total": 0, "free": 0}
    (gpu,) = found["gpus"]
    assert (gpu["pci"], gpu["device"], gpu["numa_node"], gpu["irqs"]) == ("0000:65:00.0", "2231", None, [100])
    assert (gpu["driver"], gpu["hidden"], gpu["mig"]) == ("", False, False)
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


def test_an_interface_on_usb_is_none_of_the_pci_controllers(tmp_path: Path) -> None:
    """A management controller's, for one: the interrupts up there are the USB controller's."""
    build(VM_WITHOUT_GPU, tmp_path)
    controller = tmp_path / "sys/devices/pci0000:00/0000:00:14.0"
    write(controller / "msi_irqs/300", "msix")
    function = controller / "usb1/1-1/1-1:1.0"
    write(function / "net/bmc_redfish0/operstate", "up")
    (function / "net/bmc_redfish0/device").symlink_to(function)
    (tmp_path / "sys/class/net/bmc_redfish0").symlink_to(function / "net/bmc_redfish0")
    assert [nic["interface"] for nic in topology(str(tmp_path))["nics"]] == ["eth0"]


def test_a_container_has_no_devices_and_virtual_interfaces_do_not_count(tmp_path: Path) -> None:
    build(CONTAINER, tmp_path)
    (tmp_path / "sys/class/net/eth0").mkdir(parents=True)
    found = topology(str(tmp_path))
    assert found["gpus"] == found["nics"] == []
    assert found["cores"] == [[0], [1]]


def test_offline_siblings_are_no_part_of_a_core(tmp_path: Path) -> None:
    found = topology(str(build(Machine(1, 2, 2, 8, offline=(3,)), tmp_path)))
    assert found["cpus"] == {"online": [0, 1, 2], "offline": [3]}
    assert found["cores"] == [[0, 2], [1]]
    assert found["nodes"][0]["cpus"] == [0, 1, 2]


def test_a_node_of_memory_alone_has_no_cpus(tmp_path: Path) -> None:
    found = topology(str(build(SHAPES["cxl-memory"].machine, tmp_path)))
    assert [node["cpus"] == [] for node in found["nodes"]] == [False, False, True]
    assert found["nodes"][2]["memory_kib"] == 256 * 1024 * 1024


def test_a_node_without_memory_does_not_have_the_hosts(tmp_path: Path) -> None:
    build(Machine(2, 2, 1, 8), tmp_path)
    write(tmp_path / "sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: 0 kB")
    assert [node["memory_kib"] for node in topology(str(tmp_path))["nodes"]] == [8 * 1024 * 1024, 0]


def test_a_bond_stands_for_nothing_the_interfaces_under_it_count(tmp_path: Path) -> None:
    found = topology(str(build(SHAPES["bond-over-two-nodes"].machine, tmp_path)))
    assert [(nic["interface"], nic["numa_node"]) for nic in found["nics"]] == [("ens1f0", 0), ("ens2f0", 1)]


def test_both_ports_of_a_function_count_and_what_stands_for_a_virtual_function_does_not(tmp_path: Path) -> None:
    build(SHAPES["two-ports-of-one-function"].machine, tmp_path)
    for name, port in (("ens1", "p0"), ("ens1_0", "pf0vf0"), ("ens1_sf3", "c1pf0sf3")):
        net = tmp_path / "sys/class/net" / name
        write(net / "phys_port_name", port)
        if not (net / "device").exists():
            (net / "device").symlink_to((tmp_path / "sys/class/net/ens1/device").resolve())
    found = topology(str(tmp_path))["nics"]
    assert [nic["interface"] for nic in found] == ["ens1", "ens1d1"]
    assert found[0]["irqs"] == found[1]["irqs"]


@pytest.mark.parametrize(
    ("state", "carrier", "link"),
    [("up", "1", True), ("unknown", "1", True), ("unknown", "0", False), ("down", "0", False)],
)
def test_a_driver_that_reports_no_state_answers_by_its_carrier(
    state: str, carrier: str, link: bool, tmp_path: Path
) -> None:
    net = build(VM_WITHOUT_GPU, tmp_path) / "sys/class/net/eth0"
    write(net / "operstate", state)
    write(net / "carrier", carrier)
    assert [nic["link"] for nic in topology(str(tmp_path))["nics"]] == [link]


def test_a_kernel_without_numa_is_one_node(tmp_path: Path) -> None:
    found = topology(str(build(Machine(1, 2, 1, 8, numa=False), tmp_path)))
    (node,) = found["nodes"]
    assert (node["id"], node["cpus"], node["memory_kib"]) == (0, [0, 1], 8 * 1024 * 1024)
    assert node["hugepages"][1] == {"size_kib": 2048, "total": 0, "free": 0}


def test_other_vendors_displays_are_no_gpus(tmp_path: Path) -> None:
    build(Machine(1, 2, 1, 8, (Device("0000:01:00.0", 0),)), tmp_path)
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0/vendor").write_text("0x1a03\n")
    assert topology(str(tmp_path))["gpus"] == []


def test_missing_sysfs_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cpu/online names no CPU"):
        topology(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["xeon-a5000", "dgx-a100-nps4", "cxl-memory", "vm-without-numa", "gpus-of-virtual-machines"]
)
def test_python36_gives_the_same_answer(name: str, tmp_path: Path) -> None:
    build(SHAPES[name].machine, tmp_path)
    answer = run_module("host_topology", {"root": str(tmp_path)})
    assert answer["changed"] is False
    assert answer["topology"] == json.loads(json.dumps(topology(str(tmp_path))))
