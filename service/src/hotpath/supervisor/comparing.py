"""The command `compare`: another service answers copies of requests for a while, to be compared."""

from __future__ import annotations

import time
from typing import Dict

from hotpath.core import HotpathError
from hotpath.ipc.offers import Comparison
from hotpath.metrics.layout import COMPARED
from hotpath.supervisor.control import Caller, Question
from hotpath.supervisor.crew import Crew
from hotpath.supervisor.generations import Generations
from hotpath.supervisor.wishes import part

LONGEST_S = 3600.0
"""It is for a rollout, and not for ever."""


def compare(question: Question, caller: Caller, generations: Generations, crew: Crew) -> None:
    """Begin where the question names a place, and tell what was counted since the service was started.

    Raises HotpathError, KeyError, TypeError or ValueError.
    """
    if question.get("to"):
        generations.comparison = _comparison(question)
        crew.publish()
    total = crew.table.total
    counts: Dict[str, int] = {name: int(total("hotpath_compared", (name,))) for name in COMPARED}
    caller.end(True, "", compared=counts)


def _comparison(question: Question) -> Comparison:
    host, _, port = str(question["to"]).rpartition(":")
    seconds = float(question["seconds"])
    if not host or not port.isdigit():
        raise HotpathError(
            f"{question['to']!r} is no place.", "Give an address with its port, as 192.0.2.7:8000."
        )
    if not 0.0 < seconds <= LONGEST_S:
        raise HotpathError(f"{seconds:g} is no time to compare for.", f"Give seconds up to {LONGEST_S:g}.")
    return Comparison(host.strip("[]"), int(port), part("part", question["part"]), time.monotonic() + seconds)
