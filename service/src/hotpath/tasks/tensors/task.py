"""Models of tensors as a Task: the house's, or the one that the model's own code brings."""

from __future__ import annotations

from hotpath.core import ModelError
from hotpath.models.built import BuiltModel
from hotpath.tasks.tensors.code import load
from hotpath.tasks.tensors.own import OwnTask
from hotpath.tasks.tensors.specs import specs


def task(model: BuiltModel) -> OwnTask:
    """Of a built model. Runs its code, if it has any. Raises ModelError or KeyError."""
    document = model.document
    kind: object = OwnTask
    if document["code"]:
        file = model.directory / document["code"]
        kind = getattr(load(file), "Task", OwnTask)
        if not (isinstance(kind, type) and issubclass(kind, OwnTask)):
            raise ModelError(
                f"Task in {file} is no subclass of OwnTask.",
                "Write it as: from hotpath.tasks.own import OwnTask; class Task(OwnTask): ...",
            )
    assert isinstance(kind, type) and issubclass(kind, OwnTask)
    return kind(
        model.identity.name, document, model.directory, specs(document["inputs"]), specs(document["outputs"])
    )
