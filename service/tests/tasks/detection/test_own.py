"""Detectors of somebody's own: boxes and logits out of the weights file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch; detectors are tested on the other one")

from support.detecting import MOST, SIDE, DescribedModel, described  # noqa: E402

from hotpath.core import ModelError  # noqa: E402
from hotpath.tasks.detection import network  # noqa: E402


class Colours(torch.nn.Module):  # type: ignore[misc,name-defined]
    """Takes every column of pixels for an object of the class that is its brightest channel."""

    def forward(self, images: Any) -> Tuple[Any, Any]:
        logits = images.mean(2).transpose(1, 2)
        left = 0 * images[:, 0, 0] + torch.arange(SIDE)
        top = torch.zeros_like(left)
        return torch.stack([left, top, left + 1, top + images.shape[2]], 2), logits


class Few(Colours):
    """Says of three columns only."""

    def forward(self, images: Any) -> Tuple[Any, Any]:
        boxes, logits = super().forward(images)
        return boxes[:, :3], logits[:, :3]


class Maps(torch.nn.Module):  # type: ignore[misc,name-defined]
    """Gives one tensor."""

    def forward(self, images: Any) -> Any:
        return images


def saved(made: Any, directory: Path, **steps: Any) -> DescribedModel:
    """A model whose weights file holds the network."""
    torch.jit.save(torch.jit.trace(made, torch.zeros(2, 3, SIDE, SIDE)), str(directory / "network.pt"))
    plain = described(**steps)
    artifacts = {"eager": "network.pt"}
    return DescribedModel(directory, plain.identity, plain.task, "torchscript", artifacts, plain.document)


def striped() -> Any:
    """Pixels of one picture: dark but for a red and a blue column."""
    pixels = torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8)
    pixels[:, :, 5, 0], pixels[:, :, 40, 2] = 9, 6
    return pixels


@pytest.mark.parametrize(("order", "classes"), [("rgb", [0, 2]), ("bgr", [2, 0])])
def test_its_boxes_and_its_best_classes_are_taken(order: str, classes: Any, tmp_path: Path) -> None:
    with torch.no_grad():
        boxes, scores, found = network.eager(saved(Colours(), tmp_path, channel_order=order))(striped())
    assert boxes.shape == (1, MOST, 4)
    assert found[0, :2].tolist() == classes
    assert boxes[0, :2].tolist() == [[5, 0, 6, SIDE], [40, 0, 41, SIDE]]
    assert torch.allclose(scores[0, :2], torch.tensor([9.0, 6.0]).sigmoid())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Few(), r"with \(2, 3, 4\) and \(2, 3, 3\); wanted are boxes .* n at least 20, the candidates"),
        (Maps(), r"with a Tensor; wanted are boxes \(2, n, 4\) and logits \(2, n, 3\)"),
    ],
)
def test_what_gives_something_else_is_refused(made: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=said):
        network.eager(saved(made, tmp_path))


def test_labels_that_do_not_belong_to_it_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"logits \(2, n, 2\), a column for each label"):
        network.eager(saved(Colours(), tmp_path, names=("cat", "dog")))
