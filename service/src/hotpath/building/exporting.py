"""The form for GPUs without TensorRT: exported programs, in half precision where that agrees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence

from hotpath.core import EngineSpec, ModelError
from hotpath.engine.checking import compare
from hotpath.metrics.layout import buckets_up_to
from hotpath.models.built import EXPORTED, BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Task

BACKEND = "cuda"

_PRECISIONS = ("float16", "bfloat16", "float32")
"""The one that is tried first is the most exact of those that a GPU is fastest in."""


def is_useful() -> bool:
    """Whether the torch here is one for GPUs, and can export."""
    try:
        import torch

        from hotpath.models import programs
    except (ImportError, OSError):
        return False
    return torch.version.cuda is not None and not programs.unavailable()


def export(model: BuiltModel, reference: Sequence[Dict[str, Any]], most: int) -> Dict[str, Any]:
    """Write the programs beside the model, load them again and compare; what came of it, for model.json.

    `reference` is what the eager model answers to the probes, as model.json has it; they are compared in
    batches of up to `most`. A model that can't be exported is no worse: there are no files, and `reason` says
    why.
    """
    from hotpath.models import programs

    reason = programs.unavailable()
    if reason:
        return {"reason": f"For that, {reason}."}
    task = known.task(model)
    refused: Dict[str, str] = {}
    for precision in _PRECISIONS:
        try:
            files = _write(model, task, precision, most)
            found = {"precision": precision, "files": files, "refused": refused}
            return {**found, "difference": _difference(model, found, task, reference, most)}
        except (programs.Unexportable, ModelError) as error:
            refused[precision] = str(error)
            for left in model.directory.glob(f"{EXPORTED}*"):
                left.unlink()
    return {"reason": f"It can't be exported: {refused['float32']}", "refused": refused}


def _write(model: BuiltModel, task: Task, precision: str, most: int) -> Dict[str, str]:
    """File by batch size. Raises Unexportable."""
    import torch

    from hotpath.models import programs

    varies = any(spec.varies for spec in task.inputs)
    units = task.lengths[-1]

    def example(size: int) -> List[Any]:
        found = [torch.from_numpy(array).expand(size, *array.shape).clone() for array in task.example(units)]
        return [*found, torch.full((size,), units, dtype=torch.int64)] if varies else found

    def name(size: int) -> Path:
        return model.directory / f"{EXPORTED}{'' if size == programs.ANY else f'-{size}'}.pt2"

    lengths = [(task.lengths[0], units) if spec.varies else (0, 0) for spec in task.inputs]
    lengths += [(0, 0)] if varies else []  # the units themselves
    network = known.networks(model).reduced(model, precision)
    written = programs.write(network, example, lengths, buckets_up_to(most), name)
    return {str(size): path.name for size, path in written.items()}


def _difference(
    model: BuiltModel,
    found: Dict[str, Any],
    task: Task,
    reference: Sequence[Dict[str, Any]],
    most: int,
) -> float:
    """The largest, of the programs as they were written. Raises ModelError where that is too much."""
    from hotpath.engine.exported import ExportedBackend

    artifacts = {**model.artifacts, BACKEND: next(iter(found["files"].values()))}
    written = replace(model, artifacts=artifacts, document={**model.document, EXPORTED: found})
    backend = ExportedBackend()
    spec = EngineSpec(0, model.identity.name, model.directory, "cpu", BACKEND, 0, most, ())
    wanted, inputs = task.recorded(reference), task.probes()
    try:
        backend.load(written, spec)
        return max(compare(backend, BACKEND, task, wanted, inputs, size) for size in buckets_up_to(most))
    except RuntimeError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"It can't be run on this processor: {reason}.", "") from error
