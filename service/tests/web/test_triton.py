"""What Triton's tools are told of versions that come and go, and of engines on GPUs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Optional, Tuple

import pytest
from support.classifying import task_of

from hotpath.http.v2.configuration import of_model
from hotpath.http.v2.triton import _entry
from hotpath.ipc.offers import Offer, State


def served(state: State = State.LIVE, devices: Tuple[str, ...] = ("cpu",)) -> Any:
    seats = tuple(range(len(devices)))
    offer = Offer(1, "m", "v1", "/m", "tensorrt", 0, seats, devices, state, 1.0)
    model = SimpleNamespace(
        identity=SimpleNamespace(name="m"),
        architecture="resnet50",
        precision=lambda backend: "float16",
    )
    return SimpleNamespace(offer=offer, model=model, task=task_of((1, 1, 3)))


@pytest.mark.parametrize(
    ("state", "unready", "told"),
    [
        (State.LIVE, None, "READY"),
        (State.CANARY, None, "READY"),
        (State.LIVE, "No engine is warm yet for: m.", "UNAVAILABLE"),
        (State.LOADING, None, "LOADING"),
        (State.SHADOW, None, "UNAVAILABLE"),
        (State.DRAINING, None, "UNLOADING"),
    ],
)
def test_the_index_tells_the_state_and_the_reason(state: State, unready: Optional[str], told: str) -> None:
    service: Any = SimpleNamespace(unready=lambda _: unready)
    entry = _entry(service, served(state))
    assert (entry["name"], entry["version"], entry["state"]) == ("m", "v1", told)
    assert bool(entry["reason"]) == (told == "UNAVAILABLE")
    assert unready is None or entry["reason"] == unready


def test_engines_are_told_by_device() -> None:
    config = of_model(served(devices=("cuda:0", "cuda:1", "cuda:1")), 8)
    assert config["instance_group"] == [
        {"name": "m_cuda_0", "kind": "KIND_GPU", "count": 1, "gpus": [0]},
        {"name": "m_cuda_1", "kind": "KIND_GPU", "count": 2, "gpus": [1]},
    ]
    assert (config["max_batch_size"], config["backend"]) == (8, "tensorrt")
