"""What `hotpath build` asks of a task."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple, Type, TypeVar

from typing_extensions import Protocol

from hotpath.core import ModelError, ModelIdentity
from hotpath.models.built import BuiltModel
from hotpath.models.source import Source
from hotpath.tasks.trials import Telling

S = TypeVar("S", bound=Source)


class Recipe(Protocol[S]):
    """How models of one task are built."""

    source: Type[S]
    """What model.toml says of them."""
    telling: Optional[Telling]
    """How their trials of precisions are told; None where there are none."""

    def describe(self, source: S) -> Dict[str, Any]:
        """What model.json says of such a model, beyond what it says of every model."""

    def check(self, source: S, directory: Path) -> None:
        """Look at the source's files before anything that takes long. Raises ModelError."""

    def make(self, source: S, directory: Path) -> Tuple[Dict[str, str], Dict[str, Any]]:
        """Write the model's forms beside its files.

        Returns the file of each back end, by name, and the report on precisions. Raises ModelError.
        """


def unfinished(recipe: Recipe[S], source: S, directory: Path) -> BuiltModel:
    """A model as far as it is known before its forms are made: its weights alone, for `eager`."""
    document = {**recipe.describe(source), "tolerance": source.tolerance.model_dump()}
    identity = ModelIdentity(source.name, source.version)
    artifacts = {"eager": source.weights.file}
    return BuiltModel(directory, identity, source.task, source.architecture, artifacts, document)


@contextlib.contextmanager
def importing_torch(source: Source) -> Iterator[None]:
    """Around imports of what needs torch. Raises ModelError where it can't be had."""
    try:
        yield
    except (ImportError, OSError) as error:  # OSError where a library that torch needs is missing
        raise ModelError(
            f"Building {source.name} needs torch, which can't be imported: {error}.",
            "Install the service from a lock that holds torch.",
        ) from error
