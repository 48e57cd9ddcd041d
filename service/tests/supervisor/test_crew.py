"""Children that can't be started for want of something, and how children end."""

from __future__ import annotations

import errno
import gc
import os
import signal
from pathlib import Path
from typing import Iterator, List

import pytest
from support.server import until

from hotpath.config import Config
from hotpath.models.built import load
from hotpath.supervisor import child
from hotpath.supervisor.crew import RETRY_S, Crew
from hotpath.supervisor.death import Death
from hotpath.supervisor.generations import Generations
from hotpath.supervisor.placement import Placement
from hotpath.supervisor.roster import Post


@pytest.fixture
def crew(fast_model: Path) -> Iterator[Crew]:
    """Of one worker and one engine, none of them started."""
    config = Config.model_validate(
        {
            "server": {"workers": 1},
            "models": [{"name": "colours", "path": str(fast_model), "backend": "numeric", "engines": 1}],
        }
    )
    generations = Generations(config, [load(fast_model)], Placement({}, ()))
    crew = Crew(config, generations, Placement({}, ()), [], lambda: None, lambda: None)
    for generation in generations.all:
        crew.seat(generation)
    yield crew
    crew.kill_all()


def no_room(*_: object) -> int:
    raise OSError(errno.EAGAIN, "Resource temporarily unavailable")


@pytest.mark.parametrize("what", ["fork", "pipe"])
def test_a_child_that_can_not_be_started_is_tried_again_later_and_leaves_no_open_file(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    due = [post for post in crew.roster.posts if post.due is not None]
    assert [post.name for post in due] == ["engine-0", "worker-0"]
    gc.collect()  # files that tests before this one left to the collector are closed now and not meanwhile
    before = os.listdir("/proc/self/fd")
    with monkeypatch.context() as system:
        system.setattr(os, what, no_room)
        crew.fill_posts()
    assert os.listdir("/proc/self/fd") == before
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert caplog.text.count(f"unavailable); tried again in {RETRY_S:.0f} s") == 2
    assert [post.pid for post in due] == [None, None]
    next_due = crew.roster.next_due()
    assert next_due is not None and crew.roster.due(next_due - 0.5) == []
    started: List[str] = []

    def fork(name: str, *_: object) -> int:
        started.append(name)
        return -1

    monkeypatch.setattr(child, "fork", fork)
    monkeypatch.setattr("hotpath.supervisor.crew.time.monotonic", lambda: next_due + RETRY_S)
    crew.fill_posts()
    assert started == ["engine-0", "worker-0"]
    for post in due:
        post.pid = None


def test_a_worker_that_has_died_holds_nothing(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it counted would be waited for, or taken for places that are in use, for ever."""
    monkeypatch.setattr(child, "fork", lambda *_: os.spawnv(os.P_NOWAIT, "/bin/false", ["false"]))
    crew.fill_posts()
    held = [
        ("hotpath_slots_in_use", ()),
        ("hotpath_items_coming", ()),
        ("hotpath_places_in_use", ("colours",)),
    ]
    row = crew.table.workers[0]
    for name, labels in held:
        row.set(name, 2.0, labels)
    died: List[Death] = []

    def both() -> bool:
        died.extend(crew.reap())
        return len(died) == 2

    until(both)
    assert [row.get(name, labels) for name, labels in held] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (signal.SIGKILL, "was killed by SIGKILL"),
        (40, "was killed by signal 40"),
        (3 << 8, "ended with status 3"),
    ],
)
def test_any_way_to_end_has_a_name(status: int, how: str) -> None:
    assert Death(Post("worker", 0), status, "", 0.0).how == how
