"""What the supervisor knows of workers that follow, fall behind, fail and are replaced."""

from __future__ import annotations

import errno
import os
import socket
from typing import Iterator, List, Tuple

import pytest

from hotpath.ipc.offers import MAX_BYTES, Offers, Report
from hotpath.supervisor.followers import Followers
from hotpath.supervisor.roster import Post


class Crowd:
    """Followers of two running workers, and what is on offer to them."""

    def __init__(self) -> None:
        self.posts = [Post("worker", index, pid=100 + index, incarnation=1) for index in range(2)]
        self.number = 1
        self.followers = Followers(self.posts, lambda: Offers(self.number, ()))

    def publish(self) -> None:
        """Something new is on offer."""
        self.number += 1
        self.followers.publish()

    def heard(self, worker: int) -> List[int]:
        """The numbers of the offers that lie in the worker's end."""
        found = []
        while True:
            try:
                found.append(Offers.decode(self.followers.end_of(worker).recv(MAX_BYTES)).number)
            except BlockingIOError:
                return found

    def say(self, worker: int, held: Tuple[int, ...] = (), failed: str = "", incarnation: int = 1) -> None:
        """Report as that worker does, of what is on offer now."""
        report = Report(incarnation, self.number, held, failed)
        self.followers.end_of(worker).send(report.encode())
        self.followers.hear(worker)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Its sockets are closed at the end."""
    crowd = Crowd()
    yield crowd
    for worker, end in enumerate(crowd.followers.ends):
        end.close()
        crowd.followers.end_of(worker).close()


def test_all_follow_once_every_running_worker_has_said_so(crowd: Crowd) -> None:
    crowd.publish()
    assert crowd.heard(0) == crowd.heard(1) == [2]
    crowd.say(0)
    assert not crowd.followers.all_follow()
    crowd.say(1)
    assert crowd.followers.all_follow()


def test_what_was_said_of_older_offers_does_not_count(crowd: Crowd) -> None:
    for worker in range(2):
        crowd.say(worker)
    crowd.publish()
    assert not crowd.followers.all_follow()
    assert not crowd.followers.all_without(7)


def test_what_a_dead_worker_said_does_not_count_for_its_successor(crowd: Crowd) -> None:
    crowd.say(0)
    crowd.say(1)
    crowd.posts[1].incarnation = 2
    assert not crowd.followers.all_follow()
    crowd.say(1, incarnation=1)  # it lay in the link still
    assert not crowd.followers.all_follow()
    crowd.say(1, incarnation=2)
    assert crowd.followers.all_follow()


def test_a_dead_worker_holds_nobody_up(crowd: Crowd) -> None:
    crowd.say(0)
    crowd.posts[1].pid = None
    assert crowd.followers.all_follow()
    assert crowd.followers.all_without(7)


def test_a_generation_is_needed_as_long_as_one_worker_holds_it(crowd: Crowd) -> None:
    crowd.say(0)
    crowd.say(1, held=(7,))
    assert not crowd.followers.all_without(7)
    assert crowd.followers.all_without(8)
    crowd.say(1)
    assert crowd.followers.all_without(7)


def test_a_worker_that_fails_says_why(crowd: Crowd) -> None:
    crowd.say(0)
    assert crowd.followers.failure() == ""
    crowd.say(1, failed="no room")
    assert crowd.followers.failure() == "no room"
    assert not crowd.followers.all_follow()


def test_a_worker_whose_link_is_full_gets_the_latest_offers_later_and_holds_up_nobody(crowd: Crowd) -> None:
    for _ in range(2000):
        crowd.followers.ends[0].setblocking(False)
        crowd.publish()
        crowd.heard(1)
    full = crowd.heard(0)
    assert full == list(range(2, 2 + len(full))) and len(full) < 2000
    crowd.followers.catch_up()
    assert crowd.heard(0) == [crowd.number]
    assert crowd.heard(1) == []


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
def test_a_kernel_without_room_is_asked_again_later(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_room(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as kernel:
        kernel.setattr(socket.socket, "send", no_room)
        crowd.publish()
    assert crowd.heard(0) == crowd.heard(1) == []
    crowd.followers.catch_up()
    assert crowd.heard(0) == crowd.heard(1) == [2]
