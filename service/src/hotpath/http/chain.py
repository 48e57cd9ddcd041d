"""A second model, asked about the parts that a first one has found, within the same request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

from hotpath.http.catalogue import Served
from hotpath.http.errors import Problem
from hotpath.http.service import Answered, Service
from hotpath.http.waiting import Patience
from hotpath.tasks.task import Ask

THEN = "then"
"""The parameter that names the second model."""


@dataclass(frozen=True)
class Second:
    """What the second model said."""

    served: Served
    described: List[Dict[str, Any]]
    """Of each part, in order."""
    answered: Sequence[Answered]


def second_of(service: Service, name: str, first: Served, ask: Ask) -> Served:
    """The model that is to be asked then. Raises Problem."""
    if ask.parts is None:
        raise Problem(
            400,
            "not_supported",
            f"The model {first.offer.model!r} finds no parts that {name[:64]!r} could be asked about.",
            f"Leave {THEN!r} out, or ask a model that finds objects.",
        )
    return service.catalogue.choose(name)


async def follow(
    service: Service, served: Served, ask: Ask, found: Sequence[Answered], patience: Patience
) -> Second:
    """Ask about each part, as ordinary items. Raises what `Service.predict_all` raises."""
    assert ask.parts is not None, "second_of has looked"
    parts = [served.task.part(part) for part in ask.parts.find([one.answer for one in found])]
    if not parts:
        return Second(served, [], [])
    with service.admission(served, patience.urgency), served.held(), service.place(served) as lease:
        fills = [fill for part in parts for fill in part.fills]
        answered = await service.predict_all(served, fills, lease, patience)
    described = [part.describe([one.answer]) for part, one in zip(parts, answered)]
    return Second(served, described, answered)
