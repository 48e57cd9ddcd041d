"""Swaps under way, and the commands that begin, end and follow them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from hotpath.config import Config, ModelConfig, load
from hotpath.core import HotpathError
from hotpath.ipc.offers import State
from hotpath.models.built import load as load_model
from hotpath.supervisor.audience import Audience, Listener
from hotpath.supervisor.control import Caller, Question
from hotpath.supervisor.crew import Crew
from hotpath.supervisor.death import Death
from hotpath.supervisor.generations import Generation, Generations
from hotpath.supervisor.reloading import beyond_models, changed_models
from hotpath.supervisor.stage import CrewStage
from hotpath.supervisor.suitable import unsuitable
from hotpath.supervisor.swap import Swap
from hotpath.supervisor.wishes import Wishes, part, read_wishes

log = logging.getLogger(__name__)

TICK_S = 0.1
"""How often a swap is looked at while nothing happens: shadows are counted in shared memory."""


class SwapError(HotpathError):
    """A swap that can't begin, or has come to nothing."""


class Swaps:
    """At most one for each model."""

    def __init__(self, config_path: Path, config: Config, generations: Generations, crew: Crew) -> None:
        self._config_path = config_path
        self._config = config
        self._generations = generations
        self._crew = crew
        self._stage = CrewStage(crew)
        self._running: Dict[str, Swap] = {}
        self._audiences: Dict[str, Audience] = {}

    @property
    def patience(self) -> Optional[float]:
        """Seconds until `step` is due; None when nothing is under way."""
        return TICK_S if any(not swap.is_canary for swap in self._running.values()) else None

    def begin(self, entry: ModelConfig, wishes: Wishes, listener: Optional[Listener]) -> None:
        """Bring in the version that `entry` names. Raises HotpathError where that can't even begin."""
        model = load_model(entry.path, verify=False)  # a new engine hashes the files; that would hold us up
        if model.identity.name != entry.name:
            raise SwapError(
                f"{entry.path} holds the model {model.identity.name!r}, not {entry.name!r}.",
                "Name the directory of another version of the same model.",
            )
        model.artifact(entry.backend)
        live = self._generations.live(entry.name)
        if (model.identity, entry.backend) == (live.model.identity, live.entry.backend):
            raise SwapError(
                f"Version {live.version} of {entry.name} is live already.", "Nothing is to be done."
            )
        reasons = unsuitable(model, live, wishes, self._crew.classes.sizes[-1])
        if reasons:
            self._count("refused", entry.name, f"refused {model.identity.version}: {' '.join(reasons)}")
            raise SwapError(
                f"{entry.name} version {model.identity.version} can't come in:", " ".join(reasons)
            )
        generation = self._generations.begin(entry, model)
        audience = Audience()
        audience.join(listener)
        drain_s = self._config.server.drain_timeout_s + self._config.limits.request_timeout_s
        swap = Swap(self._generations, generation, wishes, self._stage, drain_s, audience.tell)
        self._running[entry.name], self._audiences[entry.name] = swap, audience
        try:
            swap.start(time.monotonic())
        except BaseException:
            self._undo(generation)
            raise

    def step(self) -> None:
        """Go on with every swap; one that fails in a way that nobody foresaw is refused."""
        followers = self._crew.followers
        followers.catch_up()
        for name, swap in list(self._running.items()):
            try:
                failure = followers.failure()
                if failure and swap.generation.state is State.LOADING:
                    swap.refuse(f"A worker can't follow: {failure}", time.monotonic())
                self._go_on(name, swap)
            except Exception as error:
                said, swap.stumbled = swap.stumbled, f"{type(error).__name__}: {error}"
                if swap.stumbled != said:  # once, and not in every step
                    log.exception("the swap of %s has failed", name)
                self._refuse(swap, f"{swap.stumbled}. The service's log says where.")

    def _go_on(self, name: str, swap: Swap) -> None:
        swap.step(time.monotonic())
        if swap.is_canary:
            share = f"{swap.generation.share:.4g} of the requests"
            self._audiences[name].dismiss(True, f"{name} version {swap.generation.version} answers {share}")
        if swap.over:
            self._finish(name, swap)

    def _refuse(self, swap: Swap, reason: str) -> None:
        try:
            swap.refuse(reason, time.monotonic())
        except Exception:  # it leaves all the same; what it could not do is done in the next steps
            log.exception("the swap of %s could not be refused in order", swap.generation.name)

    def _undo(self, generation: Generation) -> None:
        """It has not come in, and nobody waits for it."""
        del self._running[generation.name], self._audiences[generation.name]
        self._crew.unseat(generation)
        self._generations.remove(generation)
        self._crew.publish()

    def on_death(self, death: Death) -> None:
        """An engine has ended: a new version that is not live yet is refused for it."""
        seated = self._generations.at(death.post.index)
        if seated is None:
            return
        swap = self._running.get(seated[0].name)
        if swap is not None and swap.generation is seated[0]:
            loading = swap.generation.state is State.LOADING
            self._refuse(swap, death.reason or f"Its engine on {seated[1].device} {death.how}.")
            if loading:
                death.post.wanted, death.post.due = False, None  # nobody has sent it anything

    def promote(self, name: str, listener: Listener) -> None:
        """End a canary well. Raises SwapError where there is none."""
        swap = self._canary(name, listener)
        swap.promote(time.monotonic())

    def abort(self, name: str, listener: Listener) -> None:
        """Send a new version away, whatever it is doing. Raises SwapError where there is none."""
        swap = self._running.get(name)
        if swap is None or self._generations.candidate(name) is None:
            self._generations.of(name)
            raise SwapError(f"No new version of {name} is coming in.", "There is nothing to abort.")
        self._audiences[name].join(listener)
        swap.refuse("Aborted by the operator.", time.monotonic())

    def lead(self, name: str, share: float, listener: Listener) -> None:
        """Change a canary's share. Raises SwapError where there is none."""
        self._canary(name, listener).lead(share)

    def reload(self, caller: Optional[Caller]) -> None:
        """Read the configuration again and swap every model whose version or back end is another one now."""
        config = load(self._config_path)
        problems = beyond_models(self._config, config)
        if problems:
            raise SwapError(
                f"These settings have changed too: {', '.join(problems)}.", "Restart the service."
            )
        changed = changed_models(config, self._generations.live)
        if not changed:
            log.info("reload: every model is live as configured")
            if caller is not None:
                caller.end(True, "Every model is live as configured.")
        listener = Listener(caller, len(changed)) if caller is not None else None
        for entry in changed:
            try:
                self.begin(entry, Wishes(), listener)
            except HotpathError as error:
                log.error("reload: %s", error)
                if listener is not None:
                    listener.settle(False, str(error))

    def state(self) -> List[Dict[str, Any]]:
        """Every generation, for people and programs."""
        return [
            {
                "name": generation.name,
                "version": generation.version,
                "backend": generation.entry.backend,
                "devices": [spec.device for spec in generation.specs],
                "path": str(generation.model.directory),
                "state": generation.state.value,
                "ready": self._crew.warm(generation),
                "share": generation.share,
                "last_swap": self._generations.last_swaps.get(generation.name, ""),
            }
            for generation in self._generations.all
        ]

    def answer(self, question: Question, caller: Caller) -> None:
        """Do what a caller asks. Raises HotpathError, KeyError, TypeError or ValueError."""
        command = question["command"]
        if command == "models":
            caller.end(True, "", models=self.state())
        elif command == "reload":
            self.reload(caller)
        elif command == "promote":
            self.promote(question["model"], Listener(caller))
        elif command == "abort":
            self.abort(question["model"], Listener(caller, wants_refusal=True))
        elif command == "share":
            self.lead(question["model"], part("canary", question["canary"]), Listener(caller))
        elif command == "swap":
            entry = self._generations.live(question["model"]).entry
            wishes = read_wishes(question["wishes"])
            self.begin(entry.model_copy(update={"path": Path(question["path"])}), wishes, Listener(caller))
        else:
            raise ValueError(f"there is no command {command!r}")
        self.step()

    def _canary(self, name: str, listener: Listener) -> Swap:
        swap = self._running.get(name)
        if swap is None or not swap.is_canary:
            self._generations.of(name)
            raise SwapError(f"There is no canary of {name}.", "Begin one with --path DIR --canary PERCENT.")
        self._audiences[name].join(listener)
        return swap

    def _finish(self, name: str, swap: Swap) -> None:
        audience = self._audiences.pop(name)
        del self._running[name]
        version, refused = swap.generation.version, swap.refused
        text = f"refused {version}: {refused}" if refused else f"{version} is live"
        try:
            self._count("refused" if refused else "done", name, text)
        finally:
            audience.dismiss(refused is None, f"{name}: {text}")

    def _count(self, result: str, name: str, text: str) -> None:
        self._generations.last_swaps[name] = text
        self._crew.publish()
        self._crew.table.supervisor.add("hotpath_swaps", (result,))
        log.log(logging.ERROR if result == "refused" else logging.INFO, "swap of %s ended: %s", name, text)

    def give_up(self) -> None:
        """The service ends, and every swap with it."""
        for audience in self._audiences.values():
            audience.dismiss(False, "The service is shutting down.")
        self._running.clear()
