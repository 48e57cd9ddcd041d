"""Whether a version can come in as wished, as far as that is known before it is loaded."""

from __future__ import annotations

from typing import List

from hotpath.models.built import BuiltModel
from hotpath.supervisor.generations import Generation
from hotpath.supervisor.wishes import Wishes
from hotpath.tasks import known


def unsuitable(model: BuiltModel, live: Generation, wishes: Wishes, slot_bytes: int) -> List[str]:
    """Why a version can't come in as wished; each a sentence with its way out.

    Raises ModelError where no worker could read it: none that is told of it could follow or start any more.
    """
    reasons, outline = [], known.outline(model)
    if outline.slot_bytes > slot_bytes:
        reasons.append(
            f"Its input of {outline.input} needs slots of {outline.slot_bytes} bytes; those "
            f"of this service have {slot_bytes}. Raise placement.slot_bytes, or restart on the new version."
        )
    if wishes.shadow and not outline.same_input(known.outline(live.model)):
        reasons.append(
            "Its inputs are prepared otherwise than the live version's, so the two can't be given the same "
            "ones to compare. Swap without --shadow; a canary compares by metrics."
        )
    return reasons
