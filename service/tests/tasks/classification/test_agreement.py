"""What is counted when two forms are compared, and what the crops are that they are compared on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from support.colours import picture

from hotpath.codec import ImageSpec
from hotpath.tasks.crops import crops

torch = pytest.importorskip("torch", reason="this Python has no torch; this is tested on the other one")

from hotpath.tasks.classification.agreement import compare, probabilities  # noqa: E402


def test_only_decided_pictures_count_as_decided() -> None:
    wanted = torch.tensor([[0.8, 0.1, 0.1], [0.4, 0.35, 0.25], [0.1, 0.9, 0.0], [0.2, 0.1, 0.7]])
    found = torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.45, 0.25], [0.1, 0.9, 0.0], [0.5, 0.1, 0.4]])
    result = compare(wanted, found)
    assert (result.pictures, result.decided) == (4, 3)
    assert result.same_top1 == pytest.approx(2 / 4)
    assert result.decided_same_top1 == pytest.approx(2 / 3)
    assert result.largest_difference == pytest.approx(0.3)
    assert result.mean_difference == pytest.approx((0.1 + 0.1 + 0.0 + 0.3) / 4)


def test_nothing_decided_is_no_agreement() -> None:
    even = torch.full((3, 4), 0.25)
    assert compare(even, even).decided_same_top1 == 0.0
    assert compare(even, even).same_top1 == 1.0


def test_rankings_become_probabilities_by_class() -> None:
    pictures = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1)

    def form(batch: Any) -> Any:
        first = batch.view(-1, 1) % 2
        return torch.tensor([[0.9, 0.1]]).expand(len(batch), 2), torch.cat([first, 1 - first], 1).long()

    found = probabilities(form, pictures)
    assert found[0].tolist() == pytest.approx([0.9, 0.1])
    assert found[1].tolist() == pytest.approx([0.1, 0.9])
    assert len(found) == 20


def test_crops_are_many_mixed_and_the_same_every_time(tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        (tmp_path / colour).write_bytes(picture(colour, size=(90, 60)))
    spec = ImageSpec(height=24, width=16, resize_shorter=24, interpolation="bilinear")
    photographs = [tmp_path / "red", tmp_path / "blue"]
    first, again = crops(photographs, spec, 5, seed=1), crops(photographs, spec, 5, seed=1)
    assert first.shape == (10, 24, 16, 3)
    assert first.dtype == numpy.uint8
    assert (first == again).all()
    assert (first != crops(photographs, spec, 5, seed=2)).any()
    assert [int(crop[0, 0].argmax()) for crop in first] == [0, 2] * 5  # red, blue, red, ...
    assert len({int(crop.max()) for crop in first}) > 2  # of different brightness
