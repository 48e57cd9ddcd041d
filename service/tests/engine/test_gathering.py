"""What an engine makes of its neighbours' rows and of the times at which items come."""

from __future__ import annotations

import pytest

from hotpath.engine.gathering import Gathering
from hotpath.metrics.table import Table
from hotpath.scheduler.gathering import NOTHING

COMING = "hotpath_items_coming"


def test_nothing_is_coming_unless_some_of_it_waits_for_a_processor() -> None:
    table = Table(2, ["0/cpu"], 8)
    gathering = Gathering(table.workers, processors=3)
    table.workers[0].set(COMING, 3.0)
    assert gathering.coming() == NOTHING
    table.workers[1].set(COMING, 1.0)
    assert gathering.coming().items == 4


def test_an_engine_on_a_device_of_its_own_waits_for_nobody() -> None:
    assert Gathering([], processors=1).coming() == NOTHING


def test_the_gap_follows_the_items_and_a_pause_is_none() -> None:
    (worker,) = Table(1, ["0/cpu"], 8).workers
    gathering = Gathering([worker], processors=1)
    worker.set(COMING, 5.0)
    for number in range(100):
        gathering.came(100.0 + number * 0.003)
    assert gathering.coming().gap == pytest.approx(0.003, rel=0.01)
    assert gathering.coming().newest == pytest.approx(100.297)
    worker.set(COMING, 0.0)
    gathering.came(100.3)
    worker.set(COMING, 5.0)
    gathering.came(200.0)
    assert gathering.coming().gap == pytest.approx(0.003, rel=0.01), "nobody was on the way meanwhile"
    gathering.came(201.0)
    assert gathering.coming().gap < 0.005, "one that took long says little of the next"
