"""Workers are killed again and again in the midst of what they decode for another."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import List

from support.server import serving, until, write_config
from support.sleeping import write_source

from hotpath.building.build import build
from soak.ledger import Ledger
from soak.questions import Question, posted
from soak.scenarios import Found, whole
from soak.traffic import steady

CLIENTS = 8
DECODE_S = 0.2
RESULTS = ("done", "undone", "lost")


def sleeping(seconds: float) -> List[Question]:
    """One for each of some numbers, which takes so long to decode."""

    def about(number: int) -> Question:
        def wrong(document: object) -> str:
            said = document.get("number") if isinstance(document, dict) else None
            return "" if said == number else f"{said} for {number}"

        sent = posted("/predict", b"%d %g " % (number, seconds), "text/plain")
        return Question("numbers", sent, lambda answer: answer.document, wrong, {"number": number})

    return [about(number) for number in range(CLIENTS)]


def takers(room: Path, kills: int, pause: float) -> Found:
    """One worker has all clients and lets two others decode for it, which are killed, and then all end."""
    model, _ = build(write_source(room / "source"), room / "models")
    config = write_config(
        room / "hotpath.toml",
        model.directory,
        name=model.identity.name,
        server={"workers": 3},
        limits={"request_timeout_s": 60.0},
    )
    ledger, chance, sent = Ledger(), random.Random(0), sleeping(DECODE_S)
    with serving(config) as server:
        url = server.url
        owner, *others = server.children("worker")

        async def play() -> None:
            playing, running = True, asyncio.get_running_loop()
            with server.paused(others):
                load = asyncio.ensure_future(steady(url, CLIENTS, sent, ledger, lambda: playing))
                await running.run_in_executor(None, until, lambda: ledger.answered >= CLIENTS)
            try:
                for _ in range(kills):
                    await asyncio.sleep(chance.uniform(0.0, pause))
                    alive = [pid for pid in server.children("worker") if pid != owner]
                    os.kill(chance.choice(alive), signal.SIGKILL)
                    await running.run_in_executor(None, whole, server, 1, 3)
            finally:
                playing = False
            await load

        asyncio.run(play())
        until(lambda: server.metric("hotpath_slots_in_use") == 0)
        until(lambda: server.metric("hotpath_shared_bodies") == 0)
        shared = {name: server.metric(f'hotpath_shared_decodes_total{{result="{name}"}}') for name in RESULTS}
        assert owner in server.children("worker"), "it took nothing that was killed"
    return {
        **ledger.summary(),
        "kills": kills,
        "decoded_by_others": shared,
        "wrong_answers": ledger.wrong[:5],
    }
