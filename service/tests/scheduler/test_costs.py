"""What is foretold of batches follows those that were."""

from __future__ import annotations

import itertools
from typing import Iterator

import pytest

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import Entry


def test_the_pace_rises_at_once_and_falls_slowly() -> None:
    costs = Costs({1: {1: 0.1, 2: 0.2}})
    for _ in range(10):
        costs = costs.after(0.2, 0.4)
    assert 1.9 < costs.pace <= 2.0
    assert costs.seconds([Entry(1, 0.0, 1.0)]) == costs.lone[0] == pytest.approx(0.1 * costs.pace)
    assert costs.after(0.2, 0.2).pace > 1.8
    calm = next(itertools.islice(_calmer(costs), 500, None))
    assert calm.pace == pytest.approx(1.0, abs=0.01)


def test_a_rest_halves_what_is_above_the_table_and_leaves_what_is_below() -> None:
    costs = Costs({1: {1: 0.1}})
    assert costs.at(3.0).rested().pace == 2.0
    assert costs.at(0.5).rested().pace == 0.5


def _calmer(costs: Costs) -> Iterator[Costs]:
    while True:
        costs = costs.after(0.1, 0.1)
        yield costs


@pytest.mark.parametrize("packs", [False, True])
def test_an_item_belongs_to_the_shortest_length_that_holds_it(packs: bool) -> None:
    costs = Costs({16: {1: 1.0}, 64: {1: 2.0}, 256: {1: 8.0}}, packs=packs)
    assert [costs.place(units) for units in (1, 16, 17, 64, 65, 256, 999)] == [0, 0, 1, 1, 2, 2, 2]
    assert costs.at(3.0).lone == [3.0, 6.0, 24.0]
