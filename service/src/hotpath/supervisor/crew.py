"""The children and what they share: arena, links, metrics. Forks them and reaps them; decides nothing.

Single-threaded, and imports neither torch nor numpy nor the HTTP side: a fork of a process with threads is a
gamble, and an engine must open its device itself.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from typing import Callable, Dict, Iterator, List

from hotpath.config import Config
from hotpath.core import EngineSpec
from hotpath.ipc.arena import Arena, slots_of
from hotpath.ipc.channel import Channel, link
from hotpath.ipc.marks import Marks
from hotpath.ipc.offers import State
from hotpath.ipc.slots import SlotMap
from hotpath.metrics.table import Row, Table
from hotpath.sharing.part import Shared
from hotpath.sharing.trays import MOST_WORKERS
from hotpath.supervisor import child, memory
from hotpath.supervisor.death import Death
from hotpath.supervisor.descriptors import make_room
from hotpath.supervisor.followers import Followers
from hotpath.supervisor.generations import Generation, Generations
from hotpath.supervisor.hung import SINCE, Watch
from hotpath.supervisor.placement import Place, Placement, slot_classes, worker_count
from hotpath.supervisor.roster import Post, Roster

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""After a child that could not be forked, for want of memory, processes or open files."""


class Crew:
    """Engines by seat and workers by number."""

    def __init__(
        self,
        config: Config,
        generations: Generations,
        placement: Placement,
        sockets: List[socket.socket],
        announce: Callable[[], None],
        leave_to_parent: Callable[[], None],
    ) -> None:
        self._config = config
        self._generations = generations
        self._placement = placement
        self._memory = config.placement.memory
        self._sockets = sockets
        self._announce = announce
        self._leave_to_parent = leave_to_parent
        workers, seats = worker_count(config, placement), generations.seats
        self.classes = slot_classes(config, [item.model for item in generations.all])
        self._arena = Arena(self.classes, config.placement.arena)
        for worker in range(workers):
            with memory.preferring(self._memory, placement.worker(worker).node):
                self._arena.touch(slots_of(worker, workers, config.limits.queue))
        self._slots = SlotMap(self.classes.each, len(self.classes.sizes))
        self._marks = Marks(self.classes.slots)
        nodes = [placement.worker(worker).node for worker in range(workers)]
        self._shared = Shared(nodes, config.limits.body_bytes) if 1 < workers <= MOST_WORKERS else None
        make_room(workers, seats)
        self._links = [[link() for _ in range(seats)] for _ in range(workers)]
        self.table = Table(workers, generations.seat_labels(), config.batching.max_batch, generations.names)
        self.table.supervisor.set("hotpath_slots", self.classes.slots)
        self._engines = [Post("engine", seat, due=None, wanted=False) for seat in range(seats)]
        self._workers = [Post("worker", index) for index in range(workers)]
        self.roster = Roster([*self._engines, *self._workers])
        self.followers = Followers(self._workers, generations.current)
        self._reasons: Dict[str, child.Reason] = {}
        self._show_shares()

    def seat(self, generation: Generation) -> None:
        """Let engines of the generation take its seats."""
        for seat in generation.seats:
            self.table.engines[seat].clear()
            self.roster.call(self._engines[seat], time.monotonic())

    def unseat(self, generation: Generation) -> None:
        """End the engines of the generation for good."""
        for seat in generation.seats:
            self._engines[seat].wanted, self._engines[seat].due = False, None
        self.renew(generation)

    def renew(self, generation: Generation) -> None:
        """Kill its engines."""
        for seat in generation.seats:
            pid = self._engines[seat].pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)  # an engine holds nothing that outlives it

    def end_hung(self, watch: Watch) -> List[str]:
        """Kill the children that hang; who did what for too long."""
        return watch.end_hung(self.roster.posts, self._row_of)

    def gone(self, generation: Generation) -> bool:
        """Whether all of its engines have ended."""
        return all(self._engines[seat].pid is None for seat in generation.seats)

    def warm(self, generation: Generation) -> bool:
        """Whether all of its engines are ready."""
        rows = self.table.engines
        return all(rows[seat].get("hotpath_engine_ready") > 0 for seat in generation.seats)

    def answering(self) -> List[Row]:
        """Of the engines of the versions that answer."""
        live = (item for item in self._generations.all if item.state is State.LIVE)
        return [self.table.engines[seat] for item in live for seat in item.seats]

    def fill_posts(self) -> None:
        """Start what is due."""
        for post in self.roster.due(time.monotonic()):
            try:
                self._fill(post)
            except OSError as error:
                post.due = time.monotonic() + RETRY_S
                log.error("%s can't be started (%s); tried again in %.0f s", post.name, error, RETRY_S)

    def _fill(self, post: Post) -> None:
        """Start a child on the post. Raises OSError where the system has no room for one."""
        post.incarnation += 1
        reason = child.Reason()
        start = self._start_engine if post.role == "engine" else self._start_worker
        try:
            pid = start(post, reason)
        except OSError:
            reason.discard()
            raise
        self._reasons[post.name] = reason
        self.roster.started(post, pid, time.monotonic())

    def reap(self) -> Iterator[Death]:
        """Children that have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            post = self.roster.by_pid().get(pid)
            if post is not None:
                ready = "hotpath_engine_ready" if post.role == "engine" else "hotpath_workers_ready"
                served = self._row_of(post).get(ready) > 0
                self._row_of(post).set(ready, 0.0)
                for name in SINCE[post.role]:
                    self._row_of(post).set(name, 0.0)  # or its successor would be ended for it
                if post.role == "worker":
                    kept = self._shared.reclaim(post.index) if self._shared is not None else ()
                    self._slots.reclaim(post.index, kept)
                    for gauge in ("hotpath_slots_in_use", "hotpath_items_coming", "hotpath_shared_bodies"):
                        self._row_of(post).set(gauge, 0.0)
                    for name in self._generations.names:
                        self._row_of(post).set("hotpath_places_in_use", 0.0, (name,))
                elif not post.wanted:
                    self._row_of(post).clear()  # nobody sits there any more
                delay = self.roster.died(post, served, time.monotonic())
                yield Death(post, status, self._reasons.pop(post.name).take(), delay)

    def publish(self) -> None:
        """Tell every worker of the generations as they stand."""
        self._generations.publish()
        self._show_shares()
        self.followers.publish()

    def dismiss_workers(self) -> None:
        """Let the workers finish what they accepted; nothing new is let in, and none is started again."""
        self.roster.dismiss("worker")
        for listener in self._sockets:
            listener.close()
        for post in self.roster.running("worker"):
            os.kill(post.pid or 0, signal.SIGTERM)

    def kill_all(self) -> None:
        """End every child now."""
        for post in self.roster.posts:
            if post.pid is not None:
                os.kill(post.pid, signal.SIGKILL)
                os.waitpid(post.pid, 0)

    def _start_engine(self, post: Post, reason: child.Reason) -> int:
        spec = self._spec_at(post.index)
        channels = [Channel(links[post.index][1]) for links in self._links]
        row = self.table.engines[post.index]
        workers = self.table.workers
        beside = [workers[index] for index in self._placement.workers_beside(spec.device, len(workers))]

        def work() -> None:
            from hotpath.engine.process import run

            self._leave_to_parent()
            for listener in self._sockets:
                listener.close()
            run(spec, post.incarnation, channels, self._arena, self._marks, row, beside, self._announce)

        return child.fork(post.name, Place(spec.cpus, spec.numa_node), self._memory, work, reason)

    def _spec_at(self, seat: int) -> EngineSpec:
        seated = self._generations.at(seat)
        assert seated is not None, "an empty seat's post is never due"
        return seated[1]

    def _start_worker(self, post: Post, reason: child.Reason) -> int:
        offers = self._generations.current()
        channels = [Channel(pair[0]) for pair in self._links[post.index]]
        home = slots_of(post.index, len(self._workers), self._config.limits.queue)
        row = self.table.workers[post.index]
        steering = self.followers.end_of(post.index)

        def work() -> None:
            from hotpath.http.worker import run

            self._leave_to_parent()
            run(
                self._config,
                offers,
                self._sockets,
                post.index,
                post.incarnation,
                channels,
                steering,
                self._arena,
                self._marks,
                self._slots,
                home,
                self.table,
                row,
                self._announce,
                self._shared,
            )

        return child.fork(post.name, self._placement.worker(post.index), self._memory, work, reason)

    def _show_shares(self) -> None:
        for generation in self._generations.all:
            self.table.supervisor.set("hotpath_share", generation.share, (str(generation.lane),))

    def _row_of(self, post: Post) -> Row:
        rows = self.table.engines if post.role == "engine" else self.table.workers
        return rows[post.index]
