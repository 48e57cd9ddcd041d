"""For the tests of a model's source: build it, and ask the model as clients ask the service, without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Sequence, Union

import numpy

from hotpath.building.build import build
from hotpath.core import EngineSpec, InputError
from hotpath.engine.backend import Backend
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Fill, Item, Limits, Task

_BATCH = 8
_LIMITS = Limits(50_000_000, 2048)
"""The service's own, where nobody sets others."""
_BACKENDS = ("torchscript", "eager", "numeric")


def trial(source: Path, models: Path, backend: str = "") -> Trial:
    """Build the source below the directory `models`, and load the model on the CPU.

    `backend`: what it runs in; by default the first that it was built for. Raises ModelError or Refusal.
    """
    model, _ = build(source, models)
    name = backend or next(one for one in _BACKENDS if one in model.artifacts)
    loaded = create(name)
    loaded.load(model, EngineSpec(0, model.identity.name, model.directory, "cpu", name, 1, _BATCH, ()))
    return Trial(model, known.task(model), loaded)


class Trial:
    """A model that answers in this process."""

    def __init__(self, model: BuiltModel, task: Task, backend: Backend) -> None:
        self.model = model
        self._task = task
        self._backend = backend

    def ask(
        self,
        body: Union[bytes, str, Dict[str, Any], List[Any]],
        kind: str = "application/json",
        **options: str,
    ) -> Dict[str, Any]:
        """What POST /predict answers, without the keys that every answer has.

        `body`: bytes or text as a client sends them, or what JSON is to be made of. `kind`: its Content-Type;
        of a form, send the file in it, as its own type. `options`: parameters of the address. Raises
        InputError where the service would refuse the request.
        """
        content = self._task.content
        if not content.takes(kind):
            raise InputError(415, "unsupported_content_type", f"The model takes no {kind!r}.", content.remedy)
        raw = json.dumps(body) if isinstance(body, (dict, list)) else body
        ask = self._task.asked(raw.encode() if isinstance(raw, str) else raw, kind, options, _LIMITS)
        answers: List[bytes] = []
        for start in range(0, len(ask.fills), _BATCH):
            answers += self._answers(ask.fills[start : start + _BATCH])
        told: Dict[str, Any] = json.loads(json.dumps(ask.describe(answers), allow_nan=False))
        return told

    def _answers(self, fills: Sequence[Fill]) -> List[bytes]:
        items = [self._item(fill) for fill in fills]
        return self._task.pack(self._backend.finish(self._backend.launch(items)))

    def _item(self, fill: Fill) -> Item:
        """As it would lie in a slot."""
        slot = tuple(numpy.zeros(spec.shape, spec.dtype) for spec in self._task.inputs)
        units = fill.write(slot)
        return tuple(array[:units] if spec.varies else array for array, spec in zip(slot, self._task.inputs))
