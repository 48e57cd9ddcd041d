"""Workers see who is free, and wake one another."""

from __future__ import annotations

import select

import pytest

from hotpath.sharing.board import Board

pytestmark = pytest.mark.one_python


def readable(board: Board, worker: int) -> bool:
    return bool(select.select([board.fileno(worker)], [], [], 0)[0])


def test_who_was_woken_is_not_free_for_others_until_it_has_looked() -> None:
    board = Board([0, 0, 1])
    board.mark(1, True)
    board.mark(2, True)
    assert board.free == [1, 2]
    board.wake(1)
    assert board.free == [2]
    assert [readable(board, worker) for worker in range(3)] == [False, True, False]
    board.woken(1)
    assert not readable(board, 1)


def test_many_wake_ups_of_one_that_does_not_look_hold_up_nobody() -> None:
    board = Board([None, None])
    for _ in range(100_000):  # more than a pipe holds
        board.wake(1)
    while readable(board, 1):
        board.woken(1)
