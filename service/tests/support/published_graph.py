"""NanoDet-g as it is published, a graph of TensorFlow.js, run operation by operation.

The service is held to it, and nothing of the service is in here: Pillow decodes, turns and stretches, every
operation of the graph is one of torch's, and candidates become objects by plain loops.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

SIDE, BINS = 416, 11
_MEAN = torch.tensor([103.53, 116.28, 123.675])  # blue, green, red, as in nanodet-g.yml
_STD = torch.tensor([57.375, 57.12, 58.395])
_VALID = "VkFMSUQ="


class Object(NamedTuple):
    """One that was found."""

    label: str
    score: float
    box: Tuple[float, float, float, float]
    """Left, top, right and bottom in pixels of the picture as people see it."""


class PublishedDetector:
    """The graph, with labels."""

    def __init__(self, source: Path) -> None:
        """`source` holds nanodet.json, nanodet.bin and labels.txt."""
        layout = json.loads((source / "nanodet.json").read_text())
        self._nodes = {node["name"]: node for node in layout["modelTopology"]["node"]}
        self._constants = _tensors(
            layout["weightsManifest"][0]["weights"], (source / "nanodet.bin").read_bytes()
        )
        self._labels = (source / "labels.txt").read_text().splitlines()

    def objects(self, body: bytes, threshold: float = 0.4, iou: float = 0.5) -> List[Object]:
        """In a file of a picture, the surest first."""
        return self.objects_in(upright(body), threshold, iou)

    def objects_in(self, picture: Image.Image, threshold: float = 0.4, iou: float = 0.5) -> List[Object]:
        """In a picture in red, green and blue."""
        stretched = numpy.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        pixels = torch.from_numpy(stretched.copy()).flip(2).float()
        boxes, scores = self._candidates((pixels - _MEAN) / _STD)
        boxes = boxes.clamp(0, SIDE) * torch.tensor([picture.width / SIDE, picture.height / SIDE] * 2)
        best, classes = scores.max(1)
        sides: List[Any] = boxes.tolist()
        kept: List[int] = []
        for place in best.argsort(descending=True)[: int((best >= threshold).sum())].tolist():
            same = [other for other in kept if classes[other] == classes[place]]
            if all(overlap(sides[place], sides[other]) <= iou for other in same):
                kept.append(place)
        return [
            Object(self._labels[int(classes[place])], float(best[place]), tuple(sides[place]))
            for place in kept
        ]

    def _candidates(self, pixels: Tensor) -> Tuple[Tensor, Tensor]:
        """Boxes (positions, 4) in pixels of the input, and scores (positions, classes)."""
        with torch.inference_mode():
            maps = self._run(pixels.permute(2, 0, 1).unsqueeze(0))
        boxes, scores = [], []
        for side in (52, 26, 13):
            stride = SIDE // side
            found = {one.shape[2]: one[0] for one in maps if one.shape[1] == side * side}
            lengths = (found[4 * BINS].view(-1, 4, BINS).softmax(2) * torch.arange(BINS)).sum(2) * stride
            y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
            middles = (torch.stack((x, y), 2).reshape(-1, 2) + 0.5) * stride
            boxes.append(torch.cat((middles - lengths[:, :2], middles + lengths[:, 2:]), 1))
            scores.append(found[len(self._labels)])
        return torch.cat(boxes), torch.cat(scores)

    def _run(self, image: Tensor) -> List[Tensor]:
        """The graph's outputs for (1, 3, 416, 416)."""
        values: Dict[str, Any] = {"input_1": image, **self._constants}

        def value(reference: str) -> Any:
            name, _, place = reference.partition(":")
            if name not in values:
                node = self._nodes[name]
                values[name] = OPERATIONS[node["op"]](node, *map(value, node["input"]))
            found = values[name]
            return found[int(place or 0)] if isinstance(found, tuple) else found

        return [value(name) for name in self._nodes if name.startswith("Identity")]


def upright(body: bytes) -> Image.Image:
    """As people see it, what is transparent on white."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(body)))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        page = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(page, picture.convert("RGBA"))
    return picture.convert("RGB")


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """The area in both boxes divided by the area in either."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = width * height
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both) if both else 0.0


def _tensors(entries: Sequence[Dict[str, Any]], data: bytes) -> Dict[str, Tensor]:
    """By name, in the order in which they lie in the file."""
    found, start = {}, 0
    for entry in entries:
        kept = numpy.dtype(entry.get("quantization", entry)["dtype"])
        values = numpy.frombuffer(data, kept, int(numpy.prod(entry["shape"])), start)
        start += values.nbytes
        wanted = numpy.float32 if entry["dtype"] == "float32" else numpy.int64
        found[entry["name"]] = torch.from_numpy(values.astype(wanted).reshape(entry["shape"]))
    assert start == len(data)
    return found


def _convolution(node: Any, values: Tensor, kernel: Tensor) -> Tensor:
    steps = _integers(node, "strides")
    assert node["attr"]["padding"]["s"] == _VALID or tuple(kernel.shape[:2]) == (1, 1)
    found = functional.conv2d(values.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), stride=steps[1:3])
    return found.permute(0, 2, 3, 1)


def _largest(node: Any, values: Tensor) -> Tensor:
    assert node["attr"]["padding"]["s"] == _VALID
    sides, steps = _integers(node, "ksize")[1:3], _integers(node, "strides")[1:3]
    return functional.max_pool2d(values.permute(0, 3, 1, 2), sides, steps).permute(0, 2, 3, 1)


def _resized(node: Any, values: Tensor, size: Tensor) -> Tensor:
    found = functional.interpolate(values.permute(0, 3, 1, 2), tuple(size.tolist()), mode="bilinear")
    return found.permute(0, 2, 3, 1)


def _padded(node: Any, values: Tensor, widths: Tensor, value: Any = 0.0) -> Tensor:
    last_first = [width for pair in reversed(widths.tolist()) for width in pair]
    return functional.pad(values, last_first, value=float(value))


def _dense(node: Any, places: Tensor, shape: Tensor, values: Tensor, usual: Tensor) -> Tensor:
    found = torch.full(tuple(shape.reshape(-1).tolist()), int(usual))
    found[tuple(places.reshape(-1, len(found.shape)).T)] = values
    return found


def _integers(node: Any, name: str) -> Tuple[int, ...]:
    return tuple(int(number) for number in node["attr"][name]["list"]["i"])


OPERATIONS: Dict[str, Callable[..., Any]] = {
    "Add": lambda node, one, other: one + other,
    "AddV2": lambda node, one, other: one + other,
    "ConcatV2": lambda node, *values: torch.cat(values[:-1], int(values[-1])),
    "Conv2D": _convolution,
    "Identity": lambda node, values: values,
    "LeakyRelu": lambda node, values: functional.leaky_relu(values, node["attr"]["alpha"]["f"]),
    "MaxPool": _largest,
    "Pad": _padded,
    "PadV2": _padded,
    "Reshape": lambda node, values, shape: values.reshape(shape.tolist()),
    "ResizeBilinear": _resized,
    "Sigmoid": lambda node, values: values.sigmoid(),
    "SparseToDense": _dense,
    "SplitV": lambda node, values, sizes, axis: values.split(sizes.tolist(), int(axis)),
    "Transpose": lambda node, values, order: values.permute(order.tolist()),
}
"""What TensorFlow's operations of these names do, from the node and what comes into it."""
