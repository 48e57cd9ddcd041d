"""Whether a model of texts runs in bfloat16 on a processor: measured, judged, chosen and stated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy
import torch
from torch import nn

from hotpath.core import ModelError
from hotpath.memory import keep_freed_memory
from hotpath.models.built import BuiltModel
from hotpath.models.lowering.fused import unusable
from hotpath.models.timing import milliseconds
from hotpath.tasks import known
from hotpath.tasks.task import Array, Task
from hotpath.tasks.text.forms import batch, script
from hotpath.tasks.trials import Trial

_BATCH = 8
_TIMED_RUNS = 5
_JOINED = (1, 2, 4, 8, 16)
"""How many probes lie one behind another in the texts that a form is judged by."""
_NO_INT8 = (
    "int8 is not offered for texts: with a scale for each row, which alone keeps a text's answer free of its "
    "neighbours, MiniLM's cosine to float32 was 0.994"
)


def choose(
    model: BuiltModel, asked: str, is_decided: Callable[[bytes], bool], output: Path
) -> Dict[str, Any]:
    """Write the form in bfloat16 to `output` where it is asked for, faster and agrees; a report.

    `is_decided` tells whether the eager model's answer to a text is one that every form has to give. float32
    is what the back end torchscript runs, and needs no form of its own. A precision asked for by name that
    can't be had is a ModelError.
    """
    report: Dict[str, Any] = {"asked": asked, "chosen": None, "trials": []}
    if asked == "float32":
        report["reason"] = "The back end torchscript runs it in float32."
        return report
    refusal = _NO_INT8 if asked == "int8" else unusable("bfloat16")
    if not refusal:
        keep_freed_memory()
        networks = known.networks(model)
        exact, reduced = networks.eager(model), networks.eager(model)
        reduced.encoder.reduce(torch.bfloat16)  # type: ignore[union-attr,operator]
        compared = _Comparison(known.task(model), exact, reduced)
        trials = compared.run(is_decided, must_pay=asked == "auto")
        report["trials"], refusal = [trial.document() for trial in trials], trials[-1].refusal
    if refusal and asked != "auto":
        raise ModelError(
            f"{model.identity.name} can't be built in {asked} for a processor: {refusal}.",
            'Ask for another precision, or for "auto", which takes the fastest one that agrees.',
        )
    if refusal:
        report["reason"] = f"bfloat16: {refusal}."
    else:
        script(reduced, output)
        report["chosen"] = "bfloat16"
    return report


@dataclass(frozen=True)
class Agreement:
    """What a comparison found."""

    texts: int
    decided: int
    """Those that every form has to give the eager model's answer to."""
    largest_difference: Optional[float] = None
    """Of their answers, as the task counts it; None where it is too large, or there is none."""

    def document(self) -> Dict[str, Any]:
        """For JSON."""
        return {name: value for name, value in vars(self).items() if value is not None}


class _Comparison:
    """Two forms of a network on many texts."""

    def __init__(self, task: Task, exact: nn.Module, reduced: nn.Module) -> None:
        self._task = task
        self._forms = {"float32": exact, "bfloat16": reduced}
        self._texts = texts(task)

    def run(self, is_decided: Callable[[bytes], bool], must_pay: bool) -> List[Trial]:
        """Of both forms; the first is what the other one is compared with."""
        pairs = list(zip(*(self._answers(form) for form in self._forms.values())))
        decided = [pair for pair in pairs if is_decided(pair[0])]
        took = self._milliseconds()
        difference, refusal = self._difference(decided)
        if not refusal and must_pay and took["bfloat16"] >= took["float32"]:
            refusal = f"it takes {took['bfloat16']:.2f} ms for a text and float32 {took['float32']:.2f} ms"
        found = Agreement(len(pairs), len(decided), difference)
        return [
            Trial("float32", milliseconds=took["float32"]),
            Trial("bfloat16", refusal, found, milliseconds=took["bfloat16"]),
        ]

    def _difference(self, decided: Sequence[Tuple[bytes, bytes]]) -> Tuple[Optional[float], str]:
        """The largest, and why the second form may not serve; empty where it may."""
        if not decided:
            return None, "the eager model decides about none of the texts, so nothing can be compared"
        try:
            return self._task.compare("bfloat16", False, *zip(*decided)), ""
        except ModelError as error:
            return None, error.message.rstrip(".")

    def _answers(self, form: nn.Module) -> List[bytes]:
        found: List[bytes] = []
        with torch.inference_mode():
            for some in self._batches():
                found += self._task.pack(tuple(tensor.numpy() for tensor in form(*batch(some))))
        return found

    def _milliseconds(self) -> Dict[str, float]:
        """Processor time of each form for a text."""
        batches = [batch(some) for some in self._batches()]
        return milliseconds(self._forms, batches, len(self._texts), _TIMED_RUNS)

    def _batches(self) -> List[Sequence[Array]]:
        return [self._texts[start : start + _BATCH] for start in range(0, len(self._texts), _BATCH)]


def texts(task: Task) -> List[Array]:
    """Many texts as tokens: the probes, their first halves, and several behind one another."""
    bound = task.lengths[-1]
    probes = [item[0] for item in task.probes()]
    found = [_between(ids, [ids[1 : 1 + (len(ids) - 1) // 2]], bound) for ids in probes]
    for count in _JOINED:
        for start in range(len(probes)):
            some = [probes[(start + more) % len(probes)][1:-1] for more in range(count)]
            found.append(_between(probes[start], some, bound))
    return found


def _between(marks: Array, parts: Sequence[Array], bound: int) -> Array:
    """One text of several parts, of at most so many tokens, between the marks at the ends of another."""
    return numpy.concatenate([marks[:1], numpy.concatenate(parts)[: bound - 2], marks[-1:]])
