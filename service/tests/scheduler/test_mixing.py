"""Which items of different lengths go together."""

from __future__ import annotations

from functools import lru_cache
from typing import Iterator, List, Sequence, Tuple

from hypothesis import given
from hypothesis import strategies as st
from support.tables import LENGTHS, Table, tables

from hotpath.scheduler.entries import Entry
from hotpath.scheduler.mixing import Mixing
from hotpath.scheduler.policy import without
from hotpath.scheduler.sizes import Sizes

PLACES = range(len(LENGTHS))


def mixing(table: Table, pads: bool = False) -> Mixing:
    return Mixing([Sizes(table[length], pads) for length in sorted(table)])


def queue_of(places: Sequence[int]) -> List[Entry]:
    return [Entry(key, 0.0, float(key), place=place) for key, place in enumerate(places)]


def places(batch: Sequence[Entry]) -> List[int]:
    return [entry.place for entry in batch]


def test_on_a_processor_a_long_text_is_left_to_itself() -> None:
    """Seconds of MiniLM-L6 on one thread, where a batch pays little: 8 x 128 took 3.9 times as long."""
    table = mixing({16: {1: 0.0135, 8: 0.049}, 128: {1: 0.053, 8: 0.364}})
    short = queue_of([0, 0, 0, 1, 0, 0, 0, 0])
    assert places(table.next_of(short)) == [0] * 7
    assert (
        table.next_of(queue_of([1, 0, 0, 0]))[0].key == 0 and len(table.next_of(queue_of([1, 0, 0, 0]))) == 1
    )


def test_where_a_place_beside_a_long_one_costs_nothing_all_go_together() -> None:
    table = mixing({16: {1: 0.004, 8: 0.0041}, 128: {1: 0.005, 8: 0.0055}})
    assert places(table.next_of(queue_of([0, 1, 0]))) == [0, 1, 0]


def test_a_batch_is_filled_up_with_others_only_as_far_as_that_is_free() -> None:
    table = mixing({16: {1: 1.0, 2: 1.9, 4: 3.7}, 128: {1: 4.0, 2: 4.0, 4: 8.0}}, pads=True)
    assert places(table.next_of(queue_of([1, 0, 0]))) == [1, 0], "the second place was paid for already"


def test_a_batch_takes_what_one_of_its_longest_items_length_does() -> None:
    table = mixing({16: {1: 1.0, 2: 2.0}, 128: {1: 5.0, 2: 6.0}})
    assert [table.seconds(queue_of(waiting)) for waiting in ([0, 0], [0, 1], [1, 0])] == [2.0, 6.0, 6.0]


def test_of_several_batches_for_the_most_urgent_the_one_that_does_most_in_a_second_goes() -> None:
    table = mixing({16: {1: 1.0, 2: 1.1, 4: 1.2}, 128: {1: 4.0, 2: 4.0, 4: 9.0}})
    assert places(table.next_of(queue_of([0, 1, 0, 0]))) == [0, 0]


def test_a_full_batch_of_the_most_urgent_ones_length_takes_nobody_else() -> None:
    table = mixing({16: {1: 1.0, 2: 1.1, 4: 1.3}, 128: {1: 1.1, 2: 1.2, 4: 1.4}})
    waiting = queue_of([0, 1, 0, 0, 1, 0])
    assert places(table.next_of(waiting)) == [0] * 4 and table.is_full(waiting)
    assert not table.is_full(queue_of([1, 0, 0, 0, 0])), "the most urgent one's length counts"


@given(tables(LENGTHS), st.booleans(), st.lists(st.sampled_from(PLACES), min_size=1, max_size=60))
def test_the_batches_take_what_was_foretold_or_less_whatever_waits(
    table: Table, pads: bool, waiting: List[int]
) -> None:
    plan, queue = mixing(table, pads), queue_of(waiting)
    foretold, quickly, seconds = plan.clear(queue), plan.clear_quickly(queue), 0.0
    left: Sequence[Entry] = queue
    while left:
        batch = plan.next_of(left)
        assert batch[0] is left[0] and 1 <= len(batch) <= max(table[16])
        seconds, left = seconds + plan.seconds(batch), without(left, batch)
    assert seconds <= foretold * (1 + 1e-9) <= quickly * (1 + 2e-9)


@given(tables(LENGTHS, 3), st.booleans(), st.lists(st.sampled_from(PLACES), min_size=1, max_size=7))
def test_no_other_batches_of_what_makes_no_full_one_are_done_much_sooner(
    table: Table, pads: bool, waiting: List[int]
) -> None:
    sizes = [Sizes(table[length], pads) for length in LENGTHS]
    counts = [waiting.count(place) for place in PLACES]
    if any(count >= one.full for count, one in zip(counts, sizes)):
        return

    @lru_cache(None)
    def least(left: Tuple[int, ...]) -> float:
        return min((_weight(sizes, part) + least(_less(left, part)) for part in _parts(left)), default=0.0)

    best, found = least(tuple(counts)), mixing(table, pads).clear(queue_of(waiting))
    assert best <= found * (1 + 1e-9)
    assert found <= best * (1 + 1e-9 if pads else 1.5)  # 1.2 was the most in 15,000 of these


def _parts(counts: Tuple[int, ...]) -> Iterator[Tuple[int, ...]]:
    """Every batch out of these, but the empty one."""
    ranges: List[Tuple[int, ...]] = [()]
    for count in counts:
        ranges = [(*one, number) for one in ranges for number in range(count + 1)]
    return iter([one for one in ranges if any(one)])


def _less(counts: Tuple[int, ...], part: Tuple[int, ...]) -> Tuple[int, ...]:
    return tuple(count - number for count, number in zip(counts, part))


def _weight(sizes: Sequence[Sizes], part: Tuple[int, ...]) -> float:
    longest, size = max(place for place in PLACES if part[place]), sum(part)
    return sizes[longest].weight(size) if size <= sizes[longest].most else float("inf")
