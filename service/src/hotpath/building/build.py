"""`hotpath build`: from a model source to a built model that has been checked against the eager one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import platform
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy

from hotpath import __version__
from hotpath.building import exporting
from hotpath.building.reading import read
from hotpath.building.report import REPORT, REPORT_TEXT, as_text
from hotpath.core import EngineSpec, ModelError
from hotpath.engine.backend import Backend
from hotpath.engine.checking import answers, compare
from hotpath.engine.factory import create
from hotpath.metrics.layout import buckets_up_to
from hotpath.models.built import EXPORTED, FORMAT, METADATA, BuiltModel, digest, load
from hotpath.models.source import Source
from hotpath.tasks import known

_CHECKED_BATCH = 8
"""Batches up to this size are compared; the sizes are those that an engine warms."""

_HALF = re.compile(r"\.[0-9a-f]{12}-")
"""How the name of a directory begins in which a version is being built."""

_TORCH_CANNOT_WRITE = "PytorchStreamWriter"


log = logging.getLogger(__name__)


def build(
    source_directory: Path,
    models_directory: Path,
    precision: str = "",
    again: bool = False,
    exported: bool = False,
) -> Tuple[BuiltModel, bool]:
    """Build the source under models_directory/<name>/<version>; (the model, whether it was there already).

    `precision` stands in for the source's own when given. What is there already is kept, unless it is damaged
    or can't run on this processor, or `again` asks for another. Exported programs are made where torch is one
    for GPUs, or where `exported` asks for them. The directory appears whole or not at all,
    and two builds of one model wait for each other. Raises ModelError or Refusal.
    """
    source = read(source_directory)
    if precision:
        source = source.model_copy(update={"precision": precision})
    final = models_directory / source.name / source.version
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(final.parent):
            if not again and _is_sound(final, exported):
                return load(final), True
            _build_into(final, source, source_directory, exported)
            return load(final), False
    except OSError as error:
        raise ModelError(
            f"The model can't be written: {error.filename or models_directory}: {error.strerror or error}.",
            f"Give {models_directory} room, and let this user write there.",
        ) from error


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Hold the directory while a model is built in it; what a killed build left there goes."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("another build works in %s; this one waits for it", directory)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left in directory.iterdir():
            if _HALF.match(left.name):
                shutil.rmtree(left)
        yield
    finally:
        os.close(descriptor)


def _is_sound(directory: Path, exported: bool) -> bool:
    """Whether it holds a model that can run here, in the forms that it is to have."""
    if not directory.exists():
        return False
    try:
        model = load(directory)
    except ModelError:
        return False
    if not model.exported and _wants_programs(model.artifacts, exported):
        return False
    if "onednn" not in model.artifacts:
        return True
    from hotpath.models.lowering.fused import unusable

    return not unusable(model.precision("onednn"))


def _wants_programs(artifacts: Mapping[str, str], asked: bool) -> bool:
    """Whether a model with these forms is to be exported too; asks torch only where it is needed anyway."""
    return "eager" in artifacts and (asked or exporting.is_useful())


def _build_into(final: Path, source: Source, origin: Path, exported: bool) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{source.version}-", dir=final.parent) as temporary:
        half = Path(temporary) / source.version
        half.mkdir()
        try:
            _write(source, origin, half, exported)
        except ModelError as error:  # about a copy that nobody has ever seen
            raise ModelError(error.message.replace(str(half), str(origin)), error.remedy) from error
        except RuntimeError as error:
            if _TORCH_CANNOT_WRITE not in str(error):
                raise
            raise OSError(None, "torch could not write all of it; the disk may be full") from error
        if final.exists():
            final.rename(Path(temporary) / "old")
        half.rename(final)


def _write(source: Source, origin: Path, target: Path, exported: bool) -> None:
    for name in source.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin / name, target / name)
    recipe = known.recipe(source.task)
    recipe.check(source, target)
    artifacts, precision = recipe.make(source, target)
    document = _describe(source, artifacts, precision)
    _save(document, source, target)
    model = load(target)
    document["reference"], document["check"] = _check(model)
    programs = _export(model, document) if _wants_programs(artifacts, exported) else []
    (target / REPORT).write_text(json.dumps(_report(document), indent=2) + "\n", encoding="utf-8")
    (target / REPORT_TEXT).write_text(as_text(_report(document)), encoding="utf-8")
    _save(document, source, target, REPORT, REPORT_TEXT, *programs)


def _describe(source: Source, artifacts: Dict[str, str], precision: Dict[str, Any]) -> Dict[str, Any]:
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
        "tolerance": source.tolerance.model_dump(),
        "precision": precision,
        "artifacts": artifacts,
        "built_with": versions,
        **known.recipe(source.task).describe(source),
    }


def _save(document: Dict[str, Any], source: Source, target: Path, *more: str) -> None:
    """Write model.json with the digest of every file, `more` of them beyond source and artifacts."""
    names = sorted({*source.files, *document["artifacts"].values(), *more})
    document["files"] = {name: digest(target / name) for name in names}
    path = target / METADATA
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.chmod(target, 0o755)


def _report(document: Dict[str, Any]) -> Dict[str, Any]:
    kept = (
        "name",
        "version",
        "task",
        "architecture",
        "tolerance",
        "precision",
        "check",
        "built_with",
        EXPORTED,
    )
    return {key: document[key] for key in kept if key in document}


def _check(model: BuiltModel) -> Tuple[List[Dict[str, Any]], Dict[str, Any]]:
    """Every back end on the probes at several batch sizes, against the first answer. Raises ModelError."""
    task = known.task(model)
    inputs = task.probes()
    reference_name = "eager" if "eager" in model.artifacts else next(iter(model.artifacts))
    reference = answers(_load(reference_name, model), task, inputs, 1)
    task.judge(reference)
    sizes = buckets_up_to(_CHECKED_BATCH)
    largest: Dict[str, float] = {}
    for name in model.artifacts:
        backend = _load(name, model)
        largest[name] = max(compare(backend, name, task, reference, inputs, size) for size in sizes)
    return task.record(reference), {"batch_sizes": list(sizes), "largest_difference": largest}


def _export(model: BuiltModel, document: Dict[str, Any]) -> List[str]:
    """Add exported programs to what was built and checked; their files."""
    found = document[EXPORTED] = exporting.export(model, document["reference"], _CHECKED_BATCH)
    if "files" not in found:
        return []
    files: List[str] = list(found["files"].values())
    document["artifacts"][exporting.BACKEND] = files[0]
    document["check"]["largest_difference"][exporting.BACKEND] = found["difference"]
    return files


def _load(name: str, model: BuiltModel) -> Backend:
    backend = create(name)
    spec = EngineSpec(0, model.identity.name, model.directory, "cpu", name, 0, _CHECKED_BATCH, ())
    backend.load(model, spec)
    return backend
