"""Which candidates are objects, against a plain implementation."""

from __future__ import annotations

from typing import Any, List

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.detecting import candidates

from hotpath.tasks.detection.candidates import Candidates
from hotpath.tasks.detection.selection import overlaps, select


def overlap(one: Any, other: Any) -> float:
    one, other = one.tolist(), other.tolist()  # whose arithmetic is in doubles, as the code's is
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    either = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both
    return float(both / either) if either > 0 else 0.0


def plain(found: Candidates, threshold: float, iou: float) -> List[int]:
    """The places of the objects, as textbooks have it."""
    left = sorted(range(len(found.scores)), key=lambda place: -found.scores[place])
    left = [place for place in left if found.scores[place] >= threshold]
    kept: List[int] = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [
            place
            for place in left
            if found.classes[place] != found.classes[best]
            or overlap(found.boxes[place], found.boxes[best]) <= iou
        ]
    return kept


@st.composite
def many(draw: Any) -> Candidates:
    """Some twenty on a small field, so that many overlap."""
    random = numpy.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(0, 30))
    corners = random.integers(0, 20, (count, 2))
    boxes = numpy.concatenate([corners, corners + random.integers(1, 20, (count, 2))], 1).astype(
        numpy.float32
    )
    scores = random.permutation(100)[:count].astype(numpy.float32) / 100
    return Candidates(boxes, scores, random.integers(0, 3, count))


@given(many(), st.sampled_from([0.0, 0.3, 0.7]), st.sampled_from([0.0, 0.4, 0.6, 1.0]))
def test_it_keeps_what_a_plain_implementation_does(found: Candidates, threshold: float, iou: float) -> None:
    kept = select(found, threshold, iou)
    wanted = plain(found, float(numpy.float32(threshold)), iou)
    assert kept.scores.tolist() == found.scores[wanted].tolist()
    assert kept.boxes.tolist() == found.boxes[wanted].tolist()
    assert kept.classes.tolist() == found.classes[wanted].tolist()


@given(many())
def test_overlaps_are_those_of_each_two(found: Candidates) -> None:
    both = overlaps(found.boxes, found.boxes)
    for one in range(len(both)):
        for other in range(len(both)):
            assert both[one, other] == pytest.approx(overlap(found.boxes[one], found.boxes[other]))


def test_a_request_for_some_classes_gets_no_others() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    found = candidates((box, 0.9, 0), (box, 0.8, 1), (box, 0.7, 2))
    assert select(found, 0.4, 0.5, (1, 2)).classes.tolist() == [1, 2]
    assert select(found, 0.4, 0.5, ()).classes.tolist() == []
    assert select(found, 0.75, 0.5).classes.tolist() == [0, 1]


def test_a_box_without_area_is_no_object() -> None:
    found = candidates(([5, 5, 5, 9], 0.9, 0), ([5, 5, 4, 4], 0.9, 0), ([0, 0, 1, 1], 0.5, 0))
    assert select(found, 0.4, 0.5).scores.tolist() == [0.5]


def test_nothing_gives_nothing() -> None:
    assert len(select(candidates(), 0.0, 0.5).scores) == 0
