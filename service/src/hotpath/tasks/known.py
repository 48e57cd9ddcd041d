"""The tasks of the house. Brings neither numpy nor a codec before a task is made: the supervisor has none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping

if TYPE_CHECKING:
    from hotpath.tasks.task import Task

NAMES = ("image-classification",)


def create(directory: Path, document: Mapping[str, Any]) -> Task:
    """The task of the built model that `document` describes. Raises ModelError, OSError or KeyError."""
    from hotpath.tasks.classification.task import ImageClassification

    known: Dict[str, Any] = {ImageClassification.name: ImageClassification.of}
    made: Task = known[document["task"]](directory, document)
    return made
