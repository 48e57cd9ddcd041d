"""NanoDet-g in torch, its batch norms folded into the convolutions.

The network of RangiLyu's nanodet, nanodet-g.yml of its first versions: a CSP backbone of plain convolutions,
a pyramid without convolutions of its own, and a generalised focal head (Li et al., arXiv 2006.04388).
Modules have the names that they have there.
"""

from __future__ import annotations

from typing import List, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hotpath.tasks.detection.source import STRIDES

BINS = 11
"""A side of a box is the mean of a distribution over 0 .. 10 strides."""

_STAGES = ((32, 32, 1, 1), (64, 64, 2, 2), (128, 128, 2, 2), (256, 256, 3, 2))
"""Of each CSP block: channels that come in, channels inside, which two of make its result; blocks; stride."""
_WIDTH = 128
_SLOPE = 0.1


class Convolved(nn.Module):
    """A convolution and LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1)

    def forward(self, values: Tensor) -> Tensor:
        """The map, `stride` times smaller."""
        return functional.leaky_relu(self.conv(values), _SLOPE)


class TinyResBlock(nn.Module):
    """Half of the channels, and as many made of these."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.in_conv = Convolved(channels, channels // 2)
        self.mid_conv = Convolved(channels // 2, channels // 2)

    def forward(self, values: Tensor) -> Tensor:
        """A map of the same shape."""
        half = self.in_conv(values)
        return torch.cat((self.mid_conv(half), half), 1)


class CspBlock(nn.Module):
    """What some blocks make of a map, beside the map."""

    def __init__(self, inputs: int, channels: int, blocks: int, stride: int) -> None:
        super().__init__()
        self.in_conv = Convolved(inputs, channels, stride)
        self.res_blocks = nn.Sequential(*(TinyResBlock(channels) for _ in range(blocks)))
        self.res_out_conv = Convolved(channels, channels)

    def forward(self, values: Tensor) -> Tensor:
        """(batch, 2 * channels, height / stride, width / stride)"""
        values = self.in_conv(values)
        return torch.cat((self.res_out_conv(self.res_blocks(values)), values), 1)


class Backbone(nn.Module):
    """Images to the maps of the last three stages."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [CspBlock(*stage) for stage in _STAGES]
        self.stages = nn.ModuleList([Convolved(3, 32, 2), nn.MaxPool2d(3, 2, 1), *blocks])

    def forward(self, images: Tensor) -> List[Tensor]:
        """Maps, finest first."""
        maps = [images]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[-len(STRIDES) :]


class Pyramid(nn.Module):
    """Brings what each map knows to the others: PAN, without convolutions between."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(
            nn.Conv2d(2 * channels, _WIDTH, 1) for _, channels, _, _ in _STAGES[-len(STRIDES) :]
        )

    def forward(self, maps: List[Tensor]) -> List[Tensor]:
        """Maps of the same sizes and of one width."""
        found = [lateral(one) for lateral, one in zip(self.lateral_convs, maps)]
        for place in range(len(found) - 1, 0, -1):
            larger = functional.interpolate(
                found[place], scale_factor=2.0, mode="bilinear", align_corners=False
            )
            found[place - 1] = found[place - 1] + larger
        for place in range(len(found) - 1):
            # Which is what bilinear interpolation to half the size comes to.
            found[place + 1] = found[place + 1] + functional.avg_pool2d(found[place], 2)
        return found


class Head(nn.Module):
    """Of each map, at each position: a logit for every class, and the distributions of four sides."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.cls_convs = nn.ModuleList(nn.Sequential(Convolved(_WIDTH, _WIDTH)) for _ in STRIDES)
        self.gfl_cls = nn.ModuleList(nn.Conv2d(_WIDTH, classes + 4 * BINS, 1) for _ in STRIDES)

    def forward(self, maps: List[Tensor]) -> Tuple[Tensor, ...]:
        """For each map (batch, classes + 4 * BINS, height, width)"""
        return tuple(last(conv(one)) for last, conv, one in zip(self.gfl_cls, self.cls_convs, maps))


class NanoDet(nn.Module):
    """Normalised images (batch, 3, height, width), BGR, sides multiples of 32, to the head's maps."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.fpn = Pyramid()
        self.head = Head(classes)

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """See Head."""
        maps: Tuple[Tensor, ...] = self.head(self.fpn(self.backbone(images)))
        return maps
