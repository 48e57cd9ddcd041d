"""What an engine process does from its fork to its first request."""

from __future__ import annotations

import logging
from typing import Callable, Sequence

from hotpath.core import EngineSpec
from hotpath.engine.backend import create
from hotpath.engine.loop import EngineLoop
from hotpath.engine.warmup import warm
from hotpath.ipc.arena import Arena
from hotpath.ipc.channel import Channel
from hotpath.ipc.messages import Hello
from hotpath.metrics.table import Row
from hotpath.models.built import load

log = logging.getLogger(__name__)


def run(
    spec: EngineSpec,
    incarnation: int,
    channels: Sequence[Channel],
    arena: Arena,
    row: Row,
    announce: Callable[[], None],
) -> None:
    """Load, warm up, tell the supervisor through `announce`, serve. Returns never. Raises HotpathError."""
    for channel in channels:
        # Before anything slow: workers learn at once that the predecessor is gone, and submit again.
        channel.send(Hello(incarnation))
    model = load(spec.model_path, verify=False)  # the supervisor has hashed it
    backend = create(spec.backend)
    backend.load(model, spec)
    table = warm(backend, model.shape, spec.max_batch)
    for size, seconds in table.items():
        row.set("hotpath_warm_batch_seconds", seconds, (str(size),))
    row.set("hotpath_engine_ready", 1.0)
    log.info(
        "warm: model %s version %s, back end %s on %s; ms by batch size: %s",
        spec.model,
        model.identity.version,
        spec.backend,
        spec.device,
        " ".join(f"{size}={seconds * 1000:.1f}" for size, seconds in table.items()),
    )
    announce()
    EngineLoop(incarnation, backend, channels, arena, model.shape, spec.max_batch, row).run()
