"""Pictures of colours for Triton's clients, over HTTP and over gRPC alike."""

from __future__ import annotations

from typing import Any, List

import numpy
from numpy.typing import NDArray

from support.colours import COLOURS, picture

SIDE = 16


def images(client: Any, *colours: str) -> Any:
    """Encoded ones, as an input of the client's module."""
    tensor = client.InferInput("image", [len(colours)], "BYTES")
    tensor.set_data_from_numpy(numpy.array([picture(colour) for colour in colours], dtype=numpy.object_))
    return tensor


def pixels(*colours: str) -> NDArray[numpy.uint8]:
    """The model's own."""
    values = numpy.array([COLOURS[colour] for colour in colours], dtype=numpy.uint8)
    return numpy.broadcast_to(values[:, None, None, :], (len(colours), SIDE, SIDE, 3)).copy()


def labels_of(result: Any) -> List[str]:
    """The best label of each picture."""
    return [row[0].decode() for row in result.as_numpy("labels")]
