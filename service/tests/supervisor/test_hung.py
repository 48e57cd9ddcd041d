"""Who is at one thing for too long is ended, once; nobody else is."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Callable, Iterator, List

import pytest

from hotpath.metrics.table import Row, Table
from hotpath.supervisor.hung import LOADING_S, SINCE, Watch
from hotpath.supervisor.roster import Post

LONGEST_S = 10.0
BATCH, ENGINE = SINCE["engine"]
(WORKER,) = SINCE["worker"]
Ended = Callable[[Post], List[str]]


@pytest.fixture
def table() -> Table:
    return Table(1, ["0/cpu"], 8)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def row_of(table: Table, post: Post) -> Row:
    return (table.engines if post.role == "engine" else table.workers)[post.index]


@pytest.fixture
def ended(table: Table) -> Ended:
    watch = Watch(LONGEST_S)
    return lambda post: watch.end_hung([post], lambda of: row_of(table, of))


@pytest.mark.parametrize(
    ("metric", "sign"),
    [
        (BATCH, "engine-0 has worked at one batch for 10 s"),
        (ENGINE, "engine-0 has not come back to its loop for 10 s"),
        (WORKER, "worker-0 has not come back to its event loop for 10 s"),
    ],
)
def test_a_child_at_one_thing_for_too_long_is_ended_once(
    ended: Ended, table: Table, child: subprocess.Popen[bytes], metric: str, sign: str
) -> None:
    post = Post(sign.partition("-")[0], 0, child.pid, started=time.monotonic())
    row_of(table, post).set(metric, time.monotonic() - LONGEST_S - 1)
    assert ended(post) == [sign]
    assert ended(post) == []
    assert child.wait() == -signal.SIGKILL


def test_an_engine_that_never_gets_warm_is_ended_once(ended: Ended, child: subprocess.Popen[bytes]) -> None:
    post = Post("engine", 0, child.pid, started=time.monotonic() - LOADING_S - 1)
    assert ended(post) == ["engine-0 has loaded for 600 s"]
    assert ended(post) == []
    assert child.wait() == -signal.SIGKILL


@pytest.mark.parametrize("metric", [BATCH, ENGINE, WORKER])
def test_others_are_left_alone(
    ended: Ended, table: Table, child: subprocess.Popen[bytes], metric: str
) -> None:
    long_ago = time.monotonic() - LOADING_S - 1
    role = "worker" if metric == WORKER else "engine"
    post = Post(role, 0, child.pid, started=long_ago)
    row = row_of(table, post)
    if role == "engine":
        row.set("hotpath_engine_ready", 1.0)
    assert ended(post) == []  # it waits for work; a worker may be draining
    row.set(metric, time.monotonic() - LONGEST_S / 2)
    assert ended(post) == []  # it is at work
    row.set(metric, long_ago)
    assert ended(Post(role, 0, None, started=long_ago)) == []  # nobody fills the post
    assert child.poll() is None


def test_an_engine_whose_loop_runs_a_batch_itself_is_judged_by_the_batch(
    ended: Ended, table: Table, child: subprocess.Popen[bytes]
) -> None:
    post = Post("engine", 0, child.pid, started=time.monotonic())
    table.engines[0].set(ENGINE, time.monotonic() - LONGEST_S - 1)
    table.engines[0].set(BATCH, time.monotonic() - LONGEST_S / 2)
    assert ended(post) == [] and child.poll() is None


def test_after_the_machine_has_slept_everybody_gets_time_to_come_round(
    table: Table, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    watch, post = Watch(LONGEST_S), Post("worker", 0, child.pid, started=clock)
    row = row_of(table, post)
    row.set(WORKER, clock)
    told = []
    for seconds in (1.0, 3600.0, 0.1, 1.0, 1.5):
        clock += seconds
        told.append(watch.end_hung([post], lambda of: row_of(table, of)))
    assert told[:-1] == [[], [], [], []]
    assert told[-1] == ["worker-0 has not come back to its event loop for 10 s"]
