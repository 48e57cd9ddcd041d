"""Clients: steady ones, in closed or open loop, that check every answer; and bad ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from typing import Callable, Dict, Optional, Tuple
from urllib.parse import urlsplit

from support.colours import COLOURS, picture

from soak.ledger import Ledger

SIZE = (500, 375)
PATIENCE_S = 60.0
"""No answer after so long counts as lost."""


class Connection:
    """One keep-alive connection, opened when it is needed."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.address = (str(address.hostname), int(address.port or 0))
        self._streams: Optional[Tuple[asyncio.StreamReader, asyncio.StreamWriter]] = None

    async def ask(self, request: bytes) -> Tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or EOFError where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self.address)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            body = await asyncio.wait_for(reader.readexactly(int(fields[b"content-length"])), PATIENCE_S)
            if fields.get(b"connection") == b"close":
                self.close()
            return int(head[9:12]), body
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            self.close()
            raise EOFError(str(error)) from error

    def close(self) -> None:
        """Break it off."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def requests(**headers: str) -> Dict[str, bytes]:
    """A request for each colour: a photograph's size, as JPEG."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    found = {}
    for colour in COLOURS:
        body = picture(colour, "JPEG", SIZE)
        head = f"POST /predict HTTP/1.1\r\nHost: soak\r\nContent-Type: image/jpeg\r\n{more}"
        found[colour] = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    return found


async def ask(connection: Connection, sent: Dict[str, bytes], colour: str, ledger: Ledger) -> bool:
    """One request and its entry; whether there was an answer."""
    started = time.monotonic()
    try:
        status, body = await connection.ask(sent[colour])
    except (OSError, EOFError):
        ledger.lost.append(time.monotonic())
        return False
    took = time.monotonic() - started
    ledger.note(colour, status, json.loads(body), took)
    return True


async def steady(
    url: str, clients: int, sent: Dict[str, bytes], ledger: Ledger, more: Callable[[], bool]
) -> None:
    """Each client sends its next request when the last is answered, while `more` says so.

    What was lost with its connection is sent again, as a balancer would: by then it must be answered.
    """

    async def client(number: int) -> None:
        connection, chance = Connection(url), random.Random(number)
        while more():
            colour = chance.choice(list(COLOURS))
            while not await ask(connection, sent, colour, ledger):
                await asyncio.sleep(0.02)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))


async def at_rate(
    url: str, rate: float, seconds: float, sent: Dict[str, bytes], ledger: Ledger, connections: int = 512
) -> int:
    """So many requests a second, whatever the service does; how many found no free connection."""
    idle = [Connection(url) for _ in range(connections)]
    colours, chance, tasks, unsent = list(COLOURS), random.Random(0), set(), 0

    async def one(connection: Connection) -> None:
        await ask(connection, sent, chance.choice(colours), ledger)
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


async def vanish(url: str, sent: Dict[str, bytes], number: int) -> None:
    """Sends a part of a request, or all of it, and goes away without a word."""
    chance = random.Random(number)
    connection = Connection(url)
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(*connection.address)
        request = sent[chance.choice(list(COLOURS))]
        writer.write(request[: chance.choice([0, 10, 200, len(request) // 2, len(request)])])
        with contextlib.suppress(OSError):
            await writer.drain()
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        writer.transport.abort()


async def trickle(url: str, sent: Dict[str, bytes], number: int, seconds: float) -> None:
    """Sends a byte a second."""
    connection = Connection(url)
    request = sent[list(COLOURS)[number % len(COLOURS)]]
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(*connection.address)
        until, place = time.monotonic() + seconds, 0
        while time.monotonic() < until and not writer.transport.is_closing():
            writer.write(request[place : place + 1])
            place += 1
            await asyncio.sleep(1.0)
        writer.transport.abort()
