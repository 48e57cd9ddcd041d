"""What an engine process does from its fork to its first request."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from dataclasses import replace
from typing import Callable, Sequence

from hotpath.cgroup import usable_cpus
from hotpath.core import EngineSpec
from hotpath.engine import device, measured
from hotpath.engine.checking import answers, verify
from hotpath.engine.factory import create
from hotpath.engine.gathering import Gathering
from hotpath.engine.loop import EngineLoop
from hotpath.engine.runner import Runner, guard
from hotpath.engine.scheduling import give_way
from hotpath.engine.undisturbed import by_the_clock, undisturbed
from hotpath.engine.visible import see_only
from hotpath.engine.warmup import warm
from hotpath.ipc.arena import Arena
from hotpath.ipc.channel import Channel
from hotpath.ipc.marks import Marks
from hotpath.ipc.messages import Hello
from hotpath.memory import keep_freed_memory
from hotpath.metrics.layout import BACKENDS, PRECISIONS, buckets_up_to
from hotpath.metrics.table import Row
from hotpath.models.built import load
from hotpath.scheduler.costs import Costs
from hotpath.tasks import known

log = logging.getLogger(__name__)


def run(
    spec: EngineSpec,
    incarnation: int,
    channels: Sequence[Channel],
    arena: Arena,
    marks: Marks,
    row: Row,
    beside: Sequence[Row],
    announce: Callable[[], None],
) -> None:
    """Load, warm up, tell the supervisor through `announce`, serve. Returns never. Raises HotpathError.

    `beside`: the rows of the workers that run on the processors that the engine computes on.
    """
    keep_freed_memory()
    for gauge in ("hotpath_engine_clear_at_seconds", "hotpath_engine_images_in_flight"):
        row.set(gauge, 0.0)  # a predecessor may have died in the middle
    for channel in channels:
        # Before anything slow: workers learn at once that the predecessor is gone, and submit again.
        channel.send(Hello(incarnation))
    model = load(spec.model_path, verify=spec.prove)
    inside = replace(spec, device=see_only(spec.device, spec.pci))  # before anything asks CUDA
    backend = create(spec.backend)
    backend.load(model, inside)
    backend.share(arena.whole())
    task = known.task(model)
    difference = verify(backend, spec.backend, model, task, buckets_up_to(spec.max_batch))
    measure = undisturbed if spec.device == "cpu" else by_the_clock  # a GPU works on while this waits
    table = warm(backend, task.example, task.lengths, spec.max_batch, measure)
    if spec.prove:
        task.judge(answers(backend, task, task.probes(), 1))
    measured.state(row, table)
    row.set("hotpath_engine_pace_ratio", 1.0)
    _state_form(row, spec.backend, backend.precision)
    row.set("hotpath_engine_cuda_graphs", float(backend.graphs))
    device.watch(spec.device, row)
    row.set("hotpath_engine_seen_at_seconds", time.monotonic())  # by which it is judged from now on
    row.set("hotpath_engine_ready", 1.0)
    log.info(
        "warm: model %s version %s, back end %s (%s%s) on %s; answers within %.2g of the eager model's; "
        "ms by batch size:%s",
        spec.model,
        model.identity.version,
        spec.backend,
        backend.precision,
        ", CUDA graphs" if backend.graphs else "",
        spec.device,
        difference,
        measured.worded(table),
    )
    if spec.device == "cpu":
        give_way()  # not before, or the table would be of how busy the others are
    announce()
    alone = spec.device == "cpu" and spec.threads == 1
    runner = Runner(backend, task, runs_anywhere=alone and backend.depth == 1)
    costs = Costs(table, backend.pads, backend.packs)
    gathering = Gathering(beside, usable_cpus())
    loop = EngineLoop(incarnation, runner, channels, arena, marks, task.inputs, costs, row, gathering)
    # The batches stay in the thread that warmed up: torch's own threads and a device's context belong to it.
    threading.Thread(target=guard(loop.run), name="loop", daemon=True).start()
    runner.work()


def _state_form(row: Row, backend: str, precision: str) -> None:
    """Say what runs here; the seat's last engine may have run another form."""
    for labels in itertools.product(BACKENDS, PRECISIONS):
        row.set("hotpath_engine_info", float(labels == (backend, precision)), labels)
