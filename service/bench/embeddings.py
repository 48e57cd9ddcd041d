"""The row of sentence embeddings: ours and the peers', all up at once and loaded in turns.

A round loads each server for some seconds, the others resting, so that what else the machine does comes to
all alike; what is told of a server is the median of its rounds. Every answer is compared with the eager
model's embedding of its text.
"""

from __future__ import annotations

import contextlib
import re
import statistics
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, Union

from servers import Running, Server, running
from text_servers import OPENAI, PEERS, PREDICT

CLIENTS = 32
_TOLD = ("rate", "p50_ms", "p95_ms", "p99_ms", "cpu_ms_per_request")

Load = Callable[[Running, int], Dict[str, Any]]
"""From a server and the number of clients to what load.py found."""


def row(load: Load, texts: Path, rounds: int, only: List[str], say: Callable[[str], None]) -> Dict[str, Any]:
    """By server's name. `texts` is what texts.py left."""
    sample = next(iter(sorted((texts / "bodies").iterdir()))).read_bytes()
    found: Dict[str, Dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        wanted = [server for server in [OPENAI, *PEERS] if not only or server.name in only]

        def start(server: Server) -> Union[Running, str]:
            model = texts if server is OPENAI else texts / "peer"
            try:
                at = stack.enter_context(running(server, model, sample))
            except RuntimeError as error:
                say(str(error))
                return str(error)
            say(f"{server.name} is up")
            return at

        up: List[Tuple[Server, Running]] = []
        with ThreadPoolExecutor() as pool:
            for server, at in zip(wanted, pool.map(start, wanted)):
                ways = [OPENAI, PREDICT] if server is OPENAI else [server]
                for way in ways:
                    found[way.name] = {"title": way.title, "form": way.form, "rounds": []}
                    if isinstance(at, str):
                        found[way.name]["failure"] = at
                    else:
                        up.append((way, Running(way, at.process, at.port, at.log)))
        for number in range(rounds):
            for server, at in up:
                before = _units(at.port) if server.environment == "service" else {}
                turn = {str(clients): load(at, clients) for clients in (1, CLIENTS)}
                if before:
                    units = {kind: count - before[kind] for kind, count in _units(at.port).items()}
                    turn["padded_share"] = units["padded"] / max(1.0, sum(units.values()))
                found[server.name]["rounds"].append(turn)
                many, one = turn[str(CLIENTS)], turn["1"]
                say(
                    f"round {number + 1}, {server.name}: {many['rate']} texts/s, "
                    f"p99 {many.get('p99_ms')} ms, "
                    f"{many.get('cpu_ms_per_request')} ms of CPU, one alone {one.get('p50_ms')} ms; "
                    f"{many.get('wrong')} of {many.get('checked')} wrong {many.get('errors') or ''}"
                    f"{many.get('failure', '')}"
                )
    for one in found.values():
        if one["rounds"]:
            one.update(_middle(one["rounds"]))
    return found


def _middle(rounds: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The medians of the rounds, and the sums of what was checked."""
    told: Dict[str, Any] = {}
    for clients in ("1", str(CLIENTS)):
        turns = [turn[clients] for turn in rounds if turn[clients].get("rate")]
        told[clients] = {
            key: round(statistics.median(turn[key] for turn in turns), 2) for key in _TOLD if turns
        }
        for turn in (turn[clients] for turn in rounds if "failure" in turn[clients]):
            told[clients]["failure"] = turn["failure"]
    every = [turn[clients] for turn in rounds for clients in ("1", str(CLIENTS))]
    told["checked"] = sum(turn.get("checked", 0) for turn in every)
    told["wrong"] = sum(turn.get("wrong", 0) for turn in every)
    told["lowest_cosine"] = min(
        (turn["lowest_cosine"] for turn in every if turn.get("checked")), default=None
    )
    told["errors"] = sum(sum(turn.get("errors", {}).values()) for turn in every)
    if "padded_share" in rounds[0]:
        told["padded_share"] = round(statistics.mean(turn["padded_share"] for turn in rounds), 4)
    return told


def _units(port: int) -> Dict[str, float]:
    """Units of batches so far, by what they were."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = {"real": 0.0, "padded": 0.0}
    for kind, count in re.findall(r'^hotpath_batch_units\w*\{.*kind="(\w+)".*\} (\S+)$', text, re.MULTILINE):
        found[kind] += float(count)
    return found
