"""When children are started again."""

from __future__ import annotations

from hotpath.supervisor.roster import LONGEST_DELAY_S, Post, Roster


def test_the_first_restart_is_immediate_and_later_ones_wait_longer_up_to_a_bound() -> None:
    post = Post("engine", 0)
    roster = Roster([post])
    delays = []
    now = 0.0
    for _ in range(9):
        roster.started(post, 42, now)
        delays.append(roster.died(post, served=False, now=now))
    assert delays[0] == 0.0
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY_S


def test_a_child_that_has_served_is_replaced_at_once_however_many_died_before() -> None:
    post = Post("engine", 0)
    roster = Roster([post])
    for _ in range(5):
        roster.started(post, 42, 0.0)
        roster.died(post, served=False, now=1.0)
    roster.started(post, 42, 2.0)
    assert roster.died(post, served=True, now=2.1) == 0.0
    roster.started(post, 42, 2.1)
    assert roster.died(post, served=True, now=2.2) == 0.0


def test_posts_are_due_when_their_delay_is_over_and_never_once_dismissed() -> None:
    engine, worker = Post("engine", 0), Post("worker", 0)
    roster = Roster([engine, worker])
    assert roster.due(0.0) == [engine, worker]
    roster.started(engine, 1, 0.0)
    roster.started(worker, 2, 0.0)
    assert roster.due(1e9) == [] and roster.next_due() is None
    roster.died(worker, served=True, now=5.0)
    roster.dismiss("worker")
    assert roster.due(1e9) == []
    assert roster.running("engine") == [engine] and roster.running("worker") == []
