"""A worker's end of the supervisor's link: follows its offers, and reports what it no longer needs."""

from __future__ import annotations

import asyncio
import socket
from typing import Callable, Optional, Tuple

from hotpath.core import HotpathError
from hotpath.http.catalogue import Catalogue
from hotpath.ipc.offers import MAX_BYTES, Offers, Report

_INTERVAL_S = 0.05
"""How often a worker looks whether it still needs a draining generation, while it needs one."""


class Steering:
    """Lives in the worker's event loop."""

    def __init__(
        self,
        incarnation: int,
        end: socket.socket,
        catalogue: Catalogue,
        busy: Callable[[Tuple[int, ...]], bool],
        on_change: Callable[[Offers], None],
    ) -> None:
        self._incarnation = incarnation
        self._end = end
        self._catalogue = catalogue
        self._busy = busy
        self._on_change = on_change
        self._reported: Optional[Report] = None
        self._failed = ""
        self._timer: Optional[asyncio.TimerHandle] = None

    def start(self) -> None:
        """Listen, and report what the worker began with."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._end.fileno(), self._on_readable)
        self._report()

    def _on_readable(self) -> None:
        while True:
            try:
                data = self._end.recv(MAX_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            self._follow(Offers.decode(data))
        self._report()

    def _follow(self, offers: Offers) -> None:
        if offers.number <= self._catalogue.number:
            return  # sent to the predecessor of this worker
        try:
            self._catalogue.apply(offers)
        except HotpathError as error:
            self._failed = str(error)
            return
        self._failed = ""
        self._on_change(offers)

    def _report(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        held = self._catalogue.held(self._busy)
        report = Report(self._incarnation, self._catalogue.number, held, self._failed)
        if report != self._reported:
            try:
                self._end.send(report.encode())
                self._reported = report
            except BlockingIOError:
                pass  # the supervisor is slow; said again below
        if report != self._reported or held:
            self._timer = self._loop.call_later(_INTERVAL_S, self._report)
