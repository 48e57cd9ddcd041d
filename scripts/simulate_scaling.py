"""Simulate a fleet under loads of several shapes, scaled by measure, by Kubernetes' rule, and not at all.

A host carries its capacity in images/s; what comes beyond waits for half a second's worth at most, and the rest is
refused. Nothing here touches a host.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "roles" / "autoscaler" / "files"))
from autoscaler.policy import Host, Policy, Reading, Settings, State

CAPACITY = 100.0  # images/s of a host
HOSTS = 12
SETTINGS = Settings(minimum=2, maximum=HOSTS)
LOOK_S = 15  # between two looks, and between two scrapes
USE_S = 30  # that Kubernetes' use is averaged over; demand is that between two scrapes
QUEUE_S = 0.5  # of capacity, that may wait
JOIN_S = 5  # a warm host needs


@dataclass
class Simulated:
    """A host: what it carries now, and the second at which it serves when it has been asked to."""

    name: str
    tier: int = 0
    join_s: float = JOIN_S
    speed: float = 1.0
    state: State = State.STANDBY
    serves_at: float = math.inf


@dataclass
class Shape:
    """A load, and what happens to the fleet meanwhile."""

    name: str
    seconds: int
    demand: Callable[[float], float]
    events: dict[int, Callable[[Fleet], None]] = field(default_factory=dict)
    standby: Callable[[int], Simulated] = lambda number: Simulated(f"gpu-{number:02}")


@dataclass
class Result:
    hosts: float  # in rotation or on their way, mean
    refused: float  # of what was asked for
    changes: int  # hosts that joined or left by the scaler's word


class Fleet:
    """Hosts under a load, second by second."""

    def __init__(self, shape: Shape, begin_with: int) -> None:
        self.hosts = [shape.standby(number) for number in range(1, HOSTS + 1)]
        for host in self.hosts[:begin_with]:
            host.state = State.SERVING
        self.measured = True  # Prometheus has data
        self.now = 0
        self.last: Reading | None = None
        self._rates: deque[tuple[float, float]] = deque(maxlen=USE_S)  # demand, served
        self._waiting = self.asked = self.refused = self._host_seconds = 0.0
        self.changes = 0

    def serving(self) -> list[Simulated]:
        return [host for host in self.hosts if host.state is State.SERVING]

    def step(self, demand: float) -> None:
        """One second."""
        self.now += 1
        for host in self.hosts:
            if host.state is State.STARTING and self.now >= host.serves_at:
                host.state = State.SERVING
        capacity = sum(CAPACITY * host.speed for host in self.serving())
        served = min(self._waiting + demand, capacity)
        left = self._waiting + demand - served
        self._waiting = min(left, QUEUE_S * capacity)
        self.refused += left - self._waiting
        self.asked += demand
        self._host_seconds += sum(host.state in (State.SERVING, State.STARTING) for host in self.hosts)
        self._rates.append((demand, served))

    def read(self) -> None:
        """A scrape."""
        if self.measured:
            demand = sum(one for one, _ in list(self._rates)[-LOOK_S:]) / LOOK_S
            seen = tuple(Host(h.name, h.state, CAPACITY * h.speed, h.tier) for h in self.hosts)
            self.last = Reading(self.now, demand, seen)

    def use(self) -> float:
        """What has been served, as a share of the capacity of those that serve."""
        capacity = sum(CAPACITY * host.speed for host in self.serving())
        return sum(one for _, one in self._rates) / len(self._rates) / capacity if capacity else 0.0

    def join(self, name: str) -> None:
        host = next(host for host in self.hosts if host.name == name)
        host.state, host.serves_at = State.STARTING, self.now + host.join_s
        self.changes += 1

    def leave(self, name: str) -> None:
        next(host for host in self.hosts if host.name == name).state = State.STANDBY
        self.changes += 1

    def result(self) -> Result:
        return Result(self._host_seconds / self.now, self.refused / self.asked, self.changes)


Scaler = Callable[[Fleet], None]


def by_measure() -> Scaler:
    """Hotpath's own policy."""
    policy = Policy(SETTINGS)

    def look(fleet: Fleet) -> None:
        decision = policy.decide(fleet.now, fleet.last)
        for name in decision.join:
            fleet.join(name)
        for name in decision.leave:
            fleet.leave(name)

    return look


