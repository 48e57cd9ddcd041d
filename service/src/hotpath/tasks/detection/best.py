"""The best candidates among all positions that a network says something of."""

from __future__ import annotations

from typing import Sequence, Tuple

import torch
from torch import Tensor, nn

from hotpath.tasks.detection.nanodet import BINS
from hotpath.tasks.detection.source import STRIDES

Outputs = Tuple[Tensor, Tensor, Tensor]


def positions(maps: Sequence[Tensor]) -> Tensor:
    """Maps (batch, channels, height, width) as one tensor (batch, positions, channels)."""
    return torch.cat([one.permute(0, 2, 3, 1).flatten(1, 2) for one in maps], 1)


class Corners(nn.Module):
    """Boxes as they are: left, top, right and bottom in pixels of the input."""

    width = 4
    """Numbers that say where a box is."""

    def forward(self, found: Tensor, places: Tensor) -> Tensor:
        """Of (batch, most, 4)."""
        return found


class Distributions(nn.Module):
    """Boxes around the middles of a grid's positions, from distributions of how far away their sides are."""

    middles: Tensor
    strides: Tensor
    bins: Tensor
    width = 4 * BINS

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        grids = [
            (torch.cartesian_prod(torch.arange(height // stride), torch.arange(width // stride)) + 0.5)
            * stride
            for stride in STRIDES
        ]
        self.register_buffer("middles", torch.cat(grids).flip(1))  # x before y
        counts = torch.tensor([len(grid) for grid in grids])
        self.register_buffer("strides", torch.tensor(STRIDES).repeat_interleave(counts).float())
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32))

    def forward(self, found: Tensor, places: Tensor) -> Tensor:
        """Of (batch, most, 4 * BINS) at these positions (batch, most)."""
        sides = found.view(-1, places.shape[1], 4, BINS)
        lengths = (sides.softmax(3) * self.bins).sum(3) * self.strides[places].unsqueeze(2)
        middles = self.middles[places]
        return torch.cat((middles - lengths[:, :, :2], middles + lengths[:, :, 2:]), 2)


class Best(nn.Module):
    """Each of its position's best class.

    Output: boxes (batch, most, 4) in pixels of the input, which may reach beyond it; scores and classes
    (batch, most), best first.
    """

    def __init__(self, classes: int, most: int, boxes: nn.Module) -> None:
        super().__init__()
        self._classes, self._most = classes, most
        self._width: int = boxes.width  # type: ignore[assignment]
        self.boxes = boxes

    def forward(self, found: Tensor) -> Outputs:
        """Of (batch, positions, classes + what says where boxes are), float32."""
        logits, classes = found[:, :, : self._classes].max(2)
        best, places = logits.topk(self._most, dim=1)
        sides = found[:, :, self._classes :]
        sides = sides.gather(1, places.unsqueeze(2).expand(-1, -1, self._width))
        return self.boxes(sides, places), best.sigmoid(), classes.gather(1, places)
