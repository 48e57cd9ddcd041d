"""`hotpath serve`: makes what the children share, forks them, keeps them running, drains.

Single-threaded, and imports neither torch nor numpy nor the HTTP side: a fork of a process with threads is a
gamble, and an engine must open its device itself.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from typing import List, Optional

from hotpath.config import Config
from hotpath.ipc.arena import Arena, slots_of
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.marks import Marks
from hotpath.ipc.slots import SlotMap
from hotpath.metrics.table import Row, Table
from hotpath.supervisor import child, memory, systemd
from hotpath.supervisor.generations import Generations
from hotpath.supervisor.placement import Place, Placement
from hotpath.supervisor.roster import Post, Roster

log = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""How often a child may die before the service has been ready once; then the start is given up."""


class Supervisor:
    """Owns sockets, arena, links, metrics and children."""

    def __init__(
        self,
        config: Config,
        generations: Generations,
        placement: Placement,
        sockets: List[socket.socket],
    ) -> None:
        self._config = config
        self._generations = generations
        self._placement = placement
        self._sockets = sockets
        self._memory = config.placement.memory
        workers = config.server.workers
        slot_bytes = max(generation.model.input_bytes for generation in generations.all)
        self._arena = Arena(config.limits.queue, slot_bytes, config.placement.arena)
        for worker in range(workers):
            with memory.preferring(self._memory, placement.worker(worker).node):
                self._arena.touch(slots_of(worker, workers, config.limits.queue))
        self._slots = SlotMap(config.limits.queue)
        self._marks = Marks(config.limits.queue)
        self._links = [[link() for _ in range(generations.seats)] for _ in range(workers)]
        self._table = Table(workers, generations.seat_labels(), config.batching.max_batch)
        self._table.supervisor.set("hotpath_slots", config.limits.queue)
        self._engine_posts = [Post("engine", seat, due=None) for seat in range(generations.seats)]
        self._roster = Roster([*self._engine_posts, *(Post("worker", index) for index in range(workers))])
        for generation in generations.all:
            for seat in generation.seats:
                self._engine_posts[seat].due = 0.0
        self._wake_reader, self._wake_writer = os.pipe()
        for descriptor in (self._wake_reader, self._wake_writer):
            os.set_blocking(descriptor, False)
        self._ready = False
        self._stop = False
        self._drain_started: Optional[float] = None
        self._exit = 0

    def run(self) -> int:
        """Serve until stopped; the exit status."""
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        watchdog = systemd.watchdog_interval()
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while True:
                self._reap()
                if self._stop and self._drain_started is None:
                    self._start_drain()
                if self._drained():
                    return self._finish()
                self._fill_posts()
                self._check_ready()
                if watchdog is not None:
                    systemd.notify("WATCHDOG=1")
                if selector.select(self._patience(watchdog)):
                    os.read(self._wake_reader, 4096)

    def _on_stop(self, *_: object) -> None:
        self._stop = True

    def _patience(self, watchdog: Optional[float]) -> Optional[float]:
        now = time.monotonic()
        ends = [watchdog] if watchdog is not None else []
        due = self._roster.next_due()
        if due is not None:
            ends.append(due - now)
        if self._drain_started is not None:
            ends.append(self._drain_limit() - now)
        return max(0.0, min(ends)) if ends else None

    def _fill_posts(self) -> None:
        for post in self._roster.due(time.monotonic()):
            post.incarnation += 1
            start = self._start_engine if post.role == "engine" else self._start_worker
            self._roster.started(post, start(post), time.monotonic())

    def _start_engine(self, post: Post) -> int:
        seated = self._generations.at(post.index)
        assert seated is not None, "an empty seat's post is never due"
        _, spec = seated
        channels = [Channel(links[post.index][1]) for links in self._links]
        row = self._table.engines[post.index]

        def work() -> None:
            from hotpath.engine.process import run

            for listener in self._sockets:
                listener.close()
            run(spec, post.incarnation, channels, self._arena, self._marks, row, self._announce)

        return child.fork(post.name, Place(spec.cpus, spec.numa_node), self._memory, work)

    def _start_worker(self, post: Post) -> int:
        channels = [Channel(pair[0]) for pair in self._links[post.index]]
        home = slots_of(post.index, self._config.server.workers, self._config.limits.queue)
        row = self._table.workers[post.index]

        def work() -> None:
            from hotpath.http.worker import run

            run(
                self._config,
                self._generations.current(),
                self._sockets,
                post.index,
                post.incarnation,
                channels,
                self._arena,
                self._marks,
                self._slots,
                home,
                self._table,
                row,
                self._announce,
            )

        return child.fork(post.name, self._placement.worker(post.index), self._memory, work)

    def _announce(self) -> None:
        """Called in a child: its row of the table has changed."""
        os.write(self._wake_writer, b"!")

    def _check_ready(self) -> None:
        if self._ready or self._drain_started is not None:
            return
        seats = [seat for generation in self._generations.all for seat in generation.seats]
        engines_ready = all(self._table.engines[seat].get("hotpath_engine_ready") > 0 for seat in seats)
        if engines_ready and all(row.get("hotpath_workers_ready") > 0 for row in self._table.workers):
            self._ready = True
            addresses = ", ".join(
                f"{item.getsockname()[0]}:{item.getsockname()[1]}" for item in self._sockets
            )
            log.info("ready: listening on %s", addresses)
            systemd.notify("READY=1", f"STATUS=Serving on {addresses}")

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            post = self._roster.by_pid().get(pid)
            if post is not None:
                self._on_death(post, status)

    def _on_death(self, post: Post, status: int) -> None:
        self._row_of(post).set(
            "hotpath_engine_ready" if post.role == "engine" else "hotpath_workers_ready", 0.0
        )
        if post.role == "worker":
            self._slots.reclaim(post.index)
            self._row_of(post).set("hotpath_slots_in_use", 0.0)
        delay = self._roster.died(post, time.monotonic())
        if self._drain_started is not None and post.role == "worker":
            post.due = None
            return
        how = f"killed by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "ended"
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        refused = code == child.REFUSED
        if not self._ready and (refused or post.crashes >= START_ATTEMPTS):
            log.error("%s could not start; giving up", post.name)
            self._exit = child.REFUSED if refused else 1
            self._stop = True
            post.due = None
            return
        self._table.supervisor.add("hotpath_restarts", (post.role,))
        log.warning("%s %s (status %s); starts again in %.1f s", post.name, how, code, delay)

    def _row_of(self, post: Post) -> Row:
        rows = self._table.engines if post.role == "engine" else self._table.workers
        return rows[post.index]

    def _start_drain(self) -> None:
        """Every worker closes its listener and finishes what it accepted; the engines go on until then."""
        self._drain_started = time.monotonic()
        systemd.notify("STOPPING=1", "STATUS=Finishing accepted requests")
        log.info(
            "draining: finishing accepted requests, for at most %d s", self._config.server.drain_timeout_s
        )
        self._roster.dismiss("worker")
        for listener in self._sockets:
            listener.close()
        for post in self._roster.running("worker"):
            os.kill(post.pid or 0, signal.SIGTERM)

    def _drained(self) -> bool:
        if self._drain_started is None:
            return False
        left = self._roster.running("worker")
        if left and time.monotonic() >= self._drain_limit():
            log.error("%s did not finish in time and will be killed", ", ".join(post.name for post in left))
            return True
        return not left

    def _drain_limit(self) -> float:
        assert self._drain_started is not None
        return self._drain_started + self._config.server.drain_timeout_s + 2.0

    def _finish(self) -> int:
        for post in self._roster.posts:
            if post.pid is not None:
                os.kill(post.pid, signal.SIGKILL)  # an engine holds nothing that outlives it
                os.waitpid(post.pid, 0)
        log.info("stopped")
        return self._exit
