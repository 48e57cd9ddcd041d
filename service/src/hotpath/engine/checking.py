"""A back end's answers to the probes: as near to the eager model's as the description asks."""

from __future__ import annotations

from typing import List, Sequence

from hotpath.core import ModelError, Refusal
from hotpath.engine.backend import Backend
from hotpath.metrics.layout import EXACT_PRECISIONS
from hotpath.models.built import BuiltModel
from hotpath.tasks.task import Item, Task


def answers(backend: Backend, task: Task, inputs: Sequence[Item], size: int) -> List[bytes]:
    """The answers to the inputs, run in batches of exactly `size` (the last one filled up with repeats).

    Raises ModelError where outputs are not what the task says.
    """
    found: List[bytes] = []
    for start in range(0, len(inputs), size):
        batch = [inputs[(start + offset) % len(inputs)] for offset in range(size)]
        outputs = backend.finish(backend.launch(batch))
        try:
            found.extend(task.pack(outputs))
        except ValueError as error:
            raise ModelError(
                f"In batches of {size} the model's outputs are not what its task says: {error}.",
                "Correct the network, or its outputs in model.toml.",
            ) from error
    return found[: len(inputs)]


def compare(
    backend: Backend, name: str, task: Task, wanted: Sequence[bytes], inputs: Sequence[Item], size: int
) -> float:
    """How far a back end's answers, in batches of `size`, are from the wanted ones. Raises ModelError."""
    found = answers(backend, task, inputs, size)
    return task.compare(f"{name} ({backend.precision})", backend.precision in EXACT_PRECISIONS, wanted, found)


def verify(backend: Backend, name: str, model: BuiltModel, task: Task, sizes: Sequence[int]) -> float:
    """Before an engine serves: its answers to the probes are those that the build recorded. Raises Refusal.

    In batches of each of `sizes`, for some back ends have a form of their own for each. Returns the largest
    difference, in the task's measure.
    """
    wanted = task.recorded(model.document["reference"])
    inputs = task.probes()
    largest = 0.0
    for size in sizes:
        try:
            largest = max(largest, compare(backend, name, task, wanted, inputs, size))
        except ModelError as error:
            raise Refusal(
                f"{error.message} That was in batches of {size}. This is not the machine that built it, or "
                "not its versions.",
                "Build the model again on this machine, with --again.",
            ) from error
    return largest
