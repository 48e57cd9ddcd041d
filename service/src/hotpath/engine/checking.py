"""A back end's answers to the probes: right, and as near to the eager model's as the description asks."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

import numpy

from hotpath.codec import ImageError, ImageLimits, ImageSpec, decode_into
from hotpath.core import Ranking, Refusal
from hotpath.engine.backend import Backend, Pixels
from hotpath.metrics.layout import EXACT_PRECISIONS
from hotpath.models.built import BuiltModel, ModelError


def probe_pixels(model: BuiltModel) -> List[Pixels]:
    """The probes as the model sees them. Raises ModelError."""
    spec = ImageSpec.from_dict(model.preprocessing)
    return [decode_probe(model.read_probe(probe), spec, probe.file) for probe in model.probes]


def decode_probe(body: bytes, spec: ImageSpec, name: str) -> Pixels:
    """A probe as a model with these preprocessing steps sees it. Raises ModelError."""
    pixels = numpy.zeros(spec.shape, dtype=numpy.uint8)
    try:
        decode_into(body, spec, ImageLimits(), pixels)
    except ImageError as error:
        raise ModelError(f"The probe {name} can't be decoded: {error.message}.", error.remedy) from error
    return pixels


def answers(backend: Backend, images: Sequence[Pixels], size: int) -> List[Ranking]:
    """The rankings of the images, run in batches of exactly `size` (the last one filled up with repeats)."""
    found: List[Ranking] = []
    for start in range(0, len(images), size):
        batch = [images[(start + offset) % len(images)] for offset in range(size)]
        found.extend(backend.finish(backend.launch(batch)))
    return found[: len(images)]


def judge_labels(model: BuiltModel, found: Sequence[Ranking]) -> None:
    """Every probe has one of its labels. Raises ModelError."""
    for probe, ranking in zip(model.probes, found):
        label = model.labels[ranking.classes[0]]
        if label not in probe.accept:
            raise ModelError(
                f"The model {model.identity.name} takes {probe.file} for {label!r} "
                f"({ranking.scores[0]:.3f}); right would be: {', '.join(probe.accept)}.",
                "Weights, labels and preprocessing of model.toml do not belong together; correct them.",
            )


def compare(
    model: BuiltModel, name: str, precision: str, wanted: Sequence[Ranking], found: Sequence[Ranking]
) -> float:
    """The largest difference between the scores of one class. Raises ModelError where it is too large."""
    exact = precision in EXACT_PRECISIONS
    limit = model.document["tolerance"]["absolute" if exact else "largest"]
    difference = max(_difference(left, right) for left, right in zip(wanted, found))
    same = all(left.classes[0] == right.classes[0] for left, right in zip(wanted, found))
    if not same or not difference <= limit:  # which NaN is not either
        raise ModelError(
            f"The form {name} ({precision}) of {model.identity.name} differs from the eager model by "
            f"{difference:.2g} on its probes ({'same' if same else 'other'} class); at most {limit:g}.",
            "Build with the versions of a tested set; raise the limit in [tolerance] only knowingly.",
        )
    return difference


def reference_document(found: Sequence[Ranking]) -> List[Dict[str, Any]]:
    """The eager answers, kept with the model for `verify`."""
    return [{"classes": list(ranking.classes), "scores": list(ranking.scores)} for ranking in found]


def verify(backend: Backend, name: str, model: BuiltModel, sizes: Sequence[int]) -> float:
    """Before an engine serves: its answers to the probes are those that the build recorded. Raises Refusal.

    In batches of each of `sizes`, for some back ends have a form of their own for each. Returns the largest
    difference of a score.
    """
    wanted = [_ranking(item) for item in model.document["reference"]]
    images = probe_pixels(model)
    largest = 0.0
    for size in sizes:
        try:
            found = compare(model, name, backend.precision, wanted, answers(backend, images, size))
        except ModelError as error:
            raise Refusal(
                f"{error.message} That was in batches of {size}. This is not the machine that built it, or "
                "not its versions.",
                "Build the model again on this machine, with --again.",
            ) from error
        largest = max(largest, found)
    return largest


def _ranking(item: Mapping[str, Any]) -> Ranking:
    return Ranking(tuple(item["classes"]), tuple(item["scores"]))


def _difference(wanted: Ranking, found: Ranking) -> float:
    """Of the best classes that both name; the last ranks may trade places with classes outside."""
    scores = dict(zip(found.classes, found.scores))
    lowest = min(found.scores)
    return max(
        abs(score - scores.get(number, min(score, lowest)))
        for number, score in zip(wanted.classes, wanted.scores)
    )
