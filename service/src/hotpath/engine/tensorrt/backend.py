"""The engines of a model, as they lie beside it.

Written from the documentation of Torch-TensorRT; it has not run on a GPU yet.
"""

from __future__ import annotations

from hotpath.core import EngineSpec
from hotpath.engine.overlapping import OverlappingBackend
from hotpath.engine.streams import streams_of
from hotpath.engine.tensorrt import store
from hotpath.engine.tensorrt.compiling import PRECISION, form, key_of
from hotpath.engine.tensorrt.frontends import torch_tensorrt
from hotpath.engine.torch_backend import open_gpu
from hotpath.models.built import BuiltModel
from hotpath.tasks import known


class TensorRTBackend(OverlappingBackend):
    """Runs the stored engines of this GPU; never makes one, because that takes minutes."""

    precision = PRECISION

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Load the engines of every batch size, record their graphs, allocate the lanes. Raises Refusal."""
        torch_tensorrt()
        device = open_gpu(spec)
        engines = store.find(model.directory, key_of(model, device, spec.max_batch))
        streams = streams_of(device)
        with streams.current():
            forms = {size: form(model, engines.path(size), device) for size in engines.files}
        self._prepare(
            streams,
            known.task(model),
            sorted(engines.files),
            lambda shape: forms[shape.size],
            engines.cuda_graphs,
        )
