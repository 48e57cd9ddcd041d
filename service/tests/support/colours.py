"""The colour model: a model source for the numeric back end, made on the spot."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Dict, Optional, Tuple

import numpy
from PIL import Image

COLOURS: Dict[str, Tuple[int, int, int]] = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
}


def picture(colour: str, kind: str = "PNG", size: Tuple[int, int] = (40, 30)) -> bytes:
    """An image of one colour, encoded."""
    file = io.BytesIO()
    Image.new("RGB", size, COLOURS[colour]).save(file, kind)
    return file.getvalue()


def write_source(
    directory: Path,
    seconds: float = 0.0,
    name: str = "colours",
    size: int = 16,
    always: float = 0.0,
    faults: Optional[Dict[str, int]] = None,
    labels: Optional[Dict[str, str]] = None,
) -> Path:
    """A model source whose batches take `always` seconds, or `seconds` when a black image is among them.

    `faults` are the numeric back end's, by colour; `labels` says how it calls each colour.
    """
    names = labels or {colour: colour for colour in COLOURS}
    (directory / "probes").mkdir(parents=True)
    weights = io.BytesIO()
    numpy.savez(
        weights,
        centres=numpy.array(list(COLOURS.values())),
        seconds=[max(always, seconds) if colour == "black" else always for colour in COLOURS],
        faults=[(faults or {}).get(colour, 0) for colour in COLOURS],
    )
    (directory / "weights.npz").write_bytes(weights.getvalue())
    (directory / "labels.txt").write_text("\n".join(names[colour] for colour in COLOURS) + "\n")
    for colour in ("red", "blue"):
        (directory / "probes" / f"{colour}.png").write_bytes(picture(colour))
    lines = [
        f'name = "{name}"',
        'task = "image-classification"',
        'architecture = "numeric"',
        'license = "Apache-2.0"',
        *_file(directory, "weights", "weights.npz"),
        *_file(directory, "labels", "labels.txt"),
        "[preprocessing]",
        f"height = {size}",
        f"width = {size}",
        f"resize_shorter = {size}",
        'crop = "center"',
        'interpolation = "bilinear"',
        "mean = [0.0, 0.0, 0.0]",
        "std = [1.0, 1.0, 1.0]",
        "[tolerance]",
        "absolute = 1e-6",
    ]
    for colour in ("red", "blue"):
        lines += [
            "[[probes]]",
            *_file(directory, "", f"probes/{colour}.png")[1:],
            f'accept = ["{names[colour]}"]',
        ]
    (directory / "model.toml").write_text("\n".join(lines) + "\n")
    return directory


def _file(directory: Path, table: str, name: str) -> Tuple[str, str, str]:
    found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    return f"[{table}]", f'file = "{name}"', f'sha256 = "{found}"'
