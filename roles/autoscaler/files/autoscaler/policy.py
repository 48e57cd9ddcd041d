"""How many hosts the load needs, and which join or leave: a pure function of what was measured and when.

Capacities are images/s that a host can carry (from its warm-up's table, its pace and its decoding); times are seconds
of one clock that never goes back.
"""

import enum
import re
from collections import deque
from typing import Deque, Dict, List, NamedTuple, Optional, Sequence, Tuple


class State(enum.Enum):
    """Where a host stands, as the balancers tell it."""

    SERVING = "serving"
    STARTING = "starting"  # on its way into rotation
    STANDBY = "standby"  # may be asked to join
    LEAVING = "leaving"  # drained, and at its last requests
    LOST = "lost"  # was to serve, and does not answer
    HELD = "held"  # out of rotation by somebody's word; not ours to bring back


class Host(NamedTuple):
    """A host of the fleet. `capacity` is None where nothing recent tells it."""

    name: str
    state: State
    capacity: Optional[float]
    tier: int = 0  # 0: warm and drained, 1: service stopped, 2: powered off
    spare: bool = True  # may leave; the others serve always


class Reading(NamedTuple):
    """What was measured. `demand` is what clients asked for in images/s, what was refused included."""

    at: float
    demand: float
    hosts: Tuple[Host, ...]


class Settings(NamedTuple):
    """What the operator allows."""

    minimum: int
    maximum: int
    spares: int = 0  # hosts that may be lost at once without the others being used beyond the target
    target: float = 0.7  # of the capacity of the hosts in rotation
    tolerance: float = 0.1  # more than the target asks for is let pass so far
    look_back_s: float = 600.0  # hosts leave by the highest need of so long
    pause_s: float = 60.0  # between two that leave
    stale_s: float = 60.0  # older readings are none
    start_s: Tuple[float, ...] = (60.0, 300.0, 900.0)  # by tier: that a host may take into rotation
    failed_s: float = 1800.0  # that one which did not come in time is left alone


class Decision(NamedTuple):
    """What to do now. `needed` is the capacity in images/s that the load asks for, None where it is not known."""

    join: Tuple[str, ...]
    leave: Tuple[str, ...]
    needed: Optional[float]
    reason: str

    @property
    def kind(self) -> str:
        """The reason less its figures, by which one decision is told from the next."""
        return re.sub(r"\d+(\.\d+)?", "", self.reason)


