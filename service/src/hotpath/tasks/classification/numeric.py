"""A stand-in for a network, in numpy alone: names the colour that is nearest to an image's mean.

For tests and for machines without torch; small, exact and as slow as its weights say.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any, Sequence

import numpy
from numpy.typing import NDArray

from hotpath.models.built import BuiltModel
from hotpath.tasks.numeric import NumericNetwork
from hotpath.tasks.task import Item, Outputs


class Colours(NumericNetwork):
    """Of an .npz of `centres` (classes, 3), in 0..255, `seconds` (classes,) and `faults` (classes,).

    A batch takes as long as the slowest of the classes found in it. It fails with one whose fault is 1, takes
    the whole process with it where that is 2, and scores an image by no number where its class has 3: as real
    models and devices do at times.
    """

    def __init__(self, model: BuiltModel) -> None:
        with numpy.load(model.artifact("numeric")) as artifact:
            self._centres: NDArray[numpy.float64] = artifact["centres"].astype(numpy.float64)
            self._seconds: NDArray[numpy.float64] = artifact["seconds"].astype(numpy.float64)
            self._faults: NDArray[numpy.int64] = artifact["faults"].astype(numpy.int64)
        self._top_k: int = model.document["top_k"]

    def take(self, items: Sequence[Item]) -> NDArray[numpy.float64]:
        """Mean colours of the images, of shape (batch, 3)."""
        return numpy.stack([image.reshape(-1, 3).mean(axis=0) for (image,) in items])

    def answer(self, batch: Any) -> Outputs:
        """Softmax over negative squared distances."""
        distances = ((batch[:, None, :] - self._centres[None, :, :]) ** 2).sum(axis=2)
        weights = numpy.exp((distances.min(axis=1, keepdims=True) - distances) / 1000.0)
        scores = weights / weights.sum(axis=1, keepdims=True)
        order = numpy.argsort(-scores, axis=1, kind="stable")[:, : self._top_k]
        time.sleep(self._seconds[order[:, 0]].max())
        faults = self._faults[order[:, 0]]
        if 2 in faults:
            os.kill(os.getpid(), signal.SIGKILL)
        if 1 in faults:
            raise RuntimeError("the stand-in fails on this class")
        scores[faults == 3] = numpy.nan
        return numpy.take_along_axis(scores, order, axis=1), order


def network(model: BuiltModel) -> Colours:
    """Of a built model."""
    return Colours(model)
