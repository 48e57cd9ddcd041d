"""Which GPUs get an engine, and under which of CUDA's numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import topology_gpus
from affinity_plan import affinity_plan
from ansible.errors import AnsibleFilterError
from host_topology import topology
from support.machines import Device, Machine, build

DEMANDS = {"driver_version": "510.47.03", "driver_stream": "510-dkms", "capabilities": ["7.5", "8.0", "8.6"]}
K5000, P620, H100 = "0x11ba", "0x1cb6", "0x2330"


def facts(root: Path, *gpus: Device) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(topology(str(build(Machine(1, 16, 2, 64, gpus), root)))))
    return found


def engines(found: dict[str, Any], **gpus: Any) -> dict[str, str]:
    """By device: the address of the GPU."""
    plan = affinity_plan(found, gpus={**DEMANDS, **gpus})
    return {engine["device"]: engine["pci"] for engine in plan["engines"]}


A, B, C = "0000:01:00.0", "0000:41:00.0", "0000:81:00.0"


@pytest.mark.parametrize(
    ("first", "numbers"),
    [
        # CUDA sees it, so the others keep their numbers
        (Device(A, 0, device_id=P620), {"cuda:1": B, "cuda:2": C}),  # no code in torch
        # CUDA does not see it
        (Device(A, 0, driver="vfio-pci"), {"cuda:0": B, "cuda:1": C}),
        (Device(A, 0, driver="pci-stub"), {"cuda:0": B, "cuda:1": C}),
        (Device(A, 0, reserved_for="vfio-pci"), {"cuda:0": B, "cuda:1": C}),
        (Device(A, 0, driver="nvidia", reserved_for="vfio-pci"), {"cuda:0": B, "cuda:1": C}),
        (Device(A, 0, device_id=K5000), {"cuda:0": B, "cuda:1": C}),  # too old for the driver
        (Device(A, 0, device_id=H100), {"cuda:0": B, "cuda:1": C}),  # too new for it
        # nobody has it yet, or a driver that goes when NVIDIA's comes
        (Device(A, 0), {"cuda:0": A, "cuda:1": B, "cuda:2": C}),
        (Device(A, 0, driver="nouveau"), {"cuda:0": A, "cuda:1": B, "cuda:2": C}),
    ],
)
def test_before_the_driver_is_there(first: Device, numbers: dict[str, str], tmp_path: Path) -> None:
    assert engines(facts(tmp_path, first, Device(B, 0), Device(C, 0, driver="nouveau"))) == numbers


@pytest.mark.parametrize(
    ("first", "numbers"),
    [
        (Device(A, 0, driver="nvidia"), {"cuda:0": A, "cuda:1": B}),
        (Device(A, 0), {"cuda:0": B}),
        (Device(A, 0, driver="nouveau"), {"cuda:0": B}),
        (Device(A, 0, driver="nvidia", hidden=True), {"cuda:0": B}),
        (Device(A, 0, driver="nvidia", device_id=P620), {"cuda:1": B}),
    ],
)
def test_beside_one_that_the_driver_has(first: Device, numbers: dict[str, str], tmp_path: Path) -> None:
    assert engines(facts(tmp_path, first, Device(B, 0, driver="nvidia"))) == numbers


@pytest.mark.parametrize(
    "entry", ["0000:41:00.0", "41:00.0", "0000:41:00.0 ", "10de:1cb6", "10DE:1CB6", "P620", "quadro p", "GP107*620"]
)
def test_one_that_the_user_leaves_out_keeps_its_number_free(entry: str, tmp_path: Path) -> None:
    found = facts(tmp_path, Device(A, 0), Device(B, 0, device_id=P620), Device(C, 0))
    assert engines(found, capabilities=[], excluded=[entry]) == {"cuda:0": A, "cuda:2": C}


def test_an_address_elsewhere_leaves_nothing_out(tmp_path: Path) -> None:
    assert engines(facts(tmp_path, Device(A, 0)), excluded=["0001:01:00.0", "10de:1cb6", "T400"]) == {"cuda:0": A}


def test_one_that_mig_divides_keeps_its_number_free(tmp_path: Path) -> None:
    found = facts(tmp_path, Device(A, 0, driver="nvidia"), Device(B, 0, driver="nvidia"))
    found["gpus"][0]["mig"] = True
    assert engines(found) == {"cuda:1": B}


def test_uuid_and_memory_as_the_driver_says() -> None:
    answer = (
        "00000000:65:00.0, GPU-5f1e7ab2-1d0c-4d6c-9a55-0a5000a5000a, 24564 MiB\n"
        "00000000:C1:00.0, GPU-77770000-1d0c-4d6c-9a55-0a5000a5000a, [N/A]\n"
        "00000000:B1:00.0, GPU-88880000-1d0c-4d6c-9a55-0a5000a5000a, 143771 MiB\n"
    )
    told = topology_gpus.told_gpus(answer)
    assert told["0000:65:00.0"] == {"uuid": "GPU-5f1e7ab2-1d0c-4d6c-9a55-0a5000a5000a", "memory_mib": 24564}
    assert told["0000:b1:00.0"]["memory_mib"] == 143771 and len(told) == 2
    assert topology_gpus.told_gpus("NVIDIA-SMI has failed because it couldn't communicate with the driver.") == {}


def test_which_gpus_mig_divides_as_the_driver_says() -> None:
    answer = (
        "00000000:01:00.0, Enabled\n00000000:41:00.0, Disabled\n00000000:81:00.0, [N/A]\n00000000:C1:00.0, Enabled\n"
    )
    assert topology_gpus.divided_gpus(answer) == ["0000:01:00.0", "0000:c1:00.0"]
    assert (
        topology_gpus.divided_gpus("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
        == []
    )


def test_virtual_functions_are_for_virtual_machines(tmp_path: Path) -> None:
    found = Machine(1, 16, 2, 64, (Device(A, 0, driver="nvidia"), Device("0000:01:00.4", 0, driver="nvidia")))
    build(found, tmp_path)
    slot = tmp_path / "sys/bus/pci/devices/0000:01:00.4"
    (slot.resolve() / "physfn").symlink_to(tmp_path / "sys/bus/pci/devices" / A)
    assert [gpu["pci"] for gpu in topology(str(tmp_path))["gpus"]] == [A]


def test_the_bus_counts_domains_by_number(tmp_path: Path) -> None:
    """Those of a volume management device have five digits."""
    found = facts(tmp_path, Device("10000:01:00.0", 0), Device("0000:81:00.0", 0))
    assert list(engines(found).values()) == ["0000:81:00.0", "10000:01:00.0"]


def test_names_are_those_of_the_pci_database(tmp_path: Path) -> None:
    found = facts(tmp_path, Device(A, 0), Device(B, 0, device_id=P620), Device(C, 0, device_id="0x9999"))
    assert [gpu["name"] for gpu in found["gpus"]] == ["GA102GL [RTX A5000]", "GP107GL [Quadro P620]", ""]
    (tmp_path / "usr/share/hwdata/pci.ids").unlink()
    assert topology_gpus.device_names(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("gpus", "demands", "reason"),
    [
        (
            [Device(A, 0, driver="vfio-pci")],
            {},
            "none of them can have one. GPU 0000:01:00.0 (GA102GL [RTX A5000]) gets no engine: the driver vfio",
        ),
        ([Device(A, 0)], {"excluded": [A]}, "host_plan_gpus_excluded names it"),
        ([Device(A, 0, device_id=K5000)], {}, "Branch 470 is the last that knows Kepler"),
        ([Device(A, 0, device_id=P620)], {}, "no code for Pascal (capability 6.1)"),
        ([Device(A, 0)], {"excluded": [" "]}, "has an empty entry"),
        (
            [Device(A, 0, device_id="0x9999")],
            {"excluded": ["T400"]},
            "the name of GPU 0000:01:00.0 is not known on this host, so 'T400' can't be compared with it; "
            "write its address, or its id 10de:9999",
        ),
    ],
)
def test_what_leaves_no_engine_is_refused_with_its_reasons(
    gpus: list[Device], demands: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(AnsibleFilterError, match=re.escape(reason)):
        engines(facts(tmp_path, *gpus), **demands)
