"""Classifiers of pictures with random weights, the same every time: ResNet-50, or others."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from hotpath.models.architectures import ARCHITECTURES
from support.colours import picture

CLASSES = 10
SIDE = 64
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def seeded(classes: int = CLASSES) -> Any:
    """A network whose answers differ by image."""
    torch.manual_seed(7)
    network: Any = ARCHITECTURES["resnet50"](classes).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0.0, 0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    network.fc.weight.data.normal_(0.0, 1.0)
    return network


def write_source(directory: Path, state: Any, side: int = SIDE, architecture: str = "resnet50") -> Path:
    """One probe, of which any answer is right."""
    (directory / "probes").mkdir(parents=True)
    torch.save(state, str(directory / "weights.pth"))
    labels = [f"class {index}" for index in range(CLASSES)]
    (directory / "labels.txt").write_text("\n".join(labels) + "\n")
    (directory / "probes" / "red.png").write_bytes(picture("red", size=(80, 70)))

    def file(name: str) -> str:
        return f'file = "{name}"\nsha256 = "{hashlib.sha256((directory / name).read_bytes()).hexdigest()}"'

    (directory / "model.toml").write_text(f"""
name = "{architecture}"
task = "image-classification"
architecture = "{architecture}"
license = "BSD-3-Clause"
[weights]
{file("weights.pth")}
[labels]
{file("labels.txt")}
[preprocessing]
height = {side}
width = {side}
resize_shorter = {side}
interpolation = "bilinear"
mean = {MEAN}
std = {STD}
[tolerance]
absolute = 1e-3
[[probes]]
{file("probes/red.png")}
accept = {labels}
""")
    return directory
