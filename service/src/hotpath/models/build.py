"""`hotpath build`: from a model source to a built model that has been checked against the eager one."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Sequence, Tuple

import numpy
from numpy.typing import NDArray

from hotpath import __version__
from hotpath.codec import ImageError, ImageLimits, ImageSpec, decode_into
from hotpath.core import EngineSpec, Ranking
from hotpath.engine.backend import Backend, create
from hotpath.metrics.layout import buckets_up_to
from hotpath.models.built import FORMAT, METADATA, BuiltModel, ModelError, digest, load
from hotpath.models.source import Source, read

_CHECKED_BATCH = 8
"""Batches up to this size are compared; the sizes are those that an engine warms."""


def build(source_directory: Path, models_directory: Path) -> Tuple[BuiltModel, bool]:
    """Build the source under models_directory/<name>/<version>; (the model, whether it was there already).

    The directory appears whole or not at all. Raises ModelError or Refusal.
    """
    source = read(source_directory)
    final = models_directory / source.name / source.version
    if final.exists():
        try:
            return load(final), True
        except ModelError:
            shutil.rmtree(final)  # damaged: build it again
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{source.version}-", dir=final.parent) as temporary:
        half = Path(temporary) / source.version
        half.mkdir()
        _write(source, source_directory, half)
        half.rename(final)
    return load(final), False


def _write(source: Source, origin: Path, target: Path) -> None:
    for name in source.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin / name, target / name)
    artifacts = _make_artifacts(source, target)
    document = _describe(source, target, artifacts)
    _save(document, target)
    document["check"] = _check(source, load(target))
    _save(document, target)


def _make_artifacts(source: Source, target: Path) -> Dict[str, str]:
    if source.architecture == "numeric":
        return {"numeric": source.weights.file}
    try:
        from hotpath.models.tracing import trace
    except ImportError as error:
        raise ModelError(
            f"Building {source.name} needs torch, which can't be imported: {error}.",
            "Install the service from a lock that holds torch.",
        ) from error
    trace(source, target / source.weights.file, _labels(source, target), target / "model.pt")
    return {"torchscript": "model.pt", "eager": source.weights.file}


def _labels(source: Source, target: Path) -> int:
    return len((target / source.labels.file).read_text(encoding="utf-8").splitlines())


def _describe(source: Source, target: Path, artifacts: Dict[str, str]) -> Dict[str, Any]:
    names = sorted({*source.files, *artifacts.values()})
    versions = {"hotpath": __version__, "python": platform.python_version(), "numpy": numpy.__version__}
    if "torchscript" in artifacts:
        import torch

        versions["torch"] = str(torch.__version__)
    return {
        "format": FORMAT,
        "name": source.name,
        "version": source.version,
        "task": source.task,
        "architecture": source.architecture,
        "license": source.license,
        "labels": source.labels.file,
        "top_k": source.top_k,
        "preprocessing": source.preprocessing.model_dump(),
        "artifacts": artifacts,
        "files": {name: digest(target / name) for name in names},
        "probes": [{"file": probe.file, "accept": probe.accept} for probe in source.probes],
        "built_with": versions,
    }


def _save(document: Dict[str, Any], target: Path) -> None:
    path = target / METADATA
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.chmod(target, 0o755)


def _check(source: Source, model: BuiltModel) -> Dict[str, Any]:
    """Every back end on the probes at several batch sizes, against the first answer. Raises ModelError."""
    images = [_pixels(model, probe.file) for probe in source.probes]
    reference_name = "eager" if "eager" in model.artifacts else next(iter(model.artifacts))
    reference = _run(_load(reference_name, model), images, 1)
    for probe, ranking in zip(source.probes, reference):
        label = model.labels[ranking.classes[0]]
        if label not in probe.accept:
            raise ModelError(
                f"The model {source.name} takes {probe.file} for {label!r} ({ranking.scores[0]:.3f}); "
                f"right would be: {', '.join(probe.accept)}.",
                "Weights, labels and preprocessing of model.toml do not belong together; correct them.",
            )
    worst = 0.0
    for name in model.artifacts:
        backend = _load(name, model)
        for size in buckets_up_to(_CHECKED_BATCH):
            worst = max(worst, _compare(source, name, size, reference, _run(backend, images, size)))
    return {"batch_sizes": list(buckets_up_to(_CHECKED_BATCH)), "largest_difference": worst}


def _compare(
    source: Source, name: str, size: int, wanted: Sequence[Ranking], found: Sequence[Ranking]
) -> float:
    difference = max(
        abs(a - b) for left, right in zip(wanted, found) for a, b in zip(left.scores, right.scores)
    )
    same = all(left.classes[0] == right.classes[0] for left, right in zip(wanted, found))
    if not same or difference > source.tolerance.absolute:
        raise ModelError(
            f"The form {name} of {source.name} differs from the eager model by {difference:.2g} at batch "
            f"size {size} ({'same' if same else 'other'} class); at most {source.tolerance.absolute:g}.",
            "Build with the versions of a tested set; raise tolerance.absolute only knowingly.",
        )
    return difference


def _load(name: str, model: BuiltModel) -> Backend:
    backend = create(name)
    spec = EngineSpec(0, model.identity.name, model.directory, "cpu", name, 0, _CHECKED_BATCH, ())
    backend.load(model, spec)
    return backend


def _run(backend: Backend, images: Sequence[NDArray[numpy.uint8]], size: int) -> Sequence[Ranking]:
    """The rankings of the images, run in batches of exactly `size` (the last one filled up with repeats)."""
    rankings = []
    for start in range(0, len(images), size):
        batch = [images[(start + offset) % len(images)] for offset in range(size)]
        rankings.extend(backend.finish(backend.launch(batch)))
    return rankings[: len(images)]


def _pixels(model: BuiltModel, name: str) -> NDArray[numpy.uint8]:
    pixels = numpy.zeros(model.shape, dtype=numpy.uint8)
    try:
        decode_into(
            (model.directory / name).read_bytes(),
            ImageSpec.from_dict(model.preprocessing),
            ImageLimits(),
            pixels,
        )
    except ImageError as error:
        raise ModelError(f"The probe {name} can't be decoded: {error.message}.", error.remedy) from error
    return pixels
