"""A worker that has all the connections it may have closes those that keep it waiting."""

from __future__ import annotations

import os
import resource
from typing import List

from hotpath.http.crowding import RESERVE, make_room, most_connections


class Client:
    def __init__(self, waited_s: float, ended: List[float]) -> None:
        self.kept_waiting_s = waited_s
        self._ended = ended

    def give_way(self) -> None:
        self._ended.append(self.kept_waiting_s)


def ended_of(*waited: float) -> List[float]:
    ended: List[float] = []
    made = make_room([Client(seconds, ended) for seconds in waited])
    assert made is bool(ended)
    return ended


def test_who_keeps_it_waiting_for_longest_is_the_first_to_go() -> None:
    assert ended_of(3.0, 100.0, 0.0, 20.0) == [100.0]


def test_who_waits_for_an_answer_or_has_just_come_stays() -> None:
    assert ended_of(0.0, 0.5, 0.0) == []


def test_of_very_many_some_go_at_once() -> None:
    assert ended_of(*range(1000)) == list(range(999, 983, -1))


def test_there_is_room_for_what_else_a_process_opens() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = most_connections()
    assert 1 <= found <= limit - RESERVE
    pipes = [os.pipe() for _ in range(5)]
    assert most_connections() == found - 10
    for ends in pipes:
        for end in ends:
            os.close(end)
