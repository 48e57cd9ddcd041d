"""Stand-ins for the hosts behind a balancer, and what one ideal queue would make of them."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Iterator, List

MAX_BATCH = 8
FIXED_S, EACH_S = 0.02, 0.0075  # of a batch at full speed: 80 ms for eight
PLACES = 2 * MAX_BATCH  # at a host at once: as the role load_balancer has it
WAITING = 64  # at a host at most, then 429
FULL = MAX_BATCH / (FIXED_S + MAX_BATCH * EACH_S)  # requests/s of a host at full speed


@dataclass(frozen=True)
class Speed:
    """Of a host: before and after the middle of the run, 1 is full speed."""

    before: float
    after: float

    def at(self, share: float) -> float:
        """When so much of the run is over."""
        return self.before if share < 0.5 else self.after


HOSTS = {"fast": Speed(1, 1), "half": Speed(0.5, 0.5), "fading": Speed(1, 1 / 3)}


def batch_seconds(count: int, speed: float) -> float:
    """How long a host is busy with a batch."""
    return (FIXED_S + count * EACH_S) / speed


class Host:
    """A stand-in: requests wait in one queue, and one batch at a time is computed by sleeping."""

    def __init__(self, speed: Speed, run: Run, room: bool) -> None:
        self._speed, self._run, self._tells_room = speed, run, room
        self._waiting: List[asyncio.Future[None]] = []
        self._some = asyncio.Event()

    async def compute(self) -> None:
        """Batches, for ever."""
        while True:
            await self._some.wait()
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not self._waiting:
                self._some.clear()
            await asyncio.sleep(batch_seconds(len(batch), self._speed.at(self._run.part)))
            for answered in batch:
                answered.set_result(None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with requests without bodies."""
        while await head(reader):
            if len(self._waiting) >= WAITING:
                writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
                continue
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(answered)
            self._some.set()
            await answered
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def agent(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HAProxy's agent-check: its speed, and room for two batches or, where it is slow, down to one."""
        speed = self._speed.at(self._run.part)
        room = f" maxconn:{max(MAX_BATCH, round(PLACES * speed))}" if self._tells_room else ""
        writer.write(f"{max(1, round(100 * speed))}%{room} up\n".encode())
        writer.close()


async def head(reader: asyncio.StreamReader) -> bytes:
    """The next message without a body; empty at the end of the connection."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


class Run:
    """The time of a run, and when requests arrive in it."""

    def __init__(self, seconds: float, share: float) -> None:
        self.seconds, self.share = seconds, share
        self.begun = 0.0

    @property
    def part(self) -> float:
        """How much of the run is over."""
        return (time.monotonic() - self.begun) / self.seconds

    def arrivals(self) -> Iterator[float]:
        """Seconds from the start: a Poisson process whose rate follows what the hosts can do together."""
        chance, now = random.Random(7), 0.0
        while now < self.seconds:
            capacity = FULL * sum(host.at(now / self.seconds) for host in HOSTS.values())
            now += chance.expovariate(self.share * capacity)
            yield now


def ideal(run: Run) -> List[float]:
    """Latencies in seconds behind one queue, when a host takes what waits as soon as it is free."""
    waiting, found = list(run.arrivals()), []
    free = dict.fromkeys(HOSTS, 0.0)
    while waiting:
        ready = max(min(free.values()), waiting[0])
        name = max((n for n in HOSTS if free[n] <= ready), key=lambda n: HOSTS[n].at(ready / run.seconds))
        batch = [at for at in waiting[:MAX_BATCH] if at <= ready]
        free[name] = ready + batch_seconds(len(batch), HOSTS[name].at(ready / run.seconds))
        found += [free[name] - at for at in batch]
        waiting = waiting[len(batch) :]
    return found
