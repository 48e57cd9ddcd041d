"""Answers as bytes, and how far two are apart."""

from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy

from hotpath.core import TensorSpec
from hotpath.tasks.task import Array, Outputs


def packed(outputs: Outputs, specs: Sequence[TensorSpec]) -> List[bytes]:
    """An answer for each item of a batch: its outputs one behind another, little-endian.

    Raises ValueError where one holds what is no number, or is not what the specs say.
    """
    if len(outputs) != len(specs):
        raise ValueError(f"the network has {len(outputs)} outputs, not {len(specs)}")
    rows = []
    for found, spec in zip(outputs, specs):
        if found.shape[1:] != spec.shape:
            raise ValueError(f"the output {spec.name!r} has the shape {found.shape[1:]}, not {spec.shape}")
        if found.dtype.kind == "f" and not numpy.isfinite(found).all():
            raise ValueError(f"the output {spec.name!r} holds what is no number")
        plain = numpy.ascontiguousarray(found, numpy.dtype(spec.dtype).newbyteorder("<"))
        rows.append([row.tobytes() for row in plain])
    return [b"".join(parts) for parts in zip(*rows)]


def unpacked(answer: bytes, specs: Sequence[TensorSpec]) -> Tuple[Array, ...]:
    """What `packed` made for one item."""
    found, start = [], 0
    for spec in specs:
        array = numpy.frombuffer(
            answer,
            numpy.dtype(spec.dtype).newbyteorder("<"),
            spec.nbytes // numpy.dtype(spec.dtype).itemsize,
            start,
        )
        found.append(array.reshape(spec.shape))
        start += spec.nbytes
    return tuple(found)


def differing(one: Sequence[Array], other: Sequence[Array]) -> float:
    """The largest difference of two answers' numbers; infinite where whole numbers differ."""
    largest = 0.0
    for left, right in zip(one, other):
        if left.dtype.kind != "f":
            largest = largest if (left == right).all() else float("inf")
        elif left.size:
            largest = max(largest, float(numpy.abs(left.astype("float64") - right.astype("float64")).max()))
    return largest