def by_kubernetes_rule() -> Scaler:
    """HorizontalPodAutoscaler as its documentation has it, with its defaults: ratio of use to target, 10 % tolerance,
    at most doubled or four more in a look, fewer by the highest of the last five minutes. Without data it does nothing.
    """
    wanted: deque[tuple[int, int]] = deque()

    def look(fleet: Fleet) -> None:
        if not fleet.measured:
            return
        serving = fleet.serving()
        starting = [host for host in fleet.hosts if host.state is State.STARTING]
        ratio = fleet.use() / SETTINGS.target
        count = len(serving) + len(starting)
        if abs(ratio - 1) > SETTINGS.tolerance:
            # Who is not ready yet counts as unused when the fleet is to grow, and as in nobody's way when it shrinks.
            count = max(count, math.ceil(len(serving) * ratio)) if ratio > 1 else math.ceil(len(serving) * ratio)
        present = len(serving) + len(starting)
        count = min(count, max(2 * present, present + 4))
        count = max(SETTINGS.minimum, min(SETTINGS.maximum, count))
        wanted.append((fleet.now, count))
        while fleet.now - wanted[0][0] > 300:
            wanted.popleft()
        if count > present:
            ready = [host.name for host in fleet.hosts if host.state is State.STANDBY]
            for name in ready[: count - present]:
                fleet.join(name)
        elif (most := max(one for _, one in wanted)) < present:
            for host in serving[most - present :]:
                fleet.leave(host.name)

    return look


def not_at_all() -> Scaler:
    return lambda fleet: None


SCALERS: dict[str, Callable[[], Scaler]] = {
    "by measure": by_measure,
    "Kubernetes' rule": by_kubernetes_rule,
    "all hosts": not_at_all,
}


def slowed(name: str, speed: float) -> Callable[[Fleet], None]:
    def happen(fleet: Fleet) -> None:
        next(host for host in fleet.hosts if host.name == name).speed = speed

    return happen


def lost(name: str) -> Callable[[Fleet], None]:
    def happen(fleet: Fleet) -> None:
        next(host for host in fleet.hosts if host.name == name).state = State.LOST

    return happen


def prometheus(there: bool) -> Callable[[Fleet], None]:
    def happen(fleet: Fleet) -> None:
        fleet.measured = there

    return happen


def never_comes(number: int) -> Simulated:
    return Simulated(f"gpu-{number:02}", join_s=math.inf if number == 3 else JOIN_S)


def powered_off(number: int) -> Simulated:
    return Simulated(f"gpu-{number:02}", tier=0 if number <= 4 else 2, join_s=JOIN_S if number <= 4 else 600)


def shapes() -> Iterator[Shape]:
    """Every shape; loads in images/s."""
    noise = random.Random(7)
    minutes = [noise.gauss(1, 0.05) for _ in range(1000)]
    day = 6 * 3600  # of six hours, so that it does not take a day

    def diurnal(at: float) -> float:
        return (400 - 300 * math.cos(2 * math.pi * at / day)) * minutes[int(at) // 60]

    yield Shape("a day of six hours, 100 to 700", day, diurnal)
    yield Shape("a ramp, 100 to 800 in ten minutes", 3600, lambda at: 100 + 700 * min(1.0, max(0, at - 600) / 600))
    yield Shape("a spike to 500 for three minutes", 3600, lambda at: 500 if 1200 <= at < 1380 else 100)
    yield Shape("200 and 350, two minutes each", 7200, lambda at: 350 if at // 120 % 2 else 200)
    yield Shape("a host at 0.4 of its speed", 3600, lambda at: 250, {1200: slowed("gpu-01", 0.4)})
    yield Shape("a host lost", 3600, lambda at: 250, {1200: lost("gpu-02")})
    gap = {1200: prometheus(False), 1290: prometheus(True)}
    yield Shape("a scrape gap of 90 s", 3600, lambda at: 300 if at < 1800 else 200, gap)
    away = {1800: prometheus(False), 2700: prometheus(True)}
    yield Shape("no data for 15 minutes, load halves", 5400, lambda at: 600 if at < 1900 else 300, away)
    triple = lambda at: 600 if 1200 <= at < 3600 else 150  # noqa: E731
    yield Shape("four times the load, one never comes", 5400, triple, standby=never_comes)
    yield Shape("four times, most take ten minutes", 5400, triple, standby=powered_off)


def simulate(shape: Shape, make: Callable[[], Scaler]) -> Fleet:
    """The fleet after the whole load; it begins with as many hosts as the first second needs, or with all."""
    first = max(SETTINGS.minimum, math.ceil(shape.demand(0) / SETTINGS.target / CAPACITY))
    fleet, scaler = Fleet(shape, HOSTS if make is not_at_all else first), make()
    for second in range(shape.seconds):
        if second in shape.events:
            shape.events[second](fleet)
        fleet.step(shape.demand(second))
        if second % LOOK_S == LOOK_S - 1:
            fleet.read()
            scaler(fleet)
    return fleet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    table = Table(title=f"{HOSTS} hosts of {CAPACITY:.0f} images/s, target {SETTINGS.target:.0%}")
    table.add_column("load", no_wrap=True)
    for name in ("hosts in use", "refused", "changes"):
        table.add_column(name, justify="right", no_wrap=True)
    for shape in shapes():
        results = [simulate(shape, make).result() for make in SCALERS.values()]
        table.add_row(
            shape.name,
            "  ".join(f"{result.hosts:4.1f}" for result in results),
            "  ".join(f"{result.refused:6.2%}" for result in results),
            "  ".join(f"{result.changes:2}" for result in results),
        )
    table.caption = "each: " + ", ".join(SCALERS)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
