"""The plan decides on CPUs; one that can't be understood is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hotpath.config import Config
from hotpath.core import Refusal
from hotpath.supervisor.placement import Placement, default_threads, engine_spec, read

PLAN = {
    "schema": 1,
    "engines": [
        {"device": "cuda:0", "cpus": [2, 3], "worker_cpus": [0, 1]},
        {"device": "cuda:1", "cpus": [6, 7], "worker_cpus": [1, 4]},
    ],
}


def test_engines_and_workers_get_the_cpus_of_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(PLAN))
    placement = read(str(path))
    model = {"name": "m", "path": "/m", "devices": ["cuda:1", "cpu", "cuda:0"]}
    config = Config.model_validate({"models": [model]})
    (entry,) = config.models
    specs = [
        engine_spec(config, placement, entry, Path("/m"), device, seat)
        for seat, device in enumerate(entry.devices)
    ]
    assert [spec.cpus for spec in specs] == [(6, 7), (), (2, 3)]
    assert [spec.label for spec in specs] == ["0/cuda:1", "1/cpu", "2/cuda:0"]
    assert placement.worker_cpus == (0, 1, 4)


@pytest.mark.parametrize(
    ("placement", "engines", "threads"),
    [
        (Placement({}, (), cores=2), 1, 2),
        (Placement({}, (), cores=16), 1, 12),
        (Placement({}, (), cores=16), 3, 4),
        (Placement({}, (), cores=2), 3, 1),
        (Placement({"cpu": tuple(range(8))}, (), cores=32), 2, 4),
        (Placement({"cuda:0": (1, 2)}, (), cores=4), 1, 3),
    ],
)
def test_engines_on_cpu_share_what_the_workers_leave_them(
    placement: Placement, engines: int, threads: int
) -> None:
    config = Config.model_validate({"models": [{"name": "m", "path": "/m", "devices": ["cpu"] * engines}]})
    assert default_threads(config, placement, "cpu") == threads
    assert default_threads(config, placement, "cuda:0") == 1


def test_without_a_plan_processes_run_anywhere(tmp_path: Path) -> None:
    assert read(str(tmp_path / "none")).worker_cpus == ()


@pytest.mark.parametrize("text", ["", "[]", '{"engines": [{"device": "cpu"}]}'])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(Refusal, match=r"placement\.plan"):
        read(str(path))
