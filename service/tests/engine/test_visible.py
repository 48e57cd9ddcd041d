"""A process sees the GPU that it is for, and knows it as the first."""

from __future__ import annotations

from typing import Dict, Optional

import pytest

from hotpath.core import Refusal
from hotpath.engine.visible import VARIABLE, see_only


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
    assert see_only(device, environment) == "cuda:0"
    assert environment == {VARIABLE: left, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def test_another_order_is_left_to_whoever_states_it() -> None:
    environment = {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}
    see_only("cuda:1", environment)
    assert environment == {VARIABLE: "1", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}


@pytest.mark.parametrize(
    ("device", "given", "count"), [("cuda:0", "", 0), ("cuda:2", "0,1", 2), ("cuda:1", "0,-1,1", 1)]
)
def test_one_that_it_may_not_see_is_refused_by_name(device: str, given: str, count: int) -> None:
    environment = {VARIABLE: given}
    with pytest.raises(Refusal, match=f"run on {device}, but {VARIABLE}='{given}' leaves {count} GPUs"):
        see_only(device, environment)
    assert environment == {VARIABLE: given}


def test_a_processor_has_no_number() -> None:
    environment: Dict[str, str] = {}
    assert see_only("cpu", environment) == "cpu"
    assert environment == {}
