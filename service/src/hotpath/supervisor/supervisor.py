"""`hotpath serve`: keeps the children running, swaps models, hears its operators, drains."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from pathlib import Path
from typing import Callable, List, Optional

from hotpath.config import Config
from hotpath.core import HotpathError
from hotpath.supervisor import agent, child, systemd
from hotpath.supervisor.comparing import compare
from hotpath.supervisor.control import Caller, Control, Question
from hotpath.supervisor.crew import Crew
from hotpath.supervisor.death import Death
from hotpath.supervisor.generations import Generations
from hotpath.supervisor.hung import HUNG_S, Watch
from hotpath.supervisor.placement import Placement
from hotpath.supervisor.swaps import Swaps

log = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""How often a child may die before the service has been ready once; then the start is given up."""


class Supervisor:
    """One loop that waits for children, operators, signals and the clock."""

    def __init__(
        self,
        config_path: Path,
        config: Config,
        generations: Generations,
        placement: Placement,
        sockets: List[socket.socket],
    ) -> None:
        self._config = config
        self._generations = generations
        self._sockets = sockets
        self._wake_reader, self._wake_writer = os.pipe()
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)
        self._agent = agent.door(config.server, lambda: self._crew.answering())
        self._control = Control(config.server.control, self._answer)
        self._crew = Crew(config, generations, placement, sockets, self._announce, self._leave_to_parent)
        self._swaps = Swaps(config_path, config, generations, self._crew)
        for generation in generations.all:
            self._crew.seat(generation)
        self._ready = False
        self._stops = 0
        """How often it was told to stop."""
        self._reload = False
        self._drains_at: Optional[float] = None
        """When it lets nothing in any more, once it was told to stop."""
        self._drain_started: Optional[float] = None
        self._exit = 0
        self._watch = Watch(max(HUNG_S, config.limits.request_timeout_s))

    def run(self) -> int:
        """Serve until stopped; the exit status."""
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        watchdog = systemd.watchdog_interval()
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            while True:
                for death in self._crew.reap():
                    self._on_death(death)
                if self._stops:
                    self._go_on_stopping(time.monotonic())
                if self._drained():
                    return self._finish()
                self._end_hung()
                self._crew.fill_posts()
                self._check_ready()
                self._change_models()
                if watchdog is not None:
                    systemd.notify("WATCHDOG=1")
                for key, _ in selector.select(self._patience(watchdog)):
                    key.data()
                self._control.turn()
                if self._agent is not None:
                    self._agent.turn()

    def _register(self, selector: selectors.BaseSelector) -> None:
        selector.register(self._wake_reader, selectors.EVENT_READ, self._on_wake)
        for index, end in enumerate(self._crew.followers.ends):
            selector.register(end, selectors.EVENT_READ, self._listener(index))
        self._control.register(selector)
        if self._agent is not None:
            self._agent.register(selector)

    def _listener(self, worker: int) -> Callable[[], None]:
        return lambda: self._crew.followers.hear(worker)

    def _on_wake(self) -> None:
        os.read(self._wake_reader, 4096)

    def _on_stop(self, *_: object) -> None:
        self._stops += 1

    def _on_reload(self, *_: object) -> None:
        self._reload = True

    def _announce(self) -> None:
        """Called in a child: its row of the table has changed."""
        os.write(self._wake_writer, b"!")

    def _leave_to_parent(self) -> None:
        """Called in a child: these descriptors are not its own."""
        self._control.leave_to_parent()
        if self._agent is not None:
            self._agent.close()

    def _patience(self, watchdog: Optional[float]) -> float:
        now = time.monotonic()
        ends = [self._watch.patience, *(end for end in (watchdog, self._swaps.patience) if end is not None)]
        due = self._crew.roster.next_due()
        if due is not None:
            ends.append(due - now)
        if self._drain_started is not None:
            ends.append(self._drain_limit() - now)
        elif self._drains_at is not None:
            ends.append(self._drains_at - now)
        return max(0.0, min(ends))

    def _answer(self, question: Question, caller: Caller) -> None:
        """To an operator. Raises HotpathError, KeyError, TypeError or ValueError."""
        if question["command"] != "models":
            if self._stops:
                raise HotpathError("The service is shutting down.", "Ask the one that comes after it.")
            if not self._ready:
                raise HotpathError("The service is still starting.", "Wait until /readyz answers 200.")
        if question["command"] == "compare":
            compare(question, caller, self._generations, self._crew)
        else:
            self._swaps.answer(question, caller)

    def _end_hung(self) -> None:
        for sign in self._crew.end_hung(self._watch):
            log.error("%s: it hangs and is ended", sign)

    def _change_models(self) -> None:
        if self._stops:
            return
        self._swaps.step()
        if self._reload and self._ready:
            self._reload = False
            try:
                self._swaps.reload(None)
            except HotpathError as error:
                log.error("reload: %s", error)
            except Exception:  # whatever it is, what serves goes on serving
                log.exception("reload: nothing was changed")

    def _check_ready(self) -> None:
        if self._ready or self._stops:
            return
        engines_ready = all(self._crew.warm(generation) for generation in self._generations.all)
        if engines_ready and all(row.get("hotpath_workers_ready") > 0 for row in self._crew.table.workers):
            self._ready = True
            addresses = ", ".join(
                f"{item.getsockname()[0]}:{item.getsockname()[1]}" for item in self._sockets
            )
            log.info("ready: listening on %s", addresses)
            systemd.notify("READY=1", f"STATUS=Serving on {addresses}")

    def _on_death(self, death: Death) -> None:
        post = death.post
        if not post.wanted:
            return
        if not self._ready and (death.refused or post.crashes >= START_ATTEMPTS):
            log.error("%s could not start; giving up", post.name)
            self._exit = child.REFUSED if death.refused else 1
            self._stops += 1
            post.due = None
            return
        if post.role == "engine":
            self._swaps.on_death(death)
        if post.due is None:
            log.warning("%s %s; it is not started again", post.name, death.how)
            return
        self._crew.table.supervisor.add("hotpath_restarts", (post.role,))
        log.warning("%s %s; starts again in %.1f s", post.name, death.how, death.delay)

    def _go_on_stopping(self, now: float) -> None:
        """Withdraw readiness; once balancers have seen that, or when told again, let nothing in any more."""
        if self._drains_at is None:
            self._withdraw(now)
        assert self._drains_at is not None
        if self._drain_started is None and (now >= self._drains_at or self._stops > 1):
            self._start_drain(now)

    def _withdraw(self, now: float) -> None:
        delay = self._config.server.shutdown_delay_s if self._ready else 0.0
        self._drains_at = now + delay
        self._crew.table.supervisor.set("hotpath_draining", 1.0)
        self._swaps.give_up()
        systemd.notify("STOPPING=1")
        if delay:
            systemd.notify(f"STATUS=Not ready any more; requests are taken for {delay:g} s")
            log.info("stopping: /readyz is 503, and requests are taken for %g s", delay)

    def _start_drain(self, now: float) -> None:
        """Every worker closes its listener and finishes what it accepted; the engines go on until then."""
        self._drain_started = now
        systemd.notify("STATUS=Finishing accepted requests")
        log.info(
            "draining: finishing accepted requests, for at most %d s", self._config.server.drain_timeout_s
        )
        self._crew.dismiss_workers()

    def _drained(self) -> bool:
        if self._drain_started is None:
            return False
        left = self._crew.roster.running("worker")
        if left and time.monotonic() >= self._drain_limit():
            log.error("%s did not finish in time and will be killed", ", ".join(post.name for post in left))
            return True
        return not left

    def _drain_limit(self) -> float:
        assert self._drain_started is not None
        return self._drain_started + self._config.server.drain_timeout_s + 2.0

    def _finish(self) -> int:
        self._crew.kill_all()
        self._control.close()
        if self._agent is not None:
            self._agent.close()
        log.info("stopped")
        return self._exit
