"""Clients: steady ones, in closed or open loop, that check every answer; and bad ones."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import Callable, List, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from support.colours import COLOURS, picture
from support.server import PATIENCE_S

from soak.ledger import REFUSED, Ledger
from soak.questions import Answer, Question, posted

SIZE = (500, 375)
PAUSE_S = 0.05
"""Between two attempts."""
ENDLESS_S = 300.0
"""No answer after PATIENCE_S counts as lost, and what is refused or lost for so long as unanswered."""


class Connection:
    """One keep-alive connection, opened when it is needed."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.address = (str(address.hostname), int(address.port or 0))
        self._streams: Optional[Tuple[asyncio.StreamReader, asyncio.StreamWriter]] = None

    async def ask(self, request: bytes) -> Answer:
        """What is answered. Raises EOFError where there is nothing."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self.address)
            reader, writer = self._streams
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            body = await asyncio.wait_for(reader.readexactly(int(fields[b"content-length"])), PATIENCE_S)
            if fields.get(b"connection") == b"close":
                self.close()
            return Answer(int(head[9:12]), fields, body)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            self.close()
            raise EOFError(str(error)) from error

    def close(self) -> None:
        """Break it off."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def requests(**headers: str) -> List[Question]:
    """One for each colour: a photograph's size, as JPEG."""

    def about(colour: str) -> Question:
        def wrong(document: object) -> str:
            label = document.get("label") if isinstance(document, dict) else None
            return "" if label == colour else f"{label} for {colour}"

        sent = posted("/predict", picture(colour, "JPEG", SIZE), "image/jpeg", **headers)
        return Question("colours", sent, lambda answer: answer.document, wrong, {"label": colour})

    return [about(colour) for colour in COLOURS]


async def ask(connection: Connection, question: Question, ledger: Ledger) -> bool:
    """One request and its entry; whether there was an answer other than a refusal."""
    started = time.monotonic()
    try:
        answer = await connection.ask(question.request)
    except EOFError:
        ledger.lost.append(time.monotonic())
        return False
    ledger.note(question, answer, time.monotonic() - started)
    return answer.status not in REFUSED


async def steady(
    url: str, clients: int, sent: Sequence[Question], ledger: Ledger, more: Callable[[], bool]
) -> None:
    """Each client sends its next request when the last is answered, while `more` says so.

    What was refused, or lost with its connection, is sent again, as a balancer would: by then it must be
    answered. Each client asks questions of one kind, so that
    what waits for one model keeps nobody from asking others.
    """
    kinds = sorted({question.kind for question in sent})

    async def client(number: int) -> None:
        connection, chance = Connection(url), random.Random(number)
        own = [question for question in sent if question.kind == kinds[number % len(kinds)]]
        while more():
            question, begun = chance.choice(own), time.monotonic()
            while not await ask(connection, question, ledger):
                if time.monotonic() - begun > ENDLESS_S:
                    ledger.unanswered += 1
                    break
                await asyncio.sleep(PAUSE_S)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))


async def at_rate(
    url: str, rate: float, seconds: float, sent: Sequence[Question], ledger: Ledger, connections: int = 512
) -> int:
    """So many requests a second, whatever the service does; how many found no free connection."""
    idle = [Connection(url) for _ in range(connections)]
    chance, tasks, unsent = random.Random(0), set(), 0

    async def one(connection: Connection) -> None:
        await ask(connection, chance.choice(sent), ledger)
        idle.append(connection)

    begun, count = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < seconds:
        while count < elapsed * rate:
            count += 1
            if idle:
                task = asyncio.ensure_future(one(idle.pop()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            else:
                unsent += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    for connection in idle:
        connection.close()
    return unsent


async def vanish(url: str, sent: Sequence[Question], number: int) -> None:
    """Sends a part of a request, or all of it, and goes away without a word."""
    chance = random.Random(number)
    connection = Connection(url)
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(*connection.address)
        request = chance.choice(sent).request
        writer.write(request[: chance.choice([0, 10, 200, len(request) // 2, len(request)])])
        with contextlib.suppress(OSError):
            await writer.drain()
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        writer.transport.abort()


async def trickle(url: str, sent: Sequence[Question], number: int, seconds: float) -> None:
    """Sends a byte a second."""
    connection = Connection(url)
    request = sent[number % len(sent)].request
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(*connection.address)
        until, place = time.monotonic() + seconds, 0
        while time.monotonic() < until and not writer.transport.is_closing():
            writer.write(request[place : place + 1])
            place += 1
            await asyncio.sleep(1.0)
        writer.transport.abort()
