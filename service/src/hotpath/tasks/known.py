"""The tasks of the house, by the names that model.toml gives them; the one place that lists them.

A task is a package of modules, each imported when it is first needed, for not every process has them all:
`outline` (nothing but Python), `task` (numpy), `network` (torch), `recipe` (pydantic), `scaffold` (what it
needs to write a source) and, where there are networks without torch, `numeric`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hotpath.core import ModelError
from hotpath.models.built import BuiltModel, understood

if TYPE_CHECKING:
    from hotpath.tasks.networks import Networks
    from hotpath.tasks.numeric import NumericNetwork
    from hotpath.tasks.outline import Outline
    from hotpath.tasks.recipe import Recipe
    from hotpath.tasks.scaffold import Scaffold
    from hotpath.tasks.task import Task

_PACKAGES = {
    "image-classification": "hotpath.tasks.classification",
    "object-detection": "hotpath.tasks.detection",
    "tensors": "hotpath.tasks.tensors",
    "text-embedding": "hotpath.tasks.text.embedding",
    "text-classification": "hotpath.tasks.text.classification",
}

NAMES = tuple(_PACKAGES)


def outline(model: BuiltModel) -> Outline:
    """What the supervisor and the warm-up need to know of a model. Raises ModelError."""
    with understood(model.directory):
        made: Outline = _part(model, "outline").outline(model)
        return made


def task(model: BuiltModel) -> Task:
    """What the model does, for workers and engines. Raises ModelError."""
    with understood(model.directory):
        made: Task = _part(model, "task").task(model)
        return made


def networks(model: BuiltModel) -> Networks:
    """The forms of the model's network, for back ends that have torch. Raises ModelError."""
    module: Networks = _part(model, "network")
    return module


def numeric(model: BuiltModel) -> NumericNetwork:
    """The model's network without torch. Raises ModelError."""
    with understood(model.directory):
        made: NumericNetwork = _part(model, "numeric").network(model)
        return made


def recipe(name: str) -> Recipe[Any]:
    """How models of a task are built. Raises KeyError."""
    found: Recipe[Any] = import_module(f"{_PACKAGES[name]}.recipe").RECIPE
    return found


def scaffold(name: str) -> Scaffold:
    """What a new source of a task is made from. Raises KeyError."""
    found: Scaffold = import_module(f"{_PACKAGES[name]}.scaffold").SCAFFOLD
    return found


def _part(model: BuiltModel, part: str) -> Any:
    if model.task not in _PACKAGES:
        raise ModelError(
            f"The model in {model.directory} has the task {model.task!r}, and this release knows: "
            f"{', '.join(NAMES)}.",
            "Serve it with a release that knows the task, or correct `task` in model.toml and build again.",
        )
    return import_module(f"{_PACKAGES[model.task]}.{part}")
