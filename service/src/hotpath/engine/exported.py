"""The back end cuda: the exported program of a model, one CUDA graph for each shape of batch.

Written from the documentation of torch.export and torch.cuda; on a GPU it has not run yet.
"""

from __future__ import annotations

import logging

import torch

from hotpath.core import EngineSpec, Refusal
from hotpath.engine.overlapping import OverlappingBackend
from hotpath.engine.streams import streams_of
from hotpath.engine.torch_backend import open_device, open_gpu
from hotpath.metrics.layout import buckets_up_to
from hotpath.models import programs
from hotpath.models.built import BuiltModel
from hotpath.tasks import known

log = logging.getLogger(__name__)

NAME = "cuda"


class ExportedBackend(OverlappingBackend):
    """Runs a program on any device; on a processor for builds and tests, and without graphs."""

    records = True
    """Whether to try CUDA graphs."""

    def load(self, model: BuiltModel, spec: EngineSpec) -> None:
        """Load the program and run every shape of batch. Raises Refusal or ModelError."""
        reason = programs.unavailable()
        if reason:
            raise Refusal(
                f"The back end {NAME} runs exported programs: {reason}.",
                "Install the service from a lock with a newer torch, or choose torchscript or tensorrt.",
            )
        device = self._open(spec)
        self.precision = model.precision(NAME)
        task, sizes, files = known.task(model), buckets_up_to(spec.max_batch), model.programs()
        lacking = [size for size in sizes if size not in files]
        if lacking and programs.ANY not in files:
            there, missing = (", ".join(map(str, some)) for some in (files, lacking))
            raise Refusal(
                f"{spec.model} was exported for batches of {there} one by one, and not of {missing}.",
                f"Set batching.max_batch to {max(files)} at most.",
            )
        streams = streams_of(device)
        with streams.current():
            network = programs.load(files, device)

        def run(capture: bool) -> None:
            self._prepare(streams, task, sizes, lambda shape: network(shape.size), capture)

        try:
            run(capture=self.records and streams.has_graphs)
        except RuntimeError as error:
            if not (self.records and streams.has_graphs):
                raise
            reason = (str(error).splitlines() or [""])[0]
            log.warning("%s runs without CUDA graphs, as it can't be recorded: %s", spec.model, reason)
            run(capture=False)

    def _open(self, spec: EngineSpec) -> torch.device:
        """Raises Refusal where it is not there."""
        return open_device(spec)


class CudaBackend(ExportedBackend):
    """Runs it on a GPU and nowhere else."""

    def _open(self, spec: EngineSpec) -> torch.device:
        return open_gpu(spec)
