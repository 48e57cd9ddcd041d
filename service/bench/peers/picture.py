"""What every peer does with an image and a model: Pillow, numpy and torch as their guides use them.

The preprocessing is the model's own (torchvision's Resize, CenterCrop, ToTensor and Normalize in plain code,
because torchvision does not import beside torch's CPU build), so that all servers answer the same.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Callable, List

import numpy
import torch
from PIL import Image

MODEL = Path(os.environ["BENCH_MODEL"])
FORM = os.environ.get("BENCH_FORM", "eager")
"""eager, torchscript, bfloat16 (stands for the article's FP16) or ours (what Hotpath runs)."""
PORT = int(os.environ["BENCH_PORT"])

_SETTINGS = json.loads((MODEL / "peer.json").read_text())
_HEIGHT, _WIDTH, _SHORTER = (_SETTINGS[key] for key in ("height", "width", "resize_shorter"))
_MEAN = torch.tensor(_SETTINGS["mean"]).view(3, 1, 1)
_STD = torch.tensor(_SETTINGS["std"]).view(3, 1, 1)


def prepare(body: bytes) -> torch.Tensor:
    """One image as the model takes it: float32 (3, height, width); for `ours` uint8 (height, width, 3)."""
    image = Image.open(io.BytesIO(body)).convert("RGB")
    scale = _SHORTER / min(image.size)
    width, height = round(image.width * scale), round(image.height * scale)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - _WIDTH) // 2, (height - _HEIGHT) // 2
    pixels = torch.from_numpy(numpy.array(image.crop((left, top, left + _WIDTH, top + _HEIGHT))))
    if FORM == "ours":
        return pixels
    return pixels.permute(2, 0, 1).to(torch.float32).sub_(_MEAN).div_(_STD)


class Model:
    """The network in the form that BENCH_FORM names, at torch's own number of threads."""

    def __init__(self) -> None:
        self._run = self._ours() if FORM == "ours" else self._torch()
        for _ in range(3):  # TorchScript specialises in its first runs
            for size in (1, 8):
                self(torch.stack([self.blank()] * size))

    @staticmethod
    def _torch() -> Callable[[torch.Tensor], List[int]]:
        if FORM == "eager":
            import networks

            module = networks.restore(_SETTINGS["architecture"], MODEL / _SETTINGS["weights"])
        else:
            module = torch.jit.load(str(MODEL / f"{FORM}.pt"))
        return lambda batch: module(batch).argmax(dim=1).tolist()

    @staticmethod
    def _ours() -> Callable[[torch.Tensor], List[int]]:
        """Hotpath's own back end and artifact, called in the peer's process."""
        from hotpath.core import EngineSpec
        from hotpath.engine.factory import create
        from hotpath.models.built import load

        built = load(Path(_SETTINGS["hotpath"]), verify=False)
        name = _SETTINGS["backend"]
        threads = torch.get_num_threads()
        spec = EngineSpec(0, built.identity.name, built.directory, "cpu", name, threads, 8, ())
        backend = create(name)
        backend.load(built, spec)
        return lambda batch: [
            int(best) for best in backend.finish(backend.launch([(item,) for item in batch.numpy()]))[1][:, 0]
        ]

    @staticmethod
    def blank() -> torch.Tensor:
        """An image of nothing, for warming."""
        return (
            torch.zeros((_HEIGHT, _WIDTH, 3), dtype=torch.uint8)
            if FORM == "ours"
            else torch.zeros((3, _HEIGHT, _WIDTH))
        )

    def __call__(self, batch: torch.Tensor) -> List[int]:
        """The best class of each image."""
        with torch.inference_mode():
            return self._run(batch)
