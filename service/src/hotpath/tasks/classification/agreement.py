"""How far a form of a model is from the eager one, on many pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Tuple

import torch
from torch import Tensor

DECIDED = 0.1
"""The eager model has decided about a picture when its best class leads the second by so much probability.
Of crops that show half a wheel, any two forms of a network disagree about some."""
_BATCH = 8

Form = Callable[[Tensor], Tuple[Tensor, Tensor]]
"""uint8 (batch, height, width, 3) to (scores, classes), each (batch, classes): every class ranked."""


@dataclass(frozen=True)
class Agreement:
    """What a comparison found."""

    pictures: int
    same_top1: float
    """Share of all pictures with the same best class."""
    decided: int
    decided_same_top1: float
    """The same of those that the eager model has decided about; 0 where there is none."""
    largest_difference: float
    """Of any class's probability on any picture."""
    mean_difference: float
    """Mean over the pictures of the largest difference of any class's probability."""

    def document(self) -> Dict[str, Any]:
        """For JSON."""
        return {
            name: round(value, 9) if isinstance(value, float) else value for name, value in vars(self).items()
        }


def probabilities(form: Form, pictures: Tensor, size: int = _BATCH) -> Tensor:
    """(pictures, classes) probabilities by class, run in batches of exactly `size`."""
    found: List[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(pictures), size):
            places = [place % len(pictures) for place in range(start, start + size)]
            scores, classes = form(pictures[places])
            found.append(torch.zeros_like(scores).scatter_(1, classes, scores).cpu())
    return torch.cat(found)[: len(pictures)]


def compare(wanted: Tensor, found: Tensor) -> Agreement:
    """Compare two results of `probabilities`."""
    same = wanted.argmax(1) == found.argmax(1)
    best = wanted.topk(min(2, wanted.shape[1]), dim=1).values
    decided = best[:, 0] - (best[:, 1] if best.shape[1] > 1 else 0.0) >= DECIDED
    differences = (wanted - found).abs().amax(1)
    return Agreement(
        pictures=len(same),
        same_top1=float(same.float().mean()),
        decided=int(decided.sum()),
        decided_same_top1=float(same[decided].float().mean()) if decided.any() else 0.0,
        largest_difference=float(differences.max()),
        mean_difference=float(differences.mean()),
    )
