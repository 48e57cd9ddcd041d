"""What waits at one worker is decoded by another, and who dies of it is one worker at most."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, List

import httpx
import pytest
from support.server import PATIENCE_S, Server, serving, until, write_config
from support.sleeping import write_source

from hotpath.building.build import build

pytestmark = pytest.mark.one_python


class Pair:
    """A service of two workers, and two connections to the first."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.first, self.second = server.children("worker")
        self._pool = ThreadPoolExecutor(2)
        self._clients = [httpx.Client(base_url=server.url, timeout=PATIENCE_S) for _ in range(2)]
        with server.paused([self.second]):
            for client in self._clients:
                assert client.post("/predict", content=b"3 0 ", headers=TEXT).json()["number"] == 3

    def ask(self, *bodies: bytes) -> List[Future[httpx.Response]]:
        """One on each connection, the next once the one before is being decoded."""
        found: List[Future[httpx.Response]] = []
        for client, body in zip(self._clients, bodies):
            until(lambda: self.server.metric("hotpath_slots_in_use") == len(found))
            found.append(self._pool.submit(client.post, "/predict", content=body, headers=TEXT))
        return found

    def shared(self, result: str) -> float:
        """How many were decoded by the other."""
        return self.server.metric(f'hotpath_shared_decodes_total{{result="{result}"}}')


TEXT = {"content-type": "text/plain"}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Its items take as long as they say."""
    model, _ = build(write_source(tmp_path / "source"), tmp_path / "models")
    config = write_config(
        tmp_path / "hotpath.toml",
        model.directory,
        name="sleeping",
        server={"workers": 2},
        limits={"request_timeout_s": 100.0},
    )
    with serving(config) as server:
        yield Pair(server)


def test_what_comes_to_a_busy_worker_is_decoded_by_a_free_one(pair: Pair) -> None:
    slow, quick = pair.ask(b"1 3 ", b"2 0 ")
    assert quick.result().json()["number"] == 2
    assert not slow.done() and pair.shared("done") == 1
    assert slow.result().json()["number"] == 1
    assert pair.server.metric("hotpath_shared_bodies") == 0


def test_what_a_killed_worker_had_taken_is_answered_all_the_same(pair: Pair) -> None:
    slow, taken = pair.ask(b"1 4 ", b"2 2 ")
    until(lambda: pair.server.metric("hotpath_shared_bodies") == 1)
    os.kill(pair.second, signal.SIGKILL)
    assert (taken.result().json()["number"], slow.result().json()["number"]) == (2, 1)
    assert pair.shared("lost") == 1
    until(lambda: pair.server.metric("hotpath_slots_in_use") == 0)


def test_what_kills_its_decoder_takes_one_worker_and_is_tried_alone(pair: Pair) -> None:
    slow, poison = pair.ask(b"1 2 ", b"2 kill ")
    assert poison.result().status_code == 500
    assert poison.result().json()["error"]["code"] == "decoding_failed"
    assert slow.result().json()["number"] == 1
    assert pair.server.metric('hotpath_restarts_total{role="worker"}') == 1
    assert pair.first in pair.server.children("worker")
    assert pair.server.metric('hotpath_shed_total{reason="decoding_failed"}') == 1


def test_a_worker_that_ends_finishes_what_it_has_taken(pair: Pair) -> None:
    answers = pair.ask(b"1 2 ", b"2 1 ")
    until(lambda: pair.server.metric("hotpath_shared_bodies") == 1)
    pair.server.process.terminate()
    assert [answer.result().json()["number"] for answer in answers] == [1, 2]
    assert pair.server.process.wait(PATIENCE_S) == 0
