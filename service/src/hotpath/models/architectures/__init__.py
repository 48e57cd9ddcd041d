"""The networks that a model source may name; each makes an untrained one for a number of classes."""

from __future__ import annotations

from typing import Callable, Dict

from torch import nn

from hotpath.models.architectures.efficientnet import efficientnet_lite0
from hotpath.models.architectures.resnet import resnet50

ARCHITECTURES: Dict[str, Callable[[int], nn.Module]] = {
    "efficientnet_lite0": efficientnet_lite0,
    "resnet50": resnet50,
}
