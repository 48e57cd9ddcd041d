"""Which arithmetic a detector runs in on a processor: measured, judged, chosen and stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch

from hotpath.cgroup import usable_cpus
from hotpath.core import ModelError
from hotpath.memory import keep_freed_memory
from hotpath.models.built import BuiltModel
from hotpath.models.lowering.fused import unusable
from hotpath.models.lowering.graph import NotLowerableError
from hotpath.models.lowering.maps import lower_maps
from hotpath.models.lowering.program import Lowered, Program
from hotpath.models.timing import milliseconds
from hotpath.models.tracing import freeze
from hotpath.tasks.detection import network
from hotpath.tasks.detection.judging import Judge
from hotpath.tasks.trials import Trial, settled

_PRECISIONS = ("float32", "bfloat16")
_NO_INT8 = "int8 is not offered for detectors: what they put together has ranges of its own"
_TIMED_BATCH, _TIMED_RUNS = 8, 5


def choose(model: BuiltModel, asked: str, output: Path) -> Dict[str, Any]:
    """Write the lowered form to `output` in the precision that is asked for; a report.

    `auto` takes the fastest that agrees with the eager model. Where nothing can be lowered, `auto` writes
    nothing and the report says why; a precision that was asked for by name is then a ModelError.
    """
    torch.set_num_threads(usable_cpus())
    keep_freed_memory()
    try:
        program = _lowered(model)
    except NotLowerableError as error:
        report = {**settled(asked, ()), "reason": f"The network can't be lowered: {error}."}
    else:
        report = settled(asked, _tried(model, program, _PRECISIONS if asked == "auto" else (asked,)))
        if report["chosen"]:
            Lowered(program, report["chosen"], {}).save(output)
    if report["chosen"] is None and asked != "auto":
        raise ModelError(
            f"{model.identity.name} can't be built in {asked} for a processor. {report['reason']}",
            'Ask for another precision, or for "auto", which takes the fastest one that agrees.',
        )
    return report


def _lowered(model: BuiltModel) -> Program:
    if model.architecture == network.TORCHSCRIPT:
        raise NotLowerableError("one that the weights file brings ends in boxes, and not in maps")
    example = torch.zeros((2, *network.core_shape(model))).to(memory_format=torch.channels_last)
    return lower_maps(freeze(network.network(model), example))


def _tried(model: BuiltModel, program: Program, precisions: Sequence[str]) -> List[Trial]:
    """Make, judge and time the forms that this machine can run."""
    reasons = {name: _NO_INT8 if name == "int8" else unusable(name) for name in precisions}
    forms = {
        name: network.fused(model, Lowered(program, name, {})) for name in precisions if not reasons[name]
    }
    trials = [Trial(name, reason) for name, reason in reasons.items() if reason]
    if forms:
        judging = Judge(model, network.eager(model))
        batch = judging.pictures[:1].expand(_TIMED_BATCH, -1, -1, -1).contiguous()
        for name, spent in milliseconds(forms, [(batch,)], _TIMED_BATCH, _TIMED_RUNS).items():
            agreement, problem = judging.judge(forms[name], exact=name == "float32")
            trials.append(Trial(name, problem, agreement, milliseconds=spent))
    return sorted(trials, key=lambda trial: precisions.index(trial.precision))
