"""Whether an answer holds the embedding that it should."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, Sequence, Tuple

LEAST_COSINE = 0.999


def document(answer: bytes) -> Any:
    """The JSON of a complete HTTP answer. Raises ValueError."""
    _, _, body = answer.partition(b"\r\n\r\n")
    # Where it is chunked, sizes stand around the object.
    return json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])


def vector(answer: bytes) -> List[float]:
    """The one embedding of an answer, whichever server's. Raises ValueError or LookupError."""
    told = document(answer)
    found: List[float] = told["data"][0]["embedding"] if "data" in told else told["embedding"]
    return found


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Of two vectors of one length."""
    if len(left) != len(right):
        return math.nan
    product = sum(a * b for a, b in zip(left, right))
    return product / math.sqrt(sum(a * a for a in left) * sum(b * b for b in right))


def checked(answers: Sequence[Tuple[int, bytes]], expected: Sequence[Sequence[float]]) -> Dict[str, Any]:
    """How near answers are to what is expected of the requests of those numbers."""
    cosines = [cosine(vector(answer), expected[number]) for number, answer in answers]
    return {
        "checked": len(cosines),
        "wrong": sum(not found >= LEAST_COSINE for found in cosines),
        "lowest_cosine": round(min(cosines), 6) if cosines else None,
    }
