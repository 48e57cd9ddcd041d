"""The best classes of one image, and their form in a message."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import List, Tuple

import numpy

from hotpath.tasks.task import Array

MOST = 64
"""The most classes that an answer carries."""


@dataclass(frozen=True)
class Ranking:
    """The best classes of one image, best first; scores are probabilities."""

    classes: Tuple[int, ...]
    scores: Tuple[float, ...]


def pack(scores: Array, classes: Array) -> List[bytes]:
    """The rankings of a batch, each (batch, classes): every class as u32, then every score as f32."""
    packed = numpy.empty((len(scores), 2, scores.shape[1]), "<u4")
    packed[:, 0] = classes
    packed[:, 1] = scores.astype("<f4").view("<u4")
    return [row.tobytes() for row in packed]


def unpack(answer: bytes) -> Ranking:
    """What `pack` made for one image."""
    size = len(answer) // 8
    values = struct.unpack(f"<{size}I{size}f", answer)
    return Ranking(values[:size], values[size:])
