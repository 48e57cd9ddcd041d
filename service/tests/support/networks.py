"""Small networks of every kind of step that can be lowered, and of some that can't."""

from __future__ import annotations

from typing import Any, Tuple

import torch
from torch import nn


class Unequal(nn.Module):
    """A convolution whose margins differ, as TensorFlow's do: `nn.ZeroPad2d` and no padding of its own."""

    def __init__(self, margins: Tuple[int, int, int, int], kernel: int, stride: int) -> None:
        super().__init__()
        self.pad = nn.ZeroPad2d(margins)
        self.convolution = nn.Conv2d(6, 6, kernel, stride, groups=6, bias=False)
        self.norm = nn.BatchNorm2d(6)

    def forward(self, images: Any) -> Any:
        return nn.functional.relu6(self.norm(self.convolution(self.pad(images))))


class Small(nn.Module):
    """Stem, max-pool, two additions (one of them activated), a padded depthwise convolution, a head."""

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.padded = Unequal((1, 2, 0, 1), kernel=5, stride=2)
        self.widen = nn.Conv2d(6, 12, 1)
        self.narrow = nn.Conv2d(12, 6, 1)
        self.beside = nn.Conv2d(6, 6, 1)
        self.head = nn.Linear(6, classes)

    def forward(self, images: Any) -> Any:
        found = self.pool(nn.functional.relu(self.norm(self.stem(images))))
        found = found + self.narrow(nn.functional.relu(self.widen(found)))
        found = nn.functional.relu(self.beside(found) + found)
        found = self.padded(found)
        return self.head(nn.functional.adaptive_avg_pool2d(found, 1).flatten(1))


def small(classes: int = 7) -> Small:
    """The same weights every time, batch norms that do something, and answers that differ by image."""
    torch.manual_seed(3)
    network = Small(classes).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0.0, 0.2)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    network.head.weight.data.normal_(0.0, 3.0)
    return network
