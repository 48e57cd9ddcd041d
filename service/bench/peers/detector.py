"""What every peer does with a photograph and a detector: Pillow, OpenCV and torch as their guides use them.

NanoDet's own demo in few lines, at its best: libjpeg shrinks large photographs while it decodes them, only
what is sure enough is turned into boxes, and OpenCV suppresses what overlaps. All servers answer the same.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any, Callable

import cv2
import numpy
import torch
from PIL import Image, ImageOps

MODEL = Path(os.environ["BENCH_MODEL"])
FORM = os.environ.get("BENCH_FORM", "eager")
"""eager, torchscript or bfloat16."""
PORT = int(os.environ.get("BENCH_PORT", "0"))
SETTINGS = json.loads((MODEL / "peer.json").read_text())
SIDE, BINS, STRIDES = 416, 11, (8, 16, 32)
CLASSES = len(SETTINGS["labels"])
_LOGIT = float(numpy.log(SETTINGS["threshold"] / (1 - SETTINGS["threshold"])))
_MEAN = torch.tensor([103.53, 116.28, 123.675]).view(3, 1, 1)  # blue, green, red
_STD = torch.tensor([57.375, 57.12, 58.395]).view(3, 1, 1)

Picture = tuple[torch.Tensor, tuple[int, int]]
"""float32 (3, SIDE, SIDE), and width and height of the photograph as people see it."""


def prepare(body: bytes) -> Picture:
    """A photograph as the network takes it."""
    image = Image.open(io.BytesIO(body))
    width, height = image.size
    image.draft("RGB", (SIDE, SIDE))
    image = ImageOps.exif_transpose(image)
    if (image.width > image.height) != (width > height):
        width, height = height, width
    stretched = numpy.array(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    pixels = torch.from_numpy(stretched).permute(2, 0, 1).flip(0).to(torch.float32)
    return pixels.sub_(_MEAN).div_(_STD), (width, height)


class Detector:
    """The network in the form that BENCH_FORM names."""

    def __init__(self) -> None:
        self._run = self._eager() if FORM == "eager" else torch.jit.load(str(MODEL / f"{FORM}.pt"))
        grids = [torch.cartesian_prod(*[torch.arange(SIDE // stride)] * 2) for stride in STRIDES]
        middles = [(grid.flip(1) + 0.5) * stride for grid, stride in zip(grids, STRIDES, strict=True)]
        self._middles = torch.cat(middles).numpy()
        counts = torch.tensor([len(grid) for grid in grids])
        self._strides = torch.tensor(STRIDES).repeat_interleave(counts).float().numpy()
        for _ in range(3):  # TorchScript specialises in its first runs
            for size in (1, 8):
                self([(torch.zeros(3, SIDE, SIDE), (SIDE, SIDE))] * size)

    @staticmethod
    def _eager() -> Callable[[torch.Tensor], Any]:
        from hotpath.tasks.detection.nanodet import NanoDet  # a plain module of torch

        network = NanoDet(CLASSES)
        network.load_state_dict(torch.load(MODEL / "weights.pth", weights_only=True))
        return network.eval().to(memory_format=torch.channels_last)

    def __call__(self, pictures: list[Picture]) -> list[dict[str, Any]]:
        """The objects in each, with boxes in its photograph's pixels."""
        batch = torch.stack([pixels for pixels, _ in pictures]).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            maps = self._run(batch)
            found = torch.cat([one.float().permute(0, 2, 3, 1).flatten(1, 2) for one in maps], 1)
        return [self._objects(one, size) for one, (_, size) in zip(found.numpy(), pictures, strict=True)]

    def _objects(self, found: Any, size: tuple[int, int]) -> dict[str, Any]:
        """Of (positions, CLASSES + 4 * BINS)."""
        logits = found[:, :CLASSES]
        sure = numpy.flatnonzero(logits.max(1) >= _LOGIT)
        classes = logits[sure].argmax(1)
        scores = 1 / (1 + numpy.exp(-logits[sure, classes]))
        sides = numpy.exp(found[sure, CLASSES:].reshape(-1, 4, BINS))
        sides = (sides * numpy.arange(BINS)).sum(2) / sides.sum(2) * self._strides[sure, None]
        middles = self._middles[sure]
        boxes = numpy.concatenate((middles - sides[:, :2], middles + sides[:, 2:]), 1).clip(0, SIDE)
        boxes *= numpy.array([size[0] / SIDE, size[1] / SIDE] * 2)
        corners = numpy.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1)
        kept = cv2.dnn.NMSBoxesBatched(
            corners.tolist(), scores.tolist(), classes.tolist(), SETTINGS["threshold"], SETTINGS["iou"]
        )
        objects = [
            {
                "label": SETTINGS["labels"][classes[place]],
                "score": float(scores[place]),
                "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), boxes[place].tolist(), strict=True)),
            }
            for place in kept
        ]
        return {"objects": objects, "count": len(objects)}