class Policy:
    """Decides at each look, and remembers what the decisions after it need.

    Hosts join at once, as many as are missing; they leave one at a time, when even the highest need of the last
    `look_back_s` is carried without them. A policy that has just begun has seen no such time, so it lets nobody go.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._needs: Deque[Tuple[float, float]] = deque()
        self._seen_since: Optional[float] = None
        self._asked: Dict[str, float] = {}
        self._failed: Dict[str, float] = {}
        self._left_at = float("-inf")

    @property
    def failed(self) -> Tuple[str, ...]:
        """Hosts that did not come in time and are left alone for a while."""
        return tuple(sorted(self._failed))

    def decide(self, now: float, reading: Optional[Reading], held: str = "") -> Decision:
        """The decision of this moment; `held` says why nothing may be done, and is empty where something may."""
        if reading is None or now - reading.at > self._settings.stale_s:
            return self._hold("nothing was measured" if reading is None else _age(now, reading))
        unknown = [host.name for host in reading.hosts if host.state is State.SERVING and host.capacity is None]
        if unknown:
            return self._hold("no recent figures of %s" % ", ".join(unknown))
        needed = reading.demand / self._settings.target
        self._remember(now, needed)
        self._follow(now, reading.hosts)
        if held:
            return Decision((), (), needed, held)
        return self._joining(now, needed, reading.hosts) or self._leaving(now, needed, reading.hosts)

    def _hold(self, why: str) -> Decision:
        """Without measurements, the time that hosts leave by begins anew."""
        self._needs.clear()
        self._seen_since = None
        return Decision((), (), None, "%s: the fleet stays as it is" % why)

    def _remember(self, now: float, needed: float) -> None:
        self._seen_since = now if self._seen_since is None else self._seen_since
        while self._needs and (now - self._needs[0][0] > self._settings.look_back_s):
            self._needs.popleft()
        while self._needs and self._needs[-1][1] <= needed:  # what only the highest of later looks needs
            self._needs.pop()
        self._needs.append((now, needed))

    def _follow(self, now: float, hosts: Sequence[Host]) -> None:
        """Find who did not come in time, and forgive who failed long ago."""
        waited_for = {State.STARTING, State.STANDBY, State.LOST}
        for host in hosts:
            if host.state is State.STARTING:
                self._asked.setdefault(host.name, now)
            asked = self._asked.get(host.name)
            if host.state not in waited_for:
                self._asked.pop(host.name, None)
                self._failed.pop(host.name, None)
            elif asked is not None and now - asked > self._settings.start_s[host.tier]:
                self._failed[host.name] = now
                del self._asked[host.name]
        self._failed = {name: at for name, at in self._failed.items() if now - at < self._settings.failed_s}

    def _joining(self, now: float, needed: float, hosts: Sequence[Host]) -> Optional[Decision]:
        serving = [host for host in hosts if host.state is State.SERVING]
        coming = [host for host in hosts if host.name in self._asked]
        # Who is still starting carries nothing; it is only not asked for twice.
        crew = serving + coming
        ready = [host for host in hosts if host.state is State.STANDBY and host not in coming]
        ready = [host for host in ready if host.name not in self._failed]
        usual = _usual(serving + coming + ready)
        # Where no host has been measured, one more says nothing about how many: the minimum has to come first.
        enough = needed / (1 + self._settings.tolerance) if usual else 0.0
        ready.sort(key=lambda host: (host.tier, -_capacity(host, usual), host.name))
        join: List[Host] = []
        while ready and len(crew) + len(join) < self._settings.maximum:
            if len(crew) + len(join) >= self._settings.minimum and self._carried(crew + join, usual) >= enough:
                break
            join.append(ready.pop(0))
        short = self._carried(crew + join, usual) < enough or len(crew) + len(join) < self._settings.minimum
        words = self._words(needed, serving, usual)
        if join:
            self._asked.update({host.name: now for host in join})
            return Decision(tuple(host.name for host in join), (), needed, "%s: %s" % (words, "too few"))
        if short:
            full = len(crew) >= self._settings.maximum
            why = "the maximum of %d is reached" % self._settings.maximum if full else "no host is left to join"
            return Decision((), (), needed, "%s: too few, and %s" % (words, why))
        if coming:
            names = ", ".join(host.name for host in coming)
            return Decision((), (), needed, "%s: %s is on its way" % (words, names))
        return None

    def _leaving(self, now: float, needed: float, hosts: Sequence[Host]) -> Decision:
        serving = [host for host in hosts if host.state is State.SERVING]
        words = self._words(needed, serving, None)
        highest = self._needs[0][1]
        if len(serving) <= self._settings.minimum:
            return Decision((), (), needed, "%s: the minimum" % words)
        spare = [host for host in serving if host.spare]
        if not spare:
            return Decision((), (), needed, "%s: no spare host is in rotation" % words)
        goes = min(spare, key=lambda host: (-host.tier, _capacity(host, None), host.name))
        rest = [host for host in serving if host is not goes]
        if len(serving) <= self._settings.maximum and self._carried(rest, None) < highest:
            return Decision((), (), needed, "%s: as many as needed" % words)
        if self._seen_since is None or now - self._seen_since < self._settings.look_back_s:
            return Decision((), (), needed, "%s: too many, but looked at for too short a time" % words)
        if any(host.state is State.LEAVING for host in hosts) or now - self._left_at < self._settings.pause_s:
            return Decision((), (), needed, "%s: too many, one after the other" % words)
        self._left_at = now
        return Decision((), (goes.name,), needed, "%s, at most %.0f lately: too many" % (words, highest))

    def _carried(self, hosts: Sequence[Host], usual: Optional[float]) -> float:
        """Images/s that are left when the spares, the largest of all, are lost."""
        capacities = sorted(_capacity(host, usual) for host in hosts)
        return sum(capacities[: max(0, len(capacities) - self._settings.spares)])

    def _words(self, needed: float, serving: Sequence[Host], usual: Optional[float]) -> str:
        return "%d hosts carry %.0f images/s, %.0f are needed" % (
            len(serving),
            self._carried(serving, usual),
            needed,
        )


def _usual(hosts: Sequence[Host]) -> float:
    """What a host is taken for that has not been measured: the least of those that have."""
    return min((host.capacity for host in hosts if host.capacity is not None), default=0.0)


def _capacity(host: Host, usual: Optional[float]) -> float:
    capacity = host.capacity if host.capacity is not None else usual
    assert capacity is not None, host.name
    return capacity


def _age(now: float, reading: Reading) -> str:
    return "the last measurement is %.0f s old" % (now - reading.at)
