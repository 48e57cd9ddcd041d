"""The plan decides on CPUs and memory nodes; one that can't be understood is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hotpath.config import Config
from hotpath.core import Refusal
from hotpath.supervisor.placement import Place, Placement, default_threads, engine_spec, read

PLAN = {
    "schema": 1,
    "engines": [
        {"device": "cuda:0", "numa_node": 0, "cpus": [2, 3], "worker_cpus": [0, 1]},
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
    assert [spec.label for spec in specs] == ["0/cuda:2", "1/cpu", "2/cuda:0"]


def test_workers_take_turns_over_the_nodes_and_share_the_cpus_of_theirs(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    placement = read(str(path))
    first, second = Place((0, 1, 4), 0), Place((8, 9), 1)
    assert [placement.worker(index) for index in range(3)] == [first, second, first]


@pytest.mark.parametrize(
    ("placement", "engines", "threads"),
    [
        (Placement({}, (), cores=2), 1, 2),
        (Placement({}, (), cores=16), 1, 12),
        (Placement({}, (), cores=16), 3, 4),
        (Placement({}, (), cores=2), 3, 1),
        (Placement({"cpu": Place(tuple(range(8)), 0)}, (), cores=32), 2, 4),
        (Placement({"cuda:0": Place((1, 2), 0)}, (), cores=4), 1, 3),
    ],
)
def test_engines_on_cpu_share_what_the_workers_leave_them(
    placement: Placement, engines: int, threads: int
) -> None:
    config = Config.model_validate({"models": [{"name": "m", "path": "/m", "devices": ["cpu"] * engines}]})
    assert default_threads(config, placement, "cpu") == threads
    assert default_threads(config, placement, "cuda:0") == 1


def test_without_a_plan_processes_run_anywhere(tmp_path: Path) -> None:
    placement = read(str(tmp_path / "none"))
    assert placement.worker(0) == placement.engine("cpu") == Place()


@pytest.mark.parametrize("text", ["", "[]", '{"engines": [{"device": "cpu"}]}'])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(Refusal, match=r"placement\.plan"):
        read(str(path))
