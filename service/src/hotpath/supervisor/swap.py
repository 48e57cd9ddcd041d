"""One swap of a model's version, from the command to the freed lane. Pure: the processes are behind `Stage`.

```
loading -> [shadow] -> [canary] -> switched: the old one drains -> done
   `----------`-----------`------> refused:  the new one drains -> done
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from typing_extensions import Protocol

from hotpath.ipc.offers import State
from hotpath.supervisor.generations import Generation, Generations
from hotpath.supervisor.wishes import Wishes


@dataclass(frozen=True)
class Comparison:
    """What became of the copies that a shadow was given."""

    agreed: int
    differed: int
    failed: int

    @property
    def total(self) -> int:
        """Compared so far."""
        return self.agreed + self.differed + self.failed


class Stage(Protocol):
    """What a swap needs done and wants to know."""

    def seat(self, generation: Generation) -> None:
        """Start its engines."""

    def unseat(self, generation: Generation) -> None:
        """End its engines for good."""

    def gone(self, generation: Generation) -> bool:
        """Whether they have ended."""

    def renew(self, generation: Generation) -> None:
        """Kill its engines; their successors settle what they owe."""

    def publish(self) -> None:
        """Tell the workers of the generations as they stand."""

    def warm(self, generation: Generation) -> bool:
        """Whether all its engines are ready."""

    def followed(self) -> bool:
        """Whether every running worker follows what was published last."""

    def idle(self, generation: Generation) -> bool:
        """Whether no running worker needs it any more."""

    def compared(self, generation: Generation) -> Comparison:
        """How its copies were answered."""


SHADOW_PART = 0.25
"""The part of the live version's requests that a shadow gets copies of: it shares their device."""


class Swap:
    """Brings one generation in, or sends it away again. `step` is called until `over`."""

    def __init__(
        self,
        generations: Generations,
        generation: Generation,
        wishes: Wishes,
        stage: Stage,
        drain_timeout_s: float,
        tell: Callable[[str], None],
    ) -> None:
        self.generation = generation
        self.refused: Optional[str] = None
        """Why it was sent away."""
        self.stumbled = ""
        """The last error of a step that nobody foresaw."""
        self.over = False
        self._generations = generations
        self._wishes = wishes
        self._stage = stage
        self._drain_timeout_s = drain_timeout_s
        self._tell = tell
        self._leaving: Optional[Generation] = None
        self._until: Optional[float] = None
        self._ending = False

    def start(self, now: float) -> None:
        """Load it beside the live one."""
        self._until = now + self._wishes.timeout_s
        self._tell(f"loading {self._what}, beside {self._generations.live(self.generation.name).version}")
        self._stage.seat(self.generation)
        self._stage.publish()

    @property
    def is_canary(self) -> bool:
        """Whether it waits for the operator."""
        return self.generation.state is State.CANARY

    @property
    def _what(self) -> str:
        return f"{self.generation.name} version {self.generation.version}"

    def step(self, now: float) -> None:
        """Go on where it can be gone on."""
        state = self.generation.state
        if self.over:
            return
        if self._leaving is not None:
            self._drain(self._leaving, now)
        elif state is State.LOADING:
            self._load(now)
        elif state is State.SHADOW:
            self._compare(now)

    def refuse(self, reason: str, now: float) -> None:
        """Send it away; the live one answers everything. Without effect once it has taken over."""
        if self._leaving is not None:
            return
        self.refused = reason
        live = self._generations.live(self.generation.name)
        self._tell(f"refused {self._what}: {reason} Version {live.version} goes on.")
        self._generations.retire(self.generation)
        self._leave(self.generation, now)

    def promote(self, now: float) -> None:
        """It answers everything from now on."""
        before = self._generations.promote(self.generation)
        self._tell(f"{self._what} answers now; {before.version} finishes what it has")
        self._leave(before, now)

    def lead(self, share: float) -> None:
        """It answers `share` of the requests, 0 to 1, until the operator says more."""
        self._generations.lead(self.generation, share)
        self._stage.publish()
        self._tell(f"{self._what} answers {share:.4g} of the requests; end with --promote or --abort")

    def _load(self, now: float) -> None:
        assert self._until is not None
        if self._stage.warm(self.generation) and self._stage.followed():
            if self._wishes.shadow:
                self._until = now + self._wishes.timeout_s
                self.generation.state, self.generation.shadow = State.SHADOW, SHADOW_PART
                self._stage.publish()
                self._tell(f"{self._what} is warm; comparing {self._wishes.shadow} requests")
            else:
                self._enter(now)
        elif now >= self._until:
            self.refuse(f"It was not warm within {self._wishes.timeout_s:g} s.", now)

    def _compare(self, now: float) -> None:
        assert self._until is not None
        found = self._stage.compared(self.generation)
        spoilt = found.differed + found.failed
        result = f"{found.agreed} of {found.total} answers agreed, {found.failed} came to nothing"
        if spoilt > (1.0 - self._wishes.agreement) * max(found.total, self._wishes.shadow):
            self.refuse(f"{result}; wanted is {self._wishes.agreement:.4g}.", now)
        elif found.total >= self._wishes.shadow:
            self._tell(result)
            self._enter(now)
        elif now >= self._until:
            self.refuse(f"Only {found.total} requests came by in {self._wishes.timeout_s:g} s.", now)

    def _enter(self, now: float) -> None:
        if self._wishes.canary:
            self.lead(self._wishes.canary)
        else:
            self.promote(now)

    def _leave(self, generation: Generation, now: float) -> None:
        self._leaving, self._until = generation, now + self._drain_timeout_s
        self._stage.publish()

    def _drain(self, leaving: Generation, now: float) -> None:
        if self._ending:
            if not self._stage.gone(leaving):
                return
            self._generations.remove(leaving)
            self.over = True
            self._stage.publish()
            self._tell(f"{leaving.name} version {leaving.version} is gone")
        elif self._stage.followed() and self._stage.idle(leaving):
            self._stage.unseat(leaving)
            self._ending = True
        elif self._until is not None and now >= self._until:
            self._until = None
            self._tell(f"{leaving.version} does not finish; its engines are started anew to settle that")
            self._stage.renew(leaving)
