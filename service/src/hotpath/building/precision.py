"""Which arithmetic the model runs in on a processor: measured, judged, chosen and stated."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import torch
from torch import Tensor

from hotpath.cgroup import usable_cpus
from hotpath.codec import ImageSpec
from hotpath.engine.onednn import PRECISIONS, OneDnnClassifier, unusable
from hotpath.memory import keep_freed_memory
from hotpath.models.agreement import Agreement, compare, probabilities
from hotpath.models.built import ModelError
from hotpath.models.classifier import restore
from hotpath.models.crops import crops
from hotpath.models.lowering.graph import NotLowerableError, lower
from hotpath.models.lowering.program import Lowered, Program
from hotpath.models.lowering.ranges import quantise
from hotpath.models.source import Source
from hotpath.models.tracing import freeze

_CALIBRATED, _COMPARED = 24, 24
"""Crops of each photograph: those that set the ranges of int8, and others that every form is judged by."""
_TIMED_BATCH, _TIMED_RUNS = 8, 10


@dataclass(frozen=True)
class Trial:
    """What was found about one precision."""

    precision: str
    refusal: str
    """Why it may not serve; empty when it may."""
    agreement: Optional[Agreement] = None
    milliseconds: float = 0.0
    """Of one thread's processor time for an image of a batch of 8; the shortest of several runs."""

    def document(self) -> Dict[str, Any]:
        """For JSON."""
        found: Dict[str, Any] = {"precision": self.precision, "accepted": not self.refusal}
        if self.refusal:
            found["refusal"] = self.refusal
        if self.agreement is not None:
            found["cpu_ms_per_image"] = round(self.milliseconds, 3)
            found["agreement"] = self.agreement.document()
        return found


def choose(source: Source, directory: Path, classes: int, output: Path) -> Dict[str, Any]:
    """Write the lowered form to `output` in the precision that the source asks for; a report.

    `auto` takes the fastest that agrees with the eager model. Where nothing can be lowered, `auto` writes
    nothing and the report says why; a precision that was asked for by name is then a ModelError.
    """
    asked = source.precision
    report: Dict[str, Any] = {"asked": asked, "chosen": None, "trials": []}
    torch.set_num_threads(usable_cpus())
    keep_freed_memory()
    try:
        trials = _Trials(source, directory, classes)
    except NotLowerableError as error:
        report["reason"] = f"The network can't be lowered: {error}."
    else:
        found = trials.run(PRECISIONS if asked == "auto" else (asked,))
        report["trials"] = [trial.document() for trial in found]
        accepted = [trial for trial in found if not trial.refusal]
        if accepted:
            report["chosen"] = min(accepted, key=lambda trial: trial.milliseconds).precision
            trials.lowered(report["chosen"]).save(output)
        else:
            report["reason"] = "; ".join(f"{trial.precision}: {trial.refusal}" for trial in found) + "."
    if report["chosen"] is None and asked != "auto":
        raise ModelError(
            f"{source.name} can't be built in {asked} for a processor. {report['reason']}",
            'Ask for another precision, or for "auto", which takes the fastest one that agrees.',
        )
    return report


class _Trials:
    """The eager model's answers, and the means to make and judge other forms."""

    def __init__(self, source: Source, directory: Path, classes: int) -> None:
        self._source = source
        shape = source.preprocessing
        self._shape = (shape.height, shape.width, 3)
        self._classes = classes
        self._eager = restore(
            source.architecture, directory / source.weights.file, classes, shape.mean, shape.std, classes
        )
        self._program: Program = lower(freeze(self._eager.network, self._normalised(self._example())))
        self._photographs = [directory / probe.file for probe in source.probes]
        self._spec = ImageSpec.from_dict(shape.model_dump())
        self._pictures = torch.from_numpy(crops(self._photographs, self._spec, _COMPARED, seed=1))
        self._wanted = probabilities(self._eager, self._pictures)
        self._made: Dict[str, Lowered] = {}

    def run(self, precisions: Sequence[str]) -> List[Trial]:
        """Make, judge and time the forms that this machine can run."""
        reasons = {precision: unusable(precision) for precision in precisions}
        forms = {precision: self._form(precision) for precision in precisions if not reasons[precision]}
        times = _milliseconds(forms, self._pictures)
        return [
            self._trial(precision, forms[precision], times[precision])
            if precision in forms
            else Trial(precision, reasons[precision])
            for precision in precisions
        ]

    def _form(self, precision: str) -> OneDnnClassifier:
        shape = self._source.preprocessing
        return OneDnnClassifier(self.lowered(precision), self._shape, shape.mean, shape.std, self._classes)

    def _trial(self, precision: str, form: OneDnnClassifier, milliseconds: float) -> Trial:
        agreement = compare(self._wanted, probabilities(form, self._pictures))
        return Trial(precision, self._judge(precision, agreement), agreement, milliseconds)

    def lowered(self, precision: str) -> Lowered:
        """The program for a precision, made once."""
        if precision not in self._made:
            self._made[precision] = (
                quantise(self._program, [self._normalised(batch) for batch in self._calibration()])
                if precision == "int8"
                else Lowered(self._program, precision, {})
            )
        return self._made[precision]

    def _judge(self, precision: str, found: Agreement) -> str:
        """Why a form may not serve; empty when it may."""
        tolerance = self._source.tolerance
        if precision == "float32":
            if not found.largest_difference <= tolerance.absolute:  # which NaN is not either
                return f"a probability differs by {found.largest_difference:.2g}, over {tolerance.absolute:g}"
            return ""
        if not found.decided:
            return "the eager model decides about none of the crops of the probes, so nothing can be compared"
        if found.decided_same_top1 < tolerance.top1:
            return (
                f"{found.decided_same_top1:.1%} of the {found.decided} decided crops have the same best "
                f"class, less than {tolerance.top1:.1%}"
            )
        if not found.mean_difference <= tolerance.mean:
            return f"probabilities differ by {found.mean_difference:.3f} on average, over {tolerance.mean:g}"
        if not found.largest_difference <= tolerance.largest:
            return f"a probability differs by {found.largest_difference:.3f}, over {tolerance.largest:g}"
        return ""

    def _calibration(self) -> List[Tensor]:
        pixels = crops(self._photographs, self._spec, _CALIBRATED, seed=2)
        return [torch.from_numpy(pixels[start : start + 8]) for start in range(0, len(pixels), 8)]

    def _normalised(self, pixels: Tensor) -> Tensor:
        return self._eager.normalise(pixels)

    def _example(self) -> Tensor:
        return torch.zeros((2, *self._shape), dtype=torch.uint8)


def _milliseconds(forms: Mapping[str, OneDnnClassifier], pictures: Tensor) -> Dict[str, float]:
    """Processor time of each form for an image, measured in turns.

    On one thread, and not by the clock on the wall: a busy machine would make the choice a matter of luck.
    """
    batch = pictures[:1].expand(_TIMED_BATCH, -1, -1, -1).contiguous()
    seconds: Dict[str, List[float]] = {name: [] for name in forms}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        for _ in range(_TIMED_RUNS):
            for name, form in forms.items():
                started = time.thread_time()
                form(batch)
                seconds[name].append(time.thread_time() - started)
    torch.set_num_threads(threads)
    return {name: min(values) / _TIMED_BATCH * 1000 for name, values in seconds.items()}
