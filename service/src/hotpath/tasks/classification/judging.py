"""Whether a form answers as the eager model: on the probes as clients send them, and on crops of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Sequence

import numpy
import torch
from torch import Tensor

from hotpath.codec import ImageSpec
from hotpath.tasks.classification.agreement import Agreement, Form, compare, probabilities
from hotpath.tasks.classification.source import ClassifierSource
from hotpath.tasks.crops import crops
from hotpath.tasks.views import views

_CROPS = 12
"""Of each photograph, beside as many views."""
_TOLD = 3


@dataclass(frozen=True)
class Judgement:
    """What was found about one form."""

    agreement: Agreement
    lost: Sequence[str]
    """The views that the eager model is right about and the form is not, in words."""
    refusal: str
    """Why the form may not serve; empty when it may."""

    def document(self) -> Dict[str, Any]:
        """For JSON."""
        return {**self.agreement.document(), "verdicts_lost": len(self.lost)}


class Judge:
    """The eager model's answers, and the pictures that they are about."""

    def __init__(self, source: ClassifierSource, directory: Path, eager: Form) -> None:
        photographs = [directory / probe.file for probe in source.probes]
        spec = ImageSpec.from_dict(source.preprocessing.model_dump())
        self._source = source
        self._labels = (directory / source.labels.file).read_text(encoding="utf-8").splitlines()
        self._views = list(views(photographs, spec))
        cropped = crops(photographs, spec, _CROPS, seed=1)
        self.pictures = torch.from_numpy(numpy.stack([*(view.pixels for view in self._views), *cropped]))
        """uint8 (pictures, height, width, 3)"""
        self.photographs = torch.tensor(
            [
                *(view.photograph for view in self._views),
                *(place % len(photographs) for place in range(len(cropped))),
            ]
        )
        """Of each picture: which probe it shows."""
        self._wanted = probabilities(eager, self.pictures)
        self._right = [number for number in range(len(self._views)) if self._is_right(number, self._wanted)]

    def document(self) -> Dict[str, Any]:
        """For JSON: what the verdicts are about."""
        return {"views": len(self._views), "eager_right": len(self._right)}

    def judge(self, precision: str, found: Tensor) -> Judgement:
        """Judge a form by its `probabilities` of the pictures."""
        agreement = compare(self._wanted, found)
        lost = [self._told(number, found) for number in self._right if not self._is_right(number, found)]
        return Judgement(agreement, lost, self._refusal(precision, agreement, lost))

    def _is_right(self, number: int, answers: Tensor) -> bool:
        return self._label(number, answers) in self._source.probes[self._views[number].photograph].accept

    def _label(self, number: int, answers: Tensor) -> str:
        return self._labels[int(answers[number].argmax())]

    def _told(self, number: int, answers: Tensor) -> str:
        view = self._views[number]
        file = self._source.probes[view.photograph].file
        return f"takes {file}, {view.sent}, for {self._label(number, answers)!r}"

    def _refusal(self, precision: str, found: Agreement, lost: Sequence[str]) -> str:
        tolerance = self._source.tolerance
        if precision == "float32":
            if not found.largest_difference <= tolerance.absolute:  # which NaN is not either
                return f"a probability differs by {found.largest_difference:.2g}, over {tolerance.absolute:g}"
            return ""
        if not found.decided:
            return (
                "the eager model decides about none of the pictures of the probes, so nothing can be compared"
            )
        if lost:
            more = f", and {len(lost) - _TOLD} more" if len(lost) > _TOLD else ""
            return f"it {', '.join(lost[:_TOLD])}{more}, and the eager model does not"
        if found.decided_same_top1 < tolerance.top1:
            return (
                f"{found.decided_same_top1:.1%} of the {found.decided} decided pictures have the same best "
                f"class, less than {tolerance.top1:.1%}"
            )
        if not found.mean_difference <= tolerance.mean:
            return f"probabilities differ by {found.mean_difference:.3f} on average, over {tolerance.mean:g}"
        if not found.largest_difference <= tolerance.largest:
            return f"a probability differs by {found.largest_difference:.3f}, over {tolerance.largest:g}"
        return ""
