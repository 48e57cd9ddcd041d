"""Which arithmetic the model runs in on a processor: measured, judged, chosen and stated."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch
from torch import Tensor

from hotpath.cgroup import usable_cpus
from hotpath.codec import ImageSpec
from hotpath.core import ModelError
from hotpath.memory import keep_freed_memory
from hotpath.models.lowering.fused import PRECISIONS, unusable
from hotpath.models.lowering.graph import NotLowerableError, lower
from hotpath.models.lowering.program import Lowered, Program
from hotpath.models.lowering.ranges import Seen, look, quantise
from hotpath.models.timing import milliseconds
from hotpath.models.tracing import freeze
from hotpath.tasks.classification.agreement import probabilities
from hotpath.tasks.classification.judging import Judge
from hotpath.tasks.classification.network import FusedClassifier, restore
from hotpath.tasks.classification.source import ClassifierSource
from hotpath.tasks.crops import crops
from hotpath.tasks.trials import Trial, settled

_CALIBRATED = 24
"""Crops of each photograph that set the ranges of int8."""
_BATCH = 8
_TIMED_BATCH, _TIMED_RUNS = 8, 10


def choose(source: ClassifierSource, directory: Path, classes: int, output: Path) -> Dict[str, Any]:
    """Write the lowered form to `output` in the precision that the source asks for; a report.

    `auto` takes the fastest that agrees with the eager model. Where nothing can be lowered, `auto` writes
    nothing and the report says why; a precision that was asked for by name is then a ModelError.
    """
    asked = source.precision
    torch.set_num_threads(usable_cpus())
    keep_freed_memory()
    try:
        trials = _Trials(source, directory, classes)
    except NotLowerableError as error:
        report = {**settled(asked, ()), "reason": f"The network can't be lowered: {error}."}
    else:
        report = settled(asked, trials.run(PRECISIONS if asked == "auto" else (asked,)))
        report["verdicts"] = trials.judge.document()
        if report["chosen"]:
            trials.lowered(report["chosen"]).save(output)
    if report["chosen"] is None and asked != "auto":
        raise ModelError(
            f"{source.name} can't be built in {asked} for a processor. {report['reason']}",
            'Ask for another precision, or for "auto", which takes the fastest one that agrees.',
        )
    return report


class _Trials:
    """The means to make forms of the eager model, and its judge."""

    def __init__(self, source: ClassifierSource, directory: Path, classes: int) -> None:
        self._source = source
        shape = source.preprocessing
        self._shape = (shape.height, shape.width, 3)
        self._classes = classes
        self._eager = restore(
            source.architecture, directory / source.weights.file, classes, shape.mean, shape.std, classes
        )
        self._program: Program = lower(freeze(self._eager.network, self._normalised(self._example())))
        self._photographs = [directory / probe.file for probe in source.probes]
        self.judge = Judge(source, directory, self._eager)
        self._made: Dict[str, Lowered] = {}
        self._seen: List[Seen] = []

    def run(self, precisions: Sequence[str]) -> List[Trial]:
        """Make, judge and time the forms that this machine can run."""
        reasons = {precision: unusable(precision) for precision in precisions}
        forms = {
            precision: self._form(self.lowered(precision))
            for precision in precisions
            if not reasons[precision]
        }
        batch = self.judge.pictures[:1].expand(_TIMED_BATCH, -1, -1, -1).contiguous()
        times = milliseconds(forms, [(batch,)], _TIMED_BATCH, _TIMED_RUNS)
        return [
            self._trial(precision, forms[precision], times[precision])
            if precision in forms
            else Trial(precision, reasons[precision])
            for precision in precisions
        ]

    def lowered(self, precision: str) -> Lowered:
        """The program for a precision, made once."""
        if precision not in self._made:
            self._made[precision] = (
                quantise(self._program, reduce(Seen.and_of, self._calibration()))
                if precision == "int8"
                else Lowered(self._program, precision, {})
            )
        return self._made[precision]

    def _form(self, lowered: Lowered) -> FusedClassifier:
        shape = self._source.preprocessing
        return FusedClassifier(lowered, self._shape, shape.mean, shape.std, self._classes)

    def _trial(self, precision: str, form: FusedClassifier, milliseconds: float) -> Trial:
        judgement = self.judge.judge(precision, probabilities(form, self.judge.pictures))
        refusal, held_out = judgement.refusal, None
        if precision == "int8" and len(self._photographs) > 1:
            held_out = self.judge.judge(precision, self._held_out())
            if held_out.refusal and not refusal:
                refusal = f"calibrated without the photograph in question, {held_out.refusal}"
        return Trial(precision, refusal, judgement, held_out, milliseconds)

    def _held_out(self) -> Tensor:
        """Probabilities of the pictures by int8 forms that know the other photographs alone.

        A photograph that set the ranges proves little about them.
        """
        pictures, photographs = self.judge.pictures, self.judge.photographs
        found = torch.empty(len(pictures), self._classes)
        for number in range(len(self._photographs)):
            others = (seen for place, seen in enumerate(self._calibration()) if place != number)
            form = self._form(quantise(self._program, reduce(Seen.and_of, others)))
            own = photographs == number
            found[own] = probabilities(form, pictures[own])
        return found

    def _calibration(self) -> List[Seen]:
        """What the crops of each photograph make of the program's tensors."""
        if not self._seen:
            spec = ImageSpec.from_dict(self._source.preprocessing.model_dump())
            pixels = torch.from_numpy(crops(self._photographs, spec, _CALIBRATED, seed=2))
            for number in range(len(self._photographs)):
                own = self._normalised(pixels[number :: len(self._photographs)])
                batches = (own[start : start + _BATCH] for start in range(0, len(own), _BATCH))
                self._seen.append(look(self._program, batches))
        return self._seen

    def _normalised(self, pixels: Tensor) -> Tensor:
        return self._eager.normalise(pixels)

    def _example(self) -> Tensor:
        return torch.zeros((2, *self._shape), dtype=torch.uint8)
