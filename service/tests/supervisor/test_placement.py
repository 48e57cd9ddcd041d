"""The plan decides on CPUs and memory nodes; one that can't be understood is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Sequence

import pytest
from support.classifying import described

from hotpath.config import Config
from hotpath.core import ModelIdentity, Refusal
from hotpath.ipc.arena import stride_of
from hotpath.supervisor.placement import (
    Place,
    Placement,
    engine_spec,
    read,
    seat_devices,
    slot_classes,
    threads_on,
    worker_count,
)

PLAN = {
    "schema": 1,
    "engines": [
        {"device": "cuda:0", "pci": "0000:65:00.0", "numa_node": 0, "cpus": [2, 3], "worker_cpus": [0, 1]},
        {"device": "cuda:1", "numa_node": 0, "cpus": [5], "worker_cpus": [4]},
        {"device": "cuda:2", "numa_node": 1, "cpus": [6, 7], "worker_cpus": [8, 9]},
    ],
}


def test_engines_are_where_the_plan_puts_their_device(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    placement = read(str(path))
    model = {"name": "m", "path": "/m", "devices": ["cuda:2", "cpu", "cuda:0"]}
    config = Config.model_validate({"models": [model]})
    (entry,) = config.models
    specs = [
        engine_spec(config, placement, entry, Path("/m"), device, seat)
        for seat, device in enumerate(entry.devices)
    ]
    assert [spec.cpus for spec in specs] == [(6, 7), (), (2, 3)]
    assert [spec.numa_node for spec in specs] == [1, None, 0]
    assert [spec.pci for spec in specs] == ["", "", "0000:65:00.0"]
    assert [spec.label for spec in specs] == ["0/cuda:2", "1/cpu", "2/cuda:0"]


def test_workers_take_turns_over_the_nodes_and_share_the_cpus_of_theirs(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    placement = read(str(path))
    first, second = Place((0, 1, 4), 0), Place((8, 9), 1)
    assert [placement.worker(index) for index in range(3)] == [first, second, first]


def test_an_engine_on_cpus_shares_them_with_the_workers_that_run_there() -> None:
    own, far, near = Place((1, 2)), Place((3,)), Place((2, 3))
    placement = Placement({"cpu": own, "cuda:0": near}, (far, near))
    assert placement.workers_beside("cpu", 4) == [1, 3]
    assert placement.workers_beside("cuda:0", 4) == []
    assert Placement({}, ()).workers_beside("cpu", 2) == [0, 1], "all of them run anywhere"
    assert Placement({}, ()).workers_beside("cuda:0", 2) == []


@pytest.mark.parametrize(
    ("placement", "stated", "engines", "threads"),
    [
        (Placement({}, (), cores=1), {}, 1, 1),
        (Placement({}, (), cores=2), {}, 2, 1),
        (Placement({}, (), cores=2), {"threads": 2}, 1, 2),
        (Placement({}, (), cores=2), {"engines": 1}, 1, 2),
        (Placement({}, (), cores=2), {"engines": 3}, 3, 1),
        (Placement({}, (), cores=16), {}, 4, 3),
        (Placement({}, (), cores=16), {"engines": 1}, 1, 12),
        (Placement({}, (), cores=16), {"devices": ["cpu", "cpu"], "engines": 2}, 4, 3),
        (Placement({"cpu": Place(tuple(range(8)), 0)}, (), cores=32), {"threads": 4}, 2, 4),
        (Placement({"cuda:0": Place((1, 2), 0)}, (), cores=4), {"devices": ["cuda:0"]}, 1, 1),
        (Placement({}, (), cores=4), {"devices": ["cuda:0", "cuda:1"], "engines": 2}, 4, 1),
        (Placement({}, (), cores=64, quota=0.5), {}, 1, 1),
        (Placement({}, (), cores=64, quota=2.0), {}, 2, 1),
        (Placement({}, (), cores=64, quota=16.9), {}, 4, 3),
        (Placement({}, (), cores=4, quota=100.0), {}, 3, 1),
        (Placement({}, (), cores=64, quota=0.5), {"engines": 3, "threads": 2}, 3, 2),
        (Placement({"cpu": Place(tuple(range(48)), 0)}, (), cores=64, quota=4.0), {}, 3, 1),
        (Placement({"cpu": Place(tuple(range(2)), 0)}, (), cores=64, quota=4.0), {}, 2, 1),
    ],
)
def test_engines_on_cpu_share_what_the_workers_leave_them(
    placement: Placement, stated: Dict[str, Any], engines: int, threads: int
) -> None:
    config = Config.model_validate({"models": [{"name": "m", "path": "/m", **stated}]})
    (entry,) = config.models
    devices = seat_devices(config, placement, entry)
    assert len(devices) == engines
    specs = [engine_spec(config, placement, entry, Path("/m"), device, 0) for device in devices]
    assert {spec.threads for spec in specs} == {threads}


@pytest.mark.parametrize(
    ("placement", "stated", "workers"),
    [
        (Placement({}, (), cores=1), {}, 2),
        (Placement({}, (), cores=2), {}, 2),
        (Placement({}, (), cores=16), {}, 4),
        (Placement({}, (), cores=16), {"devices": ["cuda:0"]}, 15),
        (Placement({}, (), cores=64), {"devices": ["cuda:0"]}, 16),
        (Placement({}, (), cores=128), {"devices": [f"cuda:{gpu}" for gpu in range(8)]}, 64),
        (Placement({"cuda:0": Place((1,))}, (Place((2, 3, 4), 0), Place((8, 9), 1)), cores=64), {}, 5),
        (Placement({"cuda:0": Place((1,))}, (Place((2,), 0),), cores=64), {"devices": ["cuda:0"]}, 2),
        (Placement({}, (), cores=64, quota=0.5), {}, 1),
        (Placement({}, (), cores=64, quota=1.9), {"devices": ["cuda:0"]}, 1),
        (Placement({}, (), cores=64, quota=2.0), {}, 2),
        (Placement({}, (), cores=64, quota=16.0), {}, 4),
        (Placement({}, (), cores=64, quota=8.0), {"devices": ["cuda:0"]}, 7),
        (Placement({"cpu": Place((1,))}, (Place(tuple(range(16)), 0),), cores=64, quota=16.0), {}, 4),
        (Placement({"cpu": Place((1,))}, (Place((8, 9, 10), 0),), cores=64, quota=40.0), {}, 3),
    ],
)
def test_each_cpu_that_is_left_has_an_http_worker(
    placement: Placement, stated: Dict[str, Any], workers: int
) -> None:
    def count(server: Dict[str, int]) -> int:
        tables = {"server": server, "models": [{"name": "m", "path": "/m", **stated}]}
        return worker_count(Config.model_validate(tables), placement)

    assert count({}) == workers
    assert count({"workers": 3}) == 3


def test_models_on_cpu_share_it() -> None:
    models = [{"name": name, "path": "/m"} for name in ("a", "b")]
    config = Config.model_validate({"models": models})
    placement = Placement({}, (), cores=32)
    for entry in config.models:
        assert seat_devices(config, placement, entry) == ["cpu"] * 4
        assert threads_on(config, placement, entry, "cpu") == 3


def test_without_a_plan_processes_run_anywhere(tmp_path: Path) -> None:
    placement = read(str(tmp_path / "none"))
    assert placement.worker(0) == placement.engine("cpu") == Place()


@pytest.mark.parametrize("text", ["", "[]", '{"engines": [{"device": "cpu"}]}'])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(Refusal, match=r"placement\.plan"):
        read(str(path))


@pytest.mark.parametrize(
    ("sides", "stated", "sizes"),
    [
        ((64,), 0, [64 * 64 * 3]),
        ((64,), 50_000, [50_000]),
        ((64, 128), 0, [64 * 64 * 3, 128 * 128 * 3]),
        ((100, 128), 0, [128 * 128 * 3]),
        ((8, 16, 416), 0, [16 * 16 * 3, 416 * 416 * 3]),
    ],
)
def test_inputs_that_are_much_smaller_have_slots_of_their_own(
    sides: Sequence[int], stated: int, sizes: List[int]
) -> None:
    models = [described(Path("/m"), ModelIdentity("m", "1"), side) for side in sides]
    config = Config.model_validate(
        {"models": [{"name": "m", "path": "/m"}], "placement": {"slot_bytes": stated}, "limits": {"queue": 7}}
    )
    found = slot_classes(config, models)
    assert (found.each, list(found.sizes)) == (7, sizes)
    assert found.nbytes <= 7 * stride_of(sizes[-1]) * 4 / 3
