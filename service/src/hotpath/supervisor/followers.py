"""What the workers are told of the generations, and what they say of them."""

from __future__ import annotations

import socket
from typing import Callable, List, Optional, Sequence

from hotpath.ipc.channel import FULL, link
from hotpath.ipc.offers import MAX_BYTES, Offers, Report
from hotpath.supervisor.roster import Post


class Followers:
    """A link to each worker. None is ever waited for: a stopped worker's link may be full."""

    def __init__(self, workers: Sequence[Post], latest: Callable[[], Offers]) -> None:
        self._workers = workers
        self._latest = latest
        self._links = [link() for _ in workers]
        self._reports: List[Optional[Report]] = [None] * len(workers)
        self._behind = [False] * len(workers)

    @property
    def ends(self) -> List[socket.socket]:
        """Where workers report, by their number; for a selector."""
        return [ours for _, ours in self._links]

    def end_of(self, worker: int) -> socket.socket:
        """The worker's own end."""
        return self._links[worker][0]

    def publish(self) -> None:
        """Tell every worker of the generations as they stand."""
        self._behind = [True] * len(self._workers)
        self.catch_up()

    def catch_up(self) -> None:
        """Send the offers to those that have not had them."""
        offers = self._latest().encode()
        for index, behind in enumerate(self._behind):
            if behind:
                try:
                    self._links[index][1].send(offers)
                    self._behind[index] = False
                except OSError as error:
                    if error.errno not in FULL:
                        raise

    def hear(self, worker: int) -> None:
        """Take in a worker's reports."""
        while True:
            try:
                report = Report.decode(self._links[worker][1].recv(MAX_BYTES))
            except BlockingIOError:
                return
            if report.worker == self._workers[worker].incarnation:
                self._reports[worker] = report

    def failure(self) -> str:
        """Why some worker can't follow; empty where all can."""
        return next((report.failed for report in self._current() if report and report.failed), "")

    def all_follow(self) -> bool:
        """Whether every running worker follows what was published last."""
        return all(report is not None and not report.failed for report in self._current())

    def all_without(self, generation: int) -> bool:
        """Whether no running worker needs the generation any more."""
        return all(report is not None and generation not in report.held for report in self._current())

    def _current(self) -> List[Optional[Report]]:
        """What running workers said last; None for one that says nothing of the latest offers."""
        number = self._latest().number
        found: List[Optional[Report]] = []
        for post, report in zip(self._workers, self._reports):
            if post.pid is None:
                continue  # its successor begins with the latest offers
            mine = report is not None and report.worker == post.incarnation
            latest = mine and report is not None and (report.number >= number or report.failed)
            found.append(report if latest else None)
        return found
