"""Servers that are all up at once and are loaded in turns.

What else the machine does comes to all alike. A round loads each server for some seconds, the others
resting; what is told of a server is the median of its rounds. Every answer is compared with what is expected.
"""

from __future__ import annotations

import contextlib
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple, Union

from servers import Running, Server, running

_MEDIANS = ("rate", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request", "padded_share")

Load = Callable[[Running, int], Dict[str, Any]]
"""From a server and the number of clients to what load.py found."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """A server that is started once, and the ways in which it is then asked."""

    ways: Sequence[Server]
    model: Path


def row(
    load: Load, subjects: Sequence[Subject], sample: bytes, clients: Sequence[int], rounds: int, say: Say
) -> Dict[str, Any]:
    """By name of each way. `clients`: the loads of a turn, a lone one first."""
    found: Dict[str, Dict[str, Any]] = {}
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:

        def start(subject: Subject) -> Union[Running, str]:
            try:
                at = stack.enter_context(running(subject.ways[0], subject.model, sample))
            except RuntimeError as error:
                say(str(error))
                return str(error)
            say(f"{subject.ways[0].name} is up")
            return at

        up: List[Running] = []
        for subject, at in zip(subjects, pool.map(start, subjects)):
            for way in subject.ways:
                found[way.name] = {"title": way.title, "form": way.form, "rounds": []}
                if isinstance(at, str):
                    found[way.name]["failure"] = at
                else:
                    up.append(Running(way, at.process, at.port, at.log))
        for number in range(rounds):
            for at in up:
                turn = {str(count): load(at, count) for count in clients}
                found[at.server.name]["rounds"].append(turn)
                for count, told in turn.items():
                    say(f"round {number + 1}, {at.server.name}, {count} clients: {_brief(told)}")
    for one in found.values():
        if one["rounds"]:
            one.update(_middle(one["rounds"], [str(count) for count in clients]))
    return found


def _brief(found: Dict[str, Any]) -> str:
    return found.get("failure") or (
        f"{found['rate']}/s, p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms, "
        f"{found['cpu_ms_per_request']} ms of CPU; {found['wrong']} of {found['checked']} wrong "
        f"{found['errors'] or ''}"
    )


def _middle(rounds: List[Dict[str, Any]], clients: Sequence[str]) -> Dict[str, Any]:
    """The medians of the rounds, the sums of what was checked, and the worst that was found by that."""
    told: Dict[str, Any] = {}
    for count in clients:
        turns = [turn[count] for turn in rounds if turn[count].get("rate")]
        told[count] = {
            key: round(statistics.median(turn[key] for turn in turns), 4 if key == "padded_share" else 2)
            for key in _MEDIANS
            if turns and key in turns[0]
        }
        for turn in (turn[count] for turn in rounds if "failure" in turn[count]):
            told[count]["failure"] = turn["failure"]
    every = [turn[count] for turn in rounds for count in clients]
    told["checked"] = sum(turn.get("checked", 0) for turn in every)
    told["wrong"] = sum(turn.get("wrong", 0) for turn in every)
    told["errors"] = sum(sum(turn.get("errors", {}).values()) for turn in every)
    checked = [turn for turn in every if turn.get("checked")]
    for beginning, worst in (("lowest_", min), ("largest_", max)):
        for key in {key for turn in checked for key in turn if key.startswith(beginning)}:
            told[key] = worst(turn[key] for turn in checked)
    return told


def ranked(rows: Dict[str, Any], count: str, key: str) -> List[Tuple[str, float]]:
    """Names and values of those that answered, the least first."""
    values = [(name, float(row[count][key])) for name, row in rows.items() if row.get(count, {}).get("rate")]
    return sorted(values, key=lambda pair: pair[1])
