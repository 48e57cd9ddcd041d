"""Whether a form finds what the eager model does: on the probes as clients send them and parts of these."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy
import torch
from torch import nn

from hotpath.models.built import BuiltModel
from hotpath.tasks.crops import crops
from hotpath.tasks.detection.agreement import Agreement, compare, refusal
from hotpath.tasks.detection.candidates import Candidates
from hotpath.tasks.detection.task import spec_of
from hotpath.tasks.views import views

_CROPS = 8
"""Of each photograph, beside twelve views."""
_BATCH = 8


class Judge:
    """The eager model's answers, and the pictures that they are about."""

    def __init__(self, model: BuiltModel, eager: nn.Module, device: Any = "cpu") -> None:
        """Raises ModelError."""
        self._document = model.document
        self._device = device
        photographs = [model.directory / probe["file"] for probe in self._document["probes"]]
        spec = spec_of(self._document["preprocessing"])
        seen = [view.pixels for view in views(photographs, spec)]
        self.pictures = torch.from_numpy(numpy.stack([*seen, *crops(photographs, spec, _CROPS, seed=1)]))
        """uint8 (pictures, height, width, 3)"""
        self._wanted = self._answers(eager.to(device), _BATCH)

    def judge(self, form: nn.Module, exact: bool, size: int = _BATCH) -> Tuple[Agreement, str]:
        """What was found about a form, in batches of `size`; and why it may not serve, empty where it may."""
        finding = self._document["finding"]
        found = compare(self._wanted, self._answers(form, size), finding["threshold"], finding["iou"])
        return found, refusal(found, self._document["tolerance"], exact)

    def _answers(self, form: nn.Module, size: int) -> List[Candidates]:
        count = len(self.pictures)
        found: List[Candidates] = []
        with torch.inference_mode():
            for start in range(0, count, size):
                places = [place % count for place in range(start, start + size)]
                outputs = form(self.pictures[places].to(self._device))
                found += [Candidates(*one) for one in zip(*(tensor.cpu().numpy() for tensor in outputs))]
        return found[:count]
