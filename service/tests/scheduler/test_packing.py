"""Batches of items that are laid one behind another cost what their mean length does."""

from __future__ import annotations

from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import LENGTHS, Table, tables

from hotpath.scheduler.costs import Costs
from hotpath.scheduler.entries import Entry

TABLE = {16: {1: 0.2, 2: 0.3, 4: 0.5}, 48: {1: 0.4, 2: 0.7, 4: 1.3}}


def queue_of(places: List[int]) -> List[Entry]:
    return [Entry(key, 0.0, float(key), place=place) for key, place in enumerate(places)]


def test_a_batch_costs_what_lies_between_its_lengths_but_no_less_than_its_longest_alone() -> None:
    costs = Costs(TABLE, packs=True)
    found = [costs.foretold(queue_of(places)) for places in ([0, 0], [1, 1], [0, 1], [0, 0, 0, 1])]
    assert found == pytest.approx([0.3, 0.7, 0.5, 0.7])
    steep = Costs({16: {1: 0.1, 2: 0.1}, 48: {1: 0.9, 2: 0.9}}, packs=True)
    assert steep.foretold(queue_of([0, 1])) == pytest.approx(0.9)


def test_the_most_urgent_go_together_whatever_their_lengths() -> None:
    costs = Costs(TABLE, packs=True)
    queue = queue_of([0, 1, 0, 1, 0, 0])
    assert costs.next_of(queue) == queue[:4] and costs.is_full(queue) and not costs.is_full(queue[:3])


@given(tables(LENGTHS), st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_the_foretold_time_is_that_of_the_batches(table: Table, places: List[int]) -> None:
    costs, queue, seconds = Costs(table, packs=True), queue_of(places), 0.0
    foretold = costs.clear(queue)
    while queue:
        batch = costs.next_of(queue)
        seconds, queue = seconds + costs.seconds(batch), queue[len(batch) :]
    assert foretold == pytest.approx(seconds)
