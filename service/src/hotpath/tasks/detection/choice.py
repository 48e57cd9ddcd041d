"""What a request wants of the candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Sequence, Tuple

from hotpath.core import InputError


@dataclass(frozen=True)
class Choice:
    """Which candidates are objects."""

    threshold: float
    iou: float
    classes: Optional[Tuple[int, ...]] = None
    """Their numbers; None for all."""


def read(options: Mapping[str, str], usual: Choice, labels: Sequence[str]) -> Choice:
    """`threshold` and `iou` from 0 to 1, and `classes`, labels with commas between. Raises InputError."""
    return Choice(
        _share("threshold", options, usual.threshold),
        _share("iou", options, usual.iou),
        _classes(options["classes"], labels) if "classes" in options else usual.classes,
    )


def _share(name: str, options: Mapping[str, str], usual: float) -> float:
    if name not in options:
        return usual
    try:
        value = float(options[name])
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # which NaN is not either
        raise InputError(
            400,
            "invalid_option",
            f"{name} is {options[name][:40]!r}",
            f"send a number from 0 to 1, as in ?{name}={usual:g}",
        )
    return value


def _classes(text: str, labels: Sequence[str]) -> Tuple[int, ...]:
    numbers = {label: number for number, label in enumerate(labels)}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in numbers:
            raise InputError(
                400,
                "invalid_option",
                f"classes names {name[:40]!r}, which the model does not know",
                f"send labels of the model with commas between, as in ?classes={labels[0]}",
            )
    return tuple(numbers[name] for name in names)
