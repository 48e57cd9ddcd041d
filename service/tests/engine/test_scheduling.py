"""An engine on the CPUs does not interrupt the workers it shares them with."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Set, Tuple

import pytest
from support.server import serving, write_config

from hotpath.engine.scheduling import NICENESS, give_way


def test_a_sandbox_that_forbids_it_is_told_and_nothing_else_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    give_way()
    assert "Operation not permitted" in caplog.text and "smaller under load" in caplog.text


def test_threads_that_come_later_give_way_too() -> None:
    def found() -> Tuple[int, int]:
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

    def both() -> Set[Tuple[int, int]]:
        give_way()
        with ThreadPoolExecutor(1) as pool:
            return {found(), pool.submit(found).result()}

    niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    with ThreadPoolExecutor(1) as pool:  # the test's own thread stays as it is
        assert pool.submit(both).result() == {(os.SCHED_BATCH, niceness)}


def test_engines_on_the_cpus_give_way_and_workers_do_not(fast_model: Path, tmp_path: Path) -> None:
    with serving(write_config(tmp_path / "hotpath.toml", fast_model)) as server:
        children = server.children("engine") + server.children("worker")
        assert [os.sched_getscheduler(pid) for pid in children] == [os.SCHED_BATCH, os.SCHED_OTHER]
