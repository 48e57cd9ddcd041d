"""The scenarios. Each gets a directory to work in and returns what it found; `judge` says what is wrong."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Sequence

import httpx
from support import asking
from support.colours import picture, write_source
from support.server import PATIENCE_S, Server, serving, until, write_config

from hotpath.building.build import build
from soak.ledger import Ledger, Memory
from soak.traffic import at_rate, requests, steady, trickle, vanish

CLIENTS = 16
AFTER_A_KILL_S = 1.0
"""A connection that breaks later than this after a kill did not break by it."""

Found = Dict[str, Any]


def faults(room: Path, kills: int, pause: float) -> Found:
    """Engines and workers are killed under steady load, then the service is stopped with 64 inside."""
    config = _service(room, workers=2, always=0.005)
    ledger = Ledger()
    killed: Dict[str, List[float]] = {"engine": [], "worker": []}
    with serving(config) as server:
        url = server.url

        async def play() -> None:
            chance, playing = random.Random(0), True
            load = asyncio.ensure_future(steady(url, CLIENTS, requests(), ledger, lambda: playing))
            try:
                await asyncio.sleep(1.0)
                for role in [role for _ in range(kills) for role in ("engine", "worker")]:
                    await asyncio.get_running_loop().run_in_executor(None, whole, server, 1)
                    os.kill(chance.choice(server.children(role)), signal.SIGKILL)
                    killed[role].append(time.monotonic())
                    await asyncio.sleep(chance.uniform(0.2 * pause, pause))
            finally:
                playing = False  # else the clients would go on for ever where something failed
            await load

        asyncio.run(play())
        restarts = {role: server.metric(f'hotpath_restarts_total{{role="{role}"}}') for role in killed}
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
        drained = _drain(server, 64)
    return {
        **ledger.summary(),
        "kills": {role: len(times) for role, times in killed.items()},
        "restarts": restarts,
        "lost_away_from_a_workers_death": strays(ledger, killed["worker"]),
        "drained": drained,
        "wrong_answers": ledger.wrong[:5],
    }


def overload(room: Path, seconds: float, factor: float = 10.0, deadline_ms: int = 500) -> Found:
    """Ten times what the engine can do, each request with a deadline.

    The deadline is judged by the service's clock, which starts with the request's head: the clients share the
    CPUs with the service, and how long they take to send and to notice an answer is theirs.
    """
    config = _service(room, workers=2, always=0.04, most=4)
    sent = requests(**{"X-Request-Deadline-Ms": str(deadline_ms)})
    calm, flood = Ledger(), Ledger()
    with serving(config) as server:
        url, memory = server.url, Memory(server)
        end = time.monotonic() + max(2.0, seconds / 10)
        asyncio.run(steady(url, 8, sent, calm, lambda: time.monotonic() < end))
        capacity = 4 / 0.04
        before = memory.sample()
        unsent = asyncio.run(at_rate(url, factor * capacity, seconds, sent, flood))
        after = memory.sample()
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
    late = sum(took * 1000 > deadline_ms for took in flood.service_seconds)
    return {
        "capacity_per_s": capacity,
        "offered_per_s": round((flood.sent + unsent) / seconds, 1),
        "unsent": unsent,
        **flood.summary(),
        "answered_per_s": round(flood.answered / seconds, 1),
        "answered_after_deadline": late,
        "later_by_the_clients_clock": sum(took * 1000 > deadline_ms for took in flood.seconds),
        "kib_before": before,
        "kib_after": after,
    }


def endurance(room: Path, count: int) -> Found:
    """So many requests in closed loop; memory over time."""
    config, ledger = _service(room, workers=2), Ledger()
    with serving(config) as server:
        url, memory = server.url, Memory(server)

        async def play() -> None:
            load = asyncio.ensure_future(
                steady(url, 2 * CLIENTS, requests(), ledger, lambda: ledger.sent < count)
            )
            marks = [count * step // 20 for step in range(1, 20)]
            while not load.done():
                await asyncio.sleep(0.2)
                if marks and ledger.sent >= marks[0]:
                    marks.pop(0)
                    memory.sample()
                    memory.samples[-1]["requests"] = ledger.sent
            await load

        begun = time.monotonic()
        asyncio.run(play())
        seconds = time.monotonic() - begun
        memory.sample()
    return {
        **ledger.summary(),
        "requests_per_s": round(ledger.sent / seconds, 1),
        "memory": memory.samples,
    }


def bad_clients(room: Path, count: int, seconds: float) -> Found:
    """Half of them vanish at any point, half send a byte a second, while others are served."""
    config, ledger = _service(room, workers=2, timeout_s=5.0), Ledger()
    sent = requests()
    with serving(config) as server:
        url, memory = server.url, Memory(server)
        before = memory.open_files()

        async def play() -> None:
            playing = True
            load = asyncio.ensure_future(steady(url, 8, sent, ledger, lambda: playing))
            bad = [trickle(url, sent, number, seconds) for number in range(count // 2)]
            tasks = [asyncio.ensure_future(one) for one in bad]
            try:
                for number in range(count - count // 2):
                    tasks.append(asyncio.ensure_future(vanish(url, sent, number)))
                    await asyncio.sleep(seconds / count)
                await asyncio.gather(*tasks)
            finally:
                playing = False
            await load

        asyncio.run(play())
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
        until(lambda: sum(memory.open_files().values()) <= sum(before.values()) + 2)
        after = memory.open_files()
        left = server.metric("hotpath_slots_in_use")
    return {
        **ledger.summary(),
        "bad_clients": count,
        "slots_left": left,
        "open_files_before": before,
        "open_files_after": after,
    }


FAULTS = (
    "wrong",
    "failed",
    "unanswered",
    "lost_away_from_a_workers_death",
    "slots_left",
    "answered_after_deadline",
    "swaps_gone_wrong",
)
"""What there must be none of."""


def judge(name: str, found: Found) -> List[str]:
    """What is not as it should be, one sentence each."""
    problems = [f"{name}: {key} is {found[key]}" for key in FAULTS if found.get(key)]
    if name not in ("faults", "mixed") and found["lost_connections"]:
        problems.append(f"{name}: {found['lost_connections']} connections broke")
    if name == "faults" and found["drained"] != {"200": 64}:
        problems.append(f"{name}: of 64 inside at SIGTERM {found['drained']}")
    return problems


def _service(room: Path, workers: int, always: float = 0.0, timeout_s: float = 10.0, most: int = 8) -> Path:
    model, _ = build(write_source(room / "source", always=always), room / "models")
    return write_config(
        room / "hotpath.toml",
        model.directory,
        server={"workers": workers},
        limits={"request_timeout_s": timeout_s},
        batching={"max_batch": most},
    )


def whole(server: Server, engines: int, workers: int = 2) -> None:
    """Wait until every child serves: a kill during a start would only measure the restart delay."""

    def serving_all() -> bool:
        counts = [len(server.children(role)) for role in ("engine", "worker")]
        try:
            ready = asking.get(f"{server.url}/readyz", timeout=PATIENCE_S).status_code == 200
        except httpx.TransportError:  # the worker that took the connection has just been killed
            return False
        return ready and counts[0] >= engines and counts[1] == workers

    until(serving_all)


def strays(ledger: Ledger, deaths: Sequence[float]) -> int:
    """Connections that broke, and not by a worker's death at one of these times."""
    return sum(not any(0 <= at - death < AFTER_A_KILL_S for death in deaths) for at in ledger.lost)


def _drain(server: Server, inside: int) -> Dict[str, int]:
    """Statuses of so many requests that were inside at SIGTERM."""
    with ThreadPoolExecutor(inside) as pool:
        with server.paused_engine():
            answers = [pool.submit(server.predict, picture("red")) for _ in range(inside)]
            until(lambda: server.metric("hotpath_slots_in_use") == inside)
            server.process.terminate()
            server.find("draining")
        return dict(Counter(str(answer.result().status_code) for answer in answers))
