"""The plan decides on CPUs; one that can't be understood is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hotpath.config import Config
from hotpath.core import Refusal
from hotpath.supervisor.placement import engine_specs, read

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
    specs = engine_specs(Config.model_validate({"models": [model]}), placement)
    assert [spec.cpus for spec in specs] == [(6, 7), (), (2, 3)]
    assert [spec.label for spec in specs] == ["0/cuda:1", "1/cpu", "2/cuda:0"]
    assert placement.worker_cpus == (0, 1, 4)


def test_without_a_plan_processes_run_anywhere(tmp_path: Path) -> None:
    assert read(str(tmp_path / "none")).worker_cpus == ()


@pytest.mark.parametrize("text", ["", "[]", '{"engines": [{"device": "cpu"}]}'])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(Refusal, match=r"placement\.plan"):
        read(str(path))
