"""The models with their real weights, and what those of texts say without a service around them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy
import pytest

from hotpath.building.build import build
from hotpath.core import EngineSpec
from hotpath.engine.factory import create
from hotpath.models.built import BuiltModel
from hotpath.tasks import known
from hotpath.tasks.task import Limits
from support.server import Server, serving, write_config

PROJECT = Path(__file__).parents[3]
LIMITS = Limits(pixels=1, items=8)
_ENGINES: Dict[Tuple[Path, str], Any] = {}


def built(name: str) -> BuiltModel:
    """Assembled and built once into .cache; later runs find it there."""
    script, source = PROJECT / "scripts" / "model_source.py", PROJECT / "service" / "models" / name
    import torch

    cache = PROJECT / ".cache" / f"test-{name}"
    subprocess.run([sys.executable, str(script), str(source), "--output", str(cache / "source")], check=True)
    return build(cache / "source", cache / f"built-torch-{torch.__version__}")[0]


FORMS = [
    "onednn",
    pytest.param("torchscript", marks=pytest.mark.every_form),
    pytest.param("eager", marks=pytest.mark.every_form),
]
"""The build has compared them all; that the service runs each is for `make test-forms`."""


@contextlib.contextmanager
def served(
    directory: Path, model: BuiltModel, backend: str, more: Sequence[Dict[str, Any]] = ()
) -> Iterator[Server]:
    """A service of the model, on a machine that may be busy with other tests."""
    if backend not in model.artifacts:
        pytest.skip(model.document["precision"]["reason"])
    limits = {"request_timeout_s": 100.0}
    path = directory / "hotpath.toml"
    config = write_config(path, model.directory, backend, model.identity.name, more, limits=limits)
    with serving(config, {"OMP_WAIT_POLICY": "PASSIVE"}) as running:
        yield running


def answers(model: BuiltModel, backend: str, *texts: str) -> List[bytes]:
    """Answers to texts that come in as clients send them, all in one batch."""
    task: Any = known.task(model)
    engine = _engine(model, backend)
    items = []
    for text in texts:
        slot = numpy.full(task.lengths[-1], 7, numpy.int32)
        units = task.encoded(text.encode(), LIMITS).write((slot,))
        items.append((slot[:units],))
    found: List[bytes] = task.pack(engine.finish(engine.launch(items)))
    return found


def _engine(model: BuiltModel, backend: str) -> Any:
    """One for all tests: to read the weights takes longer than to use them."""
    key = model.directory, backend
    if key not in _ENGINES:
        engine = create(backend)
        engine.load(model, EngineSpec(0, model.identity.name, model.directory, "cpu", backend, 1, 32, ()))
        _ENGINES[key] = engine
    return _ENGINES[key]


def vectors(model: BuiltModel, backend: str, *texts: str) -> Any:
    """Embeddings of such texts, float32 (texts, width)."""
    return numpy.stack([numpy.frombuffer(one, "<f4") for one in answers(model, backend, *texts)])
