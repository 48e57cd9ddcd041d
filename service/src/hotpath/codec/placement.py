"""Where a picture lies in what a model sees of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Placement(NamedTuple):
    """The picture's point (x, y) lies at (x * scale_x + offset_x, y * scale_y + offset_y) of the model's.

    The picture is the one that people see, after EXIF's turns. Points are counted in pixels from its upper
    left corner, so that the middle of the first pixel is (0.5, 0.5).
    """

    width: int
    """Of the picture, in pixels, as `height` is."""
    height: int
    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float

    def in_picture(self, boxes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Boxes (n, 4) of the model's picture in the picture's own pixels, cut off at its sides.

        Each is left, top, right and bottom.
        """
        scale = np.array([self.scale_x, self.scale_y] * 2)
        offset = np.array([self.offset_x, self.offset_y] * 2)
        found: npt.NDArray[np.float64] = np.clip(
            (boxes.astype(np.float64) - offset) / scale, 0.0, np.array([self.width, self.height] * 2)
        )
        return found
