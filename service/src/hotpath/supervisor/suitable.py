"""Whether a version can come in as wished, as far as that is known before it is loaded."""

from __future__ import annotations

from typing import List

from hotpath.core import ModelError
from hotpath.models.built import BuiltModel
from hotpath.supervisor.generations import Generation
from hotpath.supervisor.wishes import Wishes

_SIZES = ("height", "width", "resize_shorter")
_CHOICES = {"interpolation": ("bicubic", "bilinear"), "crop": ("center",)}
_OF_THE_MODEL = ("mean", "std")
"""Inside the network, so they don't matter for how an image becomes a slot."""


def check_preprocessing(model: BuiltModel) -> None:
    """Raises ModelError unless codec.ImageSpec takes the model's preprocessing.

    Which can't be asked here, for it brings numpy. A worker that is told of a model with another
    preprocessing can't follow, and none could be started any more.
    """
    known = model.preprocessing if isinstance(model.preprocessing, dict) else {}
    problems = [f"{key} is {known.get(key)!r}" for key in _SIZES if type(known.get(key)) is not int]
    problems += [
        f"{key} is {known[key]!r}"
        for key, choices in _CHOICES.items()
        if key in known and known[key] not in choices
    ]
    problems += [f"{key!r} is unknown" for key in sorted(known.keys() - {*_SIZES, *_CHOICES, *_OF_THE_MODEL})]
    if not problems and not _fits(*(known[key] for key in _SIZES)):
        problems = [f"{key} is {known[key]}" for key in _SIZES]
    if problems:
        raise ModelError(
            f"The model directory {model.directory} can't be understood: of its preprocessing, "
            f"{', '.join(problems)}.",
            "Copy or build this model version again.",
        )


def unsuitable(model: BuiltModel, live: Generation, wishes: Wishes, slot_bytes: int) -> List[str]:
    """Why a version can't come in as wished; each a sentence with its way out."""
    reasons = []
    if model.input_bytes > slot_bytes:
        reasons.append(
            f"Its input of {'x'.join(map(str, model.shape))} needs slots of {model.input_bytes} bytes; those "
            f"of this service have {slot_bytes}. Raise placement.slot_bytes, or restart on the new version."
        )
    if wishes.shadow and _pixels(model) != _pixels(live.model):
        reasons.append(
            "Its images are prepared otherwise than the live version's, so the two can't be given the same "
            "pixels to compare. Swap without --shadow; a canary compares by metrics."
        )
    return reasons


def _fits(height: int, width: int, resize_shorter: int) -> bool:
    return min(height, width) >= 1 and max(height, width) <= resize_shorter


def _pixels(model: BuiltModel) -> object:
    """How an image becomes a slot."""
    return {key: value for key, value in model.preprocessing.items() if key not in _OF_THE_MODEL}
