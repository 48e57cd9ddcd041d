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
from hotpath.supervisor.control import Caller, Question
from hotpath.supervisor.crew import Crew, Death
from hotpath.supervisor.generations import Generation, Generations
from hotpath.supervisor.swap import Comparison, Swap, Wishes, unsuitable

log = logging.getLogger(__name__)

TICK_S = 0.1
"""How often a swap is looked at while nothing happens: shadows are counted in shared memory."""


class SwapError(HotpathError):
    """A swap that can't begin, or has come to nothing."""


class Listener:
    """A connection that waits for the end of one swap, or of several."""

    def __init__(self, caller: Caller, swaps: int = 1, wants_refusal: bool = False) -> None:
        self.caller = caller
        self._open = swaps
        self._wants_refusal = wants_refusal
        self._ok = True
        self._texts: List[str] = []

    def settle(self, done: bool, text: str) -> None:
        """One of them has ended."""
        self._open -= 1
        self._ok = self._ok and done is not self._wants_refusal
        self._texts.append(text)
        if self._open == 0:
            self.caller.end(self._ok, "\n".join(self._texts))


class Audience:
    """Who hears of a swap: the log, and the connections that wait for its end."""

    def __init__(self) -> None:
        self.listeners: List[Listener] = []

    def tell(self, text: str) -> None:
        """Of progress."""
        log.info("swap: %s", text)
        for listener in self.listeners:
            listener.caller.tell(text)

    def join(self, listener: Optional[Listener]) -> None:
        """Tell this one too, from now on."""
        if listener is not None:
            self.listeners.append(listener)

    def dismiss(self, done: bool, text: str) -> None:
        """That was the end."""
        for listener in self.listeners:
            listener.settle(done, text)
        self.listeners.clear()


class Swaps:
    """At most one for each model."""

    def __init__(self, config_path: Path, config: Config, generations: Generations, crew: Crew) -> None:
        self._config_path = config_path
        self._config = config
        self._generations = generations
        self._crew = crew
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
        generation = self._generations.begin(entry, model)
        reasons = unsuitable(generation, live, wishes, self._crew.slot_bytes)
        if reasons:
            self._generations.remove(generation)
            self._count("refused", entry.name, f"refused {generation.version}: {' '.join(reasons)}")
            raise SwapError(
                f"{entry.name} version {model.identity.version} can't come in:", " ".join(reasons)
            )
        audience = self._audiences[entry.name] = Audience()
        audience.join(listener)
        drain_s = self._config.server.drain_timeout_s + self._config.limits.request_timeout_s
        swap = Swap(self._generations, generation, wishes, self, drain_s, audience.tell)
        self._running[entry.name] = swap
        swap.start(time.monotonic())

    def step(self) -> None:
        """Go on with every swap."""
        self._crew.catch_up()
        for name, swap in list(self._running.items()):
            report = next((item for item in self._crew.current_reports() if item and item.failed), None)
            if report is not None and swap.generation.state is State.LOADING:
                swap.refuse(f"A worker can't follow: {report.failed}", time.monotonic())
            swap.step(time.monotonic())
            if swap.is_canary:
                share = f"{swap.generation.share:.4g} of the requests"
                self._audiences[name].dismiss(
                    True, f"{name} version {swap.generation.version} answers {share}"
                )
            if swap.over:
                self._finish(name, swap)

    def on_death(self, death: Death) -> None:
        """An engine has ended: a new version that is not live yet is refused for it."""
        seated = self._generations.at(death.post.index)
        if seated is None:
            return
        swap = self._running.get(seated[0].name)
        if swap is not None and swap.generation is seated[0]:
            loading = swap.generation.state is State.LOADING
            swap.refuse(death.reason or f"Its engine on {seated[1].device} {death.how}.", time.monotonic())
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
        live = {entry.name: self._generations.live(entry.name) for entry in self._config.models}
        problems = _beyond_models(self._config, config)
        if problems:
            raise SwapError(
                f"These settings have changed too: {', '.join(problems)}.", "Restart the service."
            )
        changed = [entry for entry in config.models if _differs(entry, live[entry.name])]
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
            self.lead(question["model"], float(question["canary"]), Listener(caller))
        elif command == "swap":
            entry = self._generations.live(question["model"]).entry
            wishes = Wishes(**question["wishes"])
            self.begin(entry.model_copy(update={"path": Path(question["path"])}), wishes, Listener(caller))
        else:
            raise ValueError(f"there is no command {command!r}")
        self.step()

    # What a swap needs done: see swap.Stage.

    def seat(self, generation: Generation) -> None:
        """Start its engines."""
        self._crew.seat(generation)

    def unseat(self, generation: Generation) -> None:
        """End its engines for good."""
        self._crew.unseat(generation)

    def renew(self, generation: Generation) -> None:
        """Kill its engines, which start again."""
        self._crew.renew(generation)

    def gone(self, generation: Generation) -> bool:
        """Whether its engines have ended."""
        return self._crew.gone(generation)

    def publish(self) -> None:
        """Tell the workers, and the metrics."""
        self._crew.publish()

    def warm(self, generation: Generation) -> bool:
        """Whether all its engines are ready."""
        return self._crew.warm(generation)

    def followed(self) -> bool:
        """Whether every running worker follows what was published last."""
        return all(report is not None and not report.failed for report in self._crew.current_reports())

    def idle(self, generation: Generation) -> bool:
        """Whether no running worker needs it."""
        reports = self._crew.current_reports()
        return all(report is not None and generation.number not in report.held for report in reports)

    def compared(self, generation: Generation) -> Comparison:
        """How its copies were answered."""
        total = self._crew.table.total
        lane = str(generation.lane)
        counts = [int(total("hotpath_shadow", (lane, result))) for result in ("agree", "differ", "failed")]
        return Comparison(*counts)

    def _canary(self, name: str, listener: Listener) -> Swap:
        swap = self._running.get(name)
        if swap is None or not swap.is_canary:
            self._generations.of(name)
            raise SwapError(f"There is no canary of {name}.", "Begin one with --path DIR --canary PERCENT.")
        self._audiences[name].join(listener)
        return swap

    def _finish(self, name: str, swap: Swap) -> None:
        del self._running[name]
        version, refused = swap.generation.version, swap.refused
        text = f"refused {version}: {refused}" if refused else f"{version} is live"
        self._count("refused" if refused else "done", name, text)
        self._audiences.pop(name).dismiss(refused is None, f"{name}: {text}")

    def _count(self, result: str, name: str, text: str) -> None:
        self._generations.last_swaps[name] = text
        self.publish()
        self._crew.table.supervisor.add("hotpath_swaps", (result,))
        log.log(logging.ERROR if result == "refused" else logging.INFO, "swap of %s ended: %s", name, text)

    def give_up(self) -> None:
        """The service ends, and every swap with it."""
        for audience in self._audiences.values():
            audience.dismiss(False, "The service is shutting down.")
        self._running.clear()


def _differs(entry: ModelConfig, live: Generation) -> bool:
    return (entry.path.resolve(), entry.backend) != (live.model.directory, live.entry.backend)


def _beyond_models(before: Config, after: Config) -> List[str]:
    """Settings that differ and that a running service can't take over."""
    old, new = before.model_dump(), after.model_dump()
    for document in (old, new):
        document["models"] = {
            entry["name"]: {key: value for key, value in entry.items() if key not in ("path", "backend")}
            for entry in document["models"]
        }
    found = []
    for section in old:
        for key in {**old[section], **new[section]}:
            if old[section].get(key) != new[section].get(key):
                found.append(f"{section}.{key}")
    return found
