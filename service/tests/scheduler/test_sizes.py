"""What follows from a table of sizes."""

from __future__ import annotations

from typing import Dict, Iterator, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.scheduler.sizes import HANDOVER_S, SPLIT_GAIN, Sizes

POWERS = {1: 3.0, 2: 4.0, 4: 6.0, 8: 10.0}
tables = st.integers(0, 4).flatmap(
    lambda doublings: st.fixed_dictionaries(
        {2**power: st.floats(0.001, 1.0) for power in range(doublings + 1)}
    )
)


def test_between_two_measured_sizes_lies_the_straight_line_or_the_padded_size() -> None:
    assert [Sizes(POWERS).seconds[size] for size in (4, 5, 7, 8)] == [6.0, 7.0, 9.0, 10.0]
    assert [Sizes(POWERS, pads=True).seconds[size] for size in (3, 4, 5, 8)] == [6.0, 6.0, 10.0, 10.0]


def test_five_are_padded_to_eight_only_where_four_and_one_are_no_faster() -> None:
    assert Sizes(POWERS, pads=True).size_for(5) == 4, "6 + 3 is less than 10"
    assert Sizes({**POWERS, 8: 8.0}, pads=True).size_for(5) == 5, "6 + 3 is more than 8"
    assert Sizes(POWERS).size_for(5) == 5, "nothing is padded"


def test_a_size_that_pays_no_more_is_not_waited_for() -> None:
    sizes = Sizes({1: 1.0, 2: 1.2, 4: 1.5, 8: 4.0})
    assert (sizes.full, sizes.size_for(8), sizes.size_for(100)) == (4, 4, 4)
    assert sizes.clear(8) == pytest.approx(3.0)


@given(tables, st.booleans(), st.integers(1, 60))
def test_the_foretold_time_is_that_of_the_batches_that_are_chosen(
    table: Dict[int, float], pads: bool, waiting: int
) -> None:
    sizes, left, seconds = Sizes(table, pads), waiting, 0.0
    while left:
        size = sizes.size_for(left)
        assert 1 <= size <= min(left, max(table))
        left, seconds = left - size, seconds + sizes.seconds[size]
    assert sizes.clear(waiting) == pytest.approx(seconds)


@given(tables, st.booleans(), st.integers(1, 8))
def test_no_split_would_be_much_faster(table: Dict[int, float], pads: bool, waiting: int) -> None:
    sizes = Sizes(table, pads)
    best = min(sum(sizes.seconds[part] for part in parts) for parts in _partitions(waiting, max(table)))
    batches, left = 0, waiting
    while left:
        batches, left = batches + 1, left - sizes.size_for(left)
    # The gain may be given away with each choice.
    assert sizes.clear(waiting) <= (best + waiting * HANDOVER_S) / SPLIT_GAIN**batches


def _partitions(number: int, most: int) -> Iterator[Tuple[int, ...]]:
    if number == 0:
        yield ()
    for size in range(1, min(number, most) + 1):
        for rest in _partitions(number - size, size):
            yield (size, *rest)
