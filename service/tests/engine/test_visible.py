"""A process sees the GPU that it is for, and knows it as the first."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Optional

import pytest

from hotpath.core import Refusal
from hotpath.engine.visible import VARIABLE, gpus_of_driver, see_only


@pytest.mark.parametrize(
    ("device", "given", "left"),
    [
        ("cuda:0", None, "0"),
        ("cuda:3", None, "3"),
        ("cuda:0", "2,5", "2"),
        ("cuda:1", "2,5", "5"),
        ("cuda:1", " 2 , GPU-8932f937-d72c", "GPU-8932f937-d72c"),
        ("cuda:0", "MIG-GPU-1/0/0", "MIG-GPU-1/0/0"),
    ],
)
def test_a_gpu_is_counted_among_those_that_the_service_may_see(
    device: str, given: Optional[str], left: str
) -> None:
    environment = {} if given is None else {VARIABLE: given}
    assert see_only(device, environment=environment) == "cuda:0"
    assert environment == {VARIABLE: left, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_another_order_is_left_to_whoever_states_it() -> None:
    environment = {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}
    see_only("cuda:1", environment=environment)
    assert environment == {VARIABLE: "1", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}


@pytest.mark.parametrize(
    ("device", "given", "count"), [("cuda:0", "", 0), ("cuda:2", "0,1", 2), ("cuda:1", "0,-1,1", 1)]
)
def test_one_that_it_may_not_see_is_refused_by_name(device: str, given: str, count: int) -> None:
    environment = {VARIABLE: given}
    with pytest.raises(Refusal, match=f"run on {device}, but {VARIABLE}='{given}' leaves {count} GPUs"):
        see_only(device, environment=environment)
    assert environment == {VARIABLE: given}


def test_a_processor_has_no_number() -> None:
    environment: Dict[str, str] = {}
    assert see_only("cpu", environment=environment) == "cpu"
    assert environment == {}


def driver_with(root: Path, *addresses: str, excluded: str = "") -> Path:
    """What NVIDIA's driver shows of its GPUs."""
    for address in addresses:
        directory = root / "proc/driver/nvidia/gpus" / address
        directory.mkdir(parents=True)
        left = "Yes" if address == excluded else "No"
        (directory / "information").write_text(
            f"Model: \t\t NVIDIA RTX A5000\nBus Location: \t {address}\nGPU Excluded:\t {left}\n"
        )
    return root


@pytest.mark.parametrize(
    ("pci", "left"), [("0000:65:00.0", "0"), ("0000:b1:00.0", "1"), ("10000:01:00.0", "2")]
)
def test_the_plans_address_says_which_gpu_it_is_whatever_its_number_was(
    pci: str, left: str, tmp_path: Path
) -> None:
    """The plan called it cuda:2 before another one was given away; a domain of five digits comes last."""
    root = driver_with(
        tmp_path, "10000:01:00.0", "0000:b1:00.0", "0000:65:00.0", "0000:21:00.0", excluded="0000:21:00.0"
    )
    environment: Dict[str, str] = {}
    assert see_only("cuda:2", pci, environment, root) == "cuda:0"
    assert environment[VARIABLE] == left


def test_a_planned_gpu_that_the_driver_lacks_is_refused_by_its_address(tmp_path: Path) -> None:
    environment: Dict[str, str] = {}
    root = driver_with(tmp_path, "0000:65:00.0", "0000:b1:00.0")
    with pytest.raises(Refusal, match=r"GPU at 0000:21:00\.0.*has 0000:65:00\.0, 0000:b1:00\.0"):
        see_only("cuda:0", "0000:21:00.0", environment, root)
    assert VARIABLE not in environment


@pytest.mark.parametrize("environment", [{VARIABLE: "5,2"}, {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}])
def test_whoever_states_the_gpus_or_their_order_is_followed(
    environment: Dict[str, str], tmp_path: Path
) -> None:
    root = driver_with(tmp_path, "0000:65:00.0", "0000:b1:00.0")
    left = "2" if VARIABLE in environment else "1"
    see_only("cuda:1", "0000:65:00.0", environment, root)
    assert environment[VARIABLE] == left


def test_without_a_driver_the_number_stands(tmp_path: Path) -> None:
    environment: Dict[str, str] = {}
    see_only("cuda:1", "0000:65:00.0", environment, tmp_path)
    assert environment[VARIABLE] == "1"
    assert gpus_of_driver(tmp_path) == []
