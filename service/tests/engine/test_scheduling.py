"""An engine on the CPUs does not interrupt the workers it shares them with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.server import python_environment, serving, write_config

from hotpath.engine.scheduling import NICENESS, give_way


def test_a_sandbox_that_forbids_it_is_told_and_nothing_else_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    give_way()
    assert "Operation not permitted" in caplog.text and "smaller under load" in caplog.text


STAGE = """
import os
from concurrent.futures import ThreadPoolExecutor
from hotpath.engine.scheduling import give_way

def found():
    return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as after:
    before.submit(int).result()
    give_way()
    print({found(), before.submit(found).result(), after.submit(found).result()})
"""


def test_threads_that_are_there_and_that_come_later_give_way() -> None:
    niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    told = subprocess.run(
        [sys.executable, "-c", STAGE],
        env=python_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    assert told.strip() == str({(int(os.SCHED_BATCH), niceness)})


def test_engines_on_the_cpus_give_way_and_workers_do_not(fast_model: Path, tmp_path: Path) -> None:
    with serving(write_config(tmp_path / "hotpath.toml", fast_model)) as server:
        children = server.children("engine") + server.children("worker")
        assert [os.sched_getscheduler(pid) for pid in children] == [os.SCHED_BATCH, os.SCHED_OTHER]
