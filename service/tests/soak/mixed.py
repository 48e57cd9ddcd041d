"""Models of several tasks in one service, under everything at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Tuple

from support.operating import operate, rewritten
from support.server import Server, serving, until, write_config

from soak.casts import Cast
from soak.ledger import Ledger
from soak.scenarios import CLIENTS, Found, strays, whole
from soak.traffic import steady


def mixed(room: Path, cast: Cast, kills: int, swaps: int, pause: float) -> Found:
    """All kinds of questions, while so many engines and workers are killed and models swapped meanwhile.

    Every answer is compared with the eager model's. A kill may come at any point of a swap; one that takes
    the engine which comes in refuses that swap.
    """
    (first, backend), *others = cast.models
    config = write_config(
        room / "hotpath.toml",
        first.directory,
        backend,
        first.identity.name,
        [{"name": model.identity.name, "path": model.directory, "backend": form} for model, form in others],
        server={"workers": 2, "control": str(room / "control")},
        limits={"request_timeout_s": 1000.0},
        batching={"max_batch": 4},
    )
    versions = _Versions(room / "versions", cast)
    ledger, swapped = Ledger(), Counter[str]()
    killed: Dict[str, List[float]] = {"engine": [], "worker": []}

    def swap() -> None:
        """Bring in another version; it is refused, and rightly, where its engine is killed meanwhile."""
        name, version = versions.next()
        done = operate("swap", config, "--model", name, "--path", version)
        if done.returncode == 0:
            versions.came_in(name)
            swapped["done"] += 1
        else:
            swapped["refused" if "was killed by SIGKILL" in done.stdout else done.stdout + done.stderr] += 1

    with serving(config, {"OMP_WAIT_POLICY": "PASSIVE"}) as server:
        url = server.url

        async def play() -> None:
            chance, playing, running = random.Random(0), True, asyncio.get_running_loop()
            load = asyncio.ensure_future(steady(url, CLIENTS, cast.questions, ledger, lambda: playing))
            coming: Any = asyncio.sleep(1.0)
            try:
                for number in range(kills):
                    if number * swaps // kills != (number - 1) * swaps // kills:
                        await coming
                        coming = running.run_in_executor(None, swap)
                    for role in ("engine", "worker"):
                        await running.run_in_executor(None, whole, server, len(cast.models))
                        await asyncio.sleep(chance.uniform(0.2 * pause, pause))
                        killed[role].append(_kill(server, role, chance))
                await coming
                await running.run_in_executor(None, whole, server, len(cast.models))
            finally:
                playing = False  # else the clients would go on for ever where something failed
            await load

        begun = time.monotonic()
        asyncio.run(play())
        seconds = time.monotonic() - begun
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
        restarts = {role: server.metric(f'hotpath_restarts_total{{role="{role}"}}') for role in killed}
        slots_left = server.metric("hotpath_slots_in_use")
    return {
        **ledger.summary(),
        "by_kind": dict(sorted(ledger.right.items())),
        "seconds": round(seconds, 1),
        "kills": {role: len(times) for role, times in killed.items()},
        "restarts": restarts,
        "swaps": {result: swapped[result] for result in ("done", "refused")},
        "swaps_gone_wrong": [result for result in swapped if result not in ("done", "refused")],
        "lost_away_from_a_workers_death": strays(ledger, killed["worker"]),
        "slots_left": slots_left,
        "wrong_answers": ledger.wrong[:5],
    }


def _kill(server: Server, role: str, chance: random.Random) -> float:
    """Kill one of the children; returns when."""
    while True:
        with contextlib.suppress(ProcessLookupError):  # the engine of a version that has just gone
            os.kill(chance.choice(server.children(role)), signal.SIGKILL)
            return time.monotonic()


class _Versions:
    """Two of each model, which answer the same, and whose turn it is."""

    def __init__(self, room: Path, cast: Cast) -> None:
        self._turns = itertools.cycle([model.identity.name for model, _ in cast.models])
        self._versions = {
            name: [directory, rewritten(directory, room / name / "2")]
            for name, directory in ((model.identity.name, model.directory) for model, _ in cast.models)
        }
        """By model: the one that is live, and the other."""

    def next(self) -> Tuple[str, Path]:
        """A model, and the version of it that is not live."""
        name = next(self._turns)
        return name, self._versions[name][1]

    def came_in(self, name: str) -> None:
        """It is live now."""
        self._versions[name].reverse()
