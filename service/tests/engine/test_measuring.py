"""The table of the warm-up, by a clock that only batches move."""

from __future__ import annotations

from random import Random
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.core import EngineSpec, Refusal
from hotpath.engine import measured
from hotpath.engine.warmup import warm
from hotpath.metrics.layout import PLACES, buckets_up_to
from hotpath.metrics.table import Table
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Item, Outputs, Pixels


class Timed:
    """A back end whose batches take what `seconds` says of their length and size."""

    depth = 1
    pads = packs = graphs = False
    precision = "float32"

    def __init__(self, seconds: Callable[[int, int], float]) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.ran: List[Tuple[int, int]] = []

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        raise AssertionError("it is loaded")

    def share(self, slots: Pixels) -> None:
        raise AssertionError("it is shared")

    def launch(self, items: Sequence[Item]) -> Any:
        self.ran.append((len(items[0][0]), len(items)))
        self.now += self.seconds(*self.ran[-1])

    def finish(self, batch: Any) -> Outputs:
        return ()


def example(units: int) -> Item:
    return (numpy.zeros(units, numpy.int32),)


def table_of(backend: Timed, lengths: Sequence[int], most: int = 8) -> Dict[int, Dict[int, float]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hotpath.engine.warmup.time.monotonic", lambda: backend.now)
        return warm(backend, example, lengths, most)


def test_one_length_is_measured_in_every_size_however_long_it_takes() -> None:
    backend = Timed(lambda length, size: 30.0 * size)
    assert table_of(backend, (1,)) == {1: {1: 30.0, 2: 60.0, 4: 120.0, 8: 240.0}}
    assert sorted(set(backend.ran), reverse=True) == list(dict.fromkeys(backend.ran)), "the largest first"


def test_each_length_is_measured_in_each_size() -> None:
    backend = Timed(lambda length, size: 0.001 + 0.0001 * length * size)
    table = table_of(backend, (16, 64))
    assert list(table) == [16, 64]
    for length, row in table.items():
        assert row == pytest.approx({size: backend.seconds(length, size) for size in (1, 2, 4, 8)})


def test_the_first_runs_of_a_shape_and_all_but_the_shortest_do_not_count() -> None:
    runs: Dict[Tuple[int, int], int] = {}

    def seconds(length: int, size: int) -> float:
        runs[length, size] = runs.get((length, size), 0) + 1
        return size * (0.001 if runs[length, size] <= 2 else 0.02 if runs[length, size] == 5 else 0.03)

    assert table_of(Timed(seconds), (1,), 2) == {1: pytest.approx({1: 0.02, 2: 0.04})}


def test_what_takes_too_long_is_inferred_from_smaller_batches_and_the_whole_stays_bounded() -> None:
    lengths = (16, 64, 256, 1024)
    backend = Timed(lambda length, size: 0.0004 * length * size)
    table = table_of(backend, lengths, 32)
    assert backend.now <= 60.0
    assert (16, 32) in backend.ran and (1024, 32) not in backend.ran and (1024, 1) in backend.ran
    largest = max(size for length, size in backend.ran if length == 1024)
    for size in (size for size in buckets_up_to(32) if size > largest):
        assert table[1024][size] == pytest.approx(1.1 * table[1024][largest] * size / largest)


@given(
    st.lists(st.integers(1, 2000), min_size=1, max_size=6, unique=True),
    st.integers(1, 40),
    st.floats(0.001, 1.0),
    st.integers(),
)
def test_whatever_the_clock_says_more_and_longer_items_never_take_less(
    lengths: List[int], most: int, scale: float, seed: int
) -> None:
    dice = Random(seed)
    table = table_of(Timed(lambda length, size: scale * dice.random()), sorted(lengths), most)
    sizes = buckets_up_to(most)
    assert list(table) == sorted(lengths) and all(tuple(row) == sizes for row in table.values())
    for row in table.values():
        assert list(row.values()) == sorted(row.values())
    for size in sizes:
        column = [row[size] for row in table.values()]
        assert column == sorted(column)


def test_workers_read_the_table_and_nothing_of_the_seats_last_engine() -> None:
    row = Table(1, ["0/cpu"], 2).engines[0]
    measured.state(row, {16: {1: 1.0, 2: 2.0}, 64: {1: 4.0, 2: 6.4}})
    assert row.get("hotpath_warm_batch_seconds", ("1", "2")) == 6.4
    assert row.get("hotpath_engine_unit_seconds") == pytest.approx(0.05)
    measured.state(row, {1: {1: 3.0, 2: 5.0}})
    assert row.get("hotpath_warm_batch_seconds", ("0", "2")) == 5.0
    assert (
        row.get("hotpath_warm_batch_seconds", ("1", "2")) == row.get("hotpath_warm_length_units", ("1",)) == 0
    )


def test_more_lengths_than_there_are_places_are_refused() -> None:
    row = Table(1, ["0/cpu"], 1).engines[0]
    with pytest.raises(Refusal, match="17 lengths"):
        measured.state(row, {length: {1: 1.0} for length in range(len(PLACES) + 1)})


def test_the_log_names_lengths_only_where_there_are_several() -> None:
    assert measured.worded({1: {1: 0.001, 2: 0.0015}}) == " 1=1.0 2=1.5"
    assert measured.worded({16: {1: 0.001}, 64: {1: 0.002}}) == " [length 16] 1=1.0 [length 64] 1=2.0"
