"""What follows from a table of costs."""

from __future__ import annotations

import itertools
from typing import Dict, Iterator, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.scheduler.costs import HANDOVER_S, SPLIT_GAIN, Costs

POWERS = {1: 3.0, 2: 4.0, 4: 6.0, 8: 10.0}
tables = st.integers(0, 4).flatmap(
    lambda doublings: st.fixed_dictionaries(
        {2**power: st.floats(0.001, 1.0) for power in range(doublings + 1)}
    )
)


def test_between_two_measured_sizes_lies_the_straight_line_or_the_padded_size() -> None:
    assert [Costs(POWERS).seconds(size) for size in (4, 5, 7, 8)] == [6.0, 7.0, 9.0, 10.0]
    assert [Costs(POWERS, pads=True).seconds(size) for size in (3, 4, 5, 8)] == [6.0, 6.0, 10.0, 10.0]


def test_five_are_padded_to_eight_only_where_four_and_one_are_no_faster() -> None:
    assert Costs(POWERS, pads=True).size_for(5) == 4, "6 + 3 is less than 10"
    assert Costs({**POWERS, 8: 8.0}, pads=True).size_for(5) == 5, "6 + 3 is more than 8"
    assert Costs(POWERS).size_for(5) == 5, "nothing is padded"


def test_a_size_that_pays_no_more_is_not_waited_for() -> None:
    costs = Costs({1: 1.0, 2: 1.2, 4: 1.5, 8: 4.0})
    assert (costs.full, costs.size_for(8), costs.size_for(100)) == (4, 4, 4)
    assert costs.clear(8) == pytest.approx(3.0)


@given(tables, st.booleans(), st.integers(1, 60))
def test_the_foretold_time_is_that_of_the_batches_that_are_chosen(
    table: Dict[int, float], pads: bool, waiting: int
) -> None:
    costs, left, seconds = Costs(table, pads), waiting, 0.0
    while left:
        size = costs.size_for(left)
        assert 1 <= size <= min(left, max(table))
        left, seconds = left - size, seconds + costs.seconds(size)
    assert costs.clear(waiting) == pytest.approx(seconds)


@given(tables, st.booleans(), st.integers(1, 8))
def test_no_split_would_be_much_faster(table: Dict[int, float], pads: bool, waiting: int) -> None:
    costs = Costs(table, pads)
    best = min(sum(map(costs.seconds, parts)) for parts in _partitions(waiting, max(table)))
    batches, left = 0, waiting
    while left:
        batches, left = batches + 1, left - costs.size_for(left)
    # The gain may be given away with each choice.
    assert costs.clear(waiting) <= (best + waiting * HANDOVER_S) / SPLIT_GAIN**batches


def _partitions(number: int, most: int) -> Iterator[Tuple[int, ...]]:
    if number == 0:
        yield ()
    for size in range(1, min(number, most) + 1):
        for rest in _partitions(number - size, size):
            yield (size, *rest)


def test_the_pace_rises_at_once_and_falls_slowly() -> None:
    costs = Costs({1: 0.1, 2: 0.2})
    for _ in range(10):
        costs = costs.after(2, 0.4)
    assert 1.9 < costs.pace <= 2.0
    assert costs.seconds(1) == pytest.approx(0.1 * costs.pace)
    assert costs.after(2, 0.2).pace > 1.8
    calm = next(itertools.islice(_calmer(costs), 500, None))
    assert calm.pace == pytest.approx(1.0, abs=0.01)


def test_a_rest_halves_what_is_above_the_table_and_leaves_what_is_below() -> None:
    costs = Costs({1: 0.1})
    assert costs.at(3.0).rested().pace == 2.0
    assert costs.at(0.5).rested().pace == 0.5


def _calmer(costs: Costs) -> Iterator[Costs]:
    while True:
        costs = costs.after(1, 0.1)
        yield costs
