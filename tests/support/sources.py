"""Sources of models that say enough to be judged; nothing could be built of them."""

from __future__ import annotations

import hashlib
from pathlib import Path


def write_source(
    directory: Path,
    name: str = "net",
    task: str = "image-classification",
    architecture: str = "resnet50",
    weights_bytes: int = 1000,
) -> Path:
    """A directory with model.toml and weights, which take no room on the disk however large they are."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "weights.pth").open("wb") as weights:
        weights.truncate(weights_bytes)
    (directory / "model.toml").write_text(
        f'name = "{name}"\ntask = "{task}"\narchitecture = "{architecture}"\nlicense = "MIT"\n'
        f'[weights]\nfile = "weights.pth"\nsha256 = "{hashlib.sha256(b"").hexdigest()}"\n'
        "[preprocessing]\nheight = 224\nwidth = 224\n"
    )
    return directory
