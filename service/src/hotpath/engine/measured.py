"""The table of the warm-up as others are told it."""

from __future__ import annotations

from typing import Mapping

from hotpath.core import Refusal
from hotpath.metrics.layout import PLACES
from hotpath.metrics.table import Row

Table = Mapping[int, Mapping[int, float]]
"""Seconds by length, ascending, and batch size."""


def state(row: Row, table: Table) -> None:
    """In the metrics, where workers read it; the seat's last engine may have had other lengths.

    Raises Refusal for more lengths than there are places.
    """
    lengths = list(table)
    if len(lengths) > len(PLACES):
        raise Refusal(
            f"The model has {len(lengths)} lengths that batches are made for, and {len(PLACES)} is the most.",
            "Build it with fewer lengths.",
        )
    longest = table[lengths[-1]]
    nothing = dict.fromkeys(longest, 0.0)
    for index, place in enumerate(PLACES):
        length = lengths[index] if index < len(lengths) else 0
        row.set("hotpath_warm_length_units", length, (place,))
        for size, seconds in table.get(length, nothing).items():
            row.set("hotpath_warm_batch_seconds", seconds, (place, str(size)))
    most = max(longest)
    row.set("hotpath_engine_unit_seconds", longest[most] / most / lengths[-1])


def worded(table: Table) -> str:
    """For the log, in milliseconds."""
    rows = [
        (length, " ".join(f"{size}={seconds * 1000:.1f}" for size, seconds in sizes.items()))
        for length, sizes in table.items()
    ]
    if len(rows) == 1:
        return f" {rows[0][1]}"
    return "".join(f" [length {length}] {sizes}" for length, sizes in rows)
