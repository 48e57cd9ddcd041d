"""Tables of costs as hypothesis draws them."""

from __future__ import annotations

from typing import Dict, List, Sequence

from hypothesis import strategies as st

LENGTHS = (16, 64, 256)
Table = Dict[int, Dict[int, float]]


def _rising(lengths: Sequence[int], sizes: Sequence[int], steps: List[float]) -> Table:
    """No batch takes less than a smaller or shorter one; by how much more is in `steps`."""
    table: Table = {}
    left = iter(steps)
    for place, length in enumerate(lengths):
        row: Dict[int, float] = {}
        for size in sizes:
            shorter = table[lengths[place - 1]][size] if place else 0.001
            row[size] = max(shorter, *row.values(), 0.001) + next(left)
        table[length] = row
    return table


def tables(lengths: Sequence[int], doublings: int = 4) -> st.SearchStrategy[Table]:
    """Of these lengths, with sizes up to two to the power of `doublings`: of any shape, or along a plane."""

    def of(powers: int) -> st.SearchStrategy[Table]:
        sizes = [2**power for power in range(powers + 1)]
        cells = len(lengths) * len(sizes)
        # Often nothing: a place beside others that is free.
        steps = st.lists(st.just(0.0) | st.floats(0.0, 0.5), min_size=cells, max_size=cells)
        rising = st.builds(_rising, st.just(lengths), st.just(sizes), steps)
        plane = st.builds(
            lambda alone, unit: {n: {k: alone + unit * n * k for k in sizes} for n in lengths},
            st.floats(0.001, 0.5),
            st.floats(0.00001, 0.3 / max(lengths)),
        )
        return rising | plane

    return st.integers(0, doublings).flatmap(of)
