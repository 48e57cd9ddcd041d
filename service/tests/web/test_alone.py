"""What has killed its decoder is tried by a process that does nothing else."""

from __future__ import annotations

import sys

import pytest
from support.sleeping import write_source

from hotpath.building.build import build
from hotpath.http.alone import survives
from hotpath.tasks.task import Parcel

pytestmark = pytest.mark.one_python


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    room = tmp_path_factory.mktemp("alone")
    return str(build(write_source(room / "source"), room / "models")[0].directory)


def test_what_kills_is_told_from_what_does_not(model: str) -> None:
    assert survives(model, Parcel(b"1 0 ", b""), 60.0)
    assert not survives(model, Parcel(b"1 kill ", b""), 60.0)


def test_what_takes_too_long_does_not_survive(model: str) -> None:
    assert not survives(model, Parcel(b"1 60 ", b""), 1.0)
    assert not survives(model, Parcel(b"1 0 ", b""), 0.0)


def test_where_no_process_can_be_started_nobody_else_is_to_find_out(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere")
    assert not survives(model, Parcel(b"1 0 ", b""), 60.0)
