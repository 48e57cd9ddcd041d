"""What a network says of a picture: candidates, of which requests choose; packed, an answer."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Sequence

import numpy
from numpy.typing import NDArray

_RECORD = numpy.dtype([("box", "<f4", 4), ("score", "<f4"), ("index", "<u2")])


class Candidates(NamedTuple):
    """Of one picture, the best first."""

    boxes: NDArray[Any]
    """(n, 4): left, top, right, bottom"""
    scores: NDArray[Any]
    classes: NDArray[Any]

    def at(self, places: Any) -> Candidates:
        """Some of them."""
        return Candidates(self.boxes[places], self.scores[places], self.classes[places])


def pack(found: Sequence[Candidates]) -> List[bytes]:
    """Answers."""
    answers = []
    for one in found:
        records = numpy.empty(len(one.scores), _RECORD)
        records["box"], records["score"], records["index"] = one
        answers.append(records.tobytes())
    return answers


def unpack(answer: bytes) -> Candidates:
    """What was packed."""
    records = numpy.frombuffer(answer, _RECORD)
    return Candidates(records["box"], records["score"], records["index"].astype(numpy.int64))
