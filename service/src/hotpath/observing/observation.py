"""Everything that a worker tells about its requests, as configured."""

from __future__ import annotations

from typing import List, Optional

from hotpath.config import Config
from hotpath.core import Refusal
from hotpath.logs import process_name
from hotpath.metrics.table import Row
from hotpath.observing import tracing
from hotpath.observing.access_log import AccessLog
from hotpath.observing.record import Observer, Record

LAST_WORDS_S = 2.0
"""How long the end of a worker waits for each of them."""


class Observation:
    """The observers of one worker. Made in its process, because they have threads."""

    def __init__(self, config: Config, row: Row) -> None:
        """Raises Refusal."""
        self._tracing = tracing.start(config.tracing, process_name())
        self._access_log: Optional[AccessLog] = None
        self.observers: List[Observer] = []
        if self._tracing is not None:
            self.observers.append(self._tracing.take)  # first, since the log tells the trace's id
        if config.access_log.enabled:
            try:
                self._access_log = AccessLog(
                    config.access_log, process_name(), lambda: row.add("hotpath_access_log_dropped")
                )
            except OSError as error:
                raise Refusal(
                    f"access_log.path = {config.access_log.path!r} can't be written ({error.strerror}).",
                    "Let the service's user write there, or empty access_log.path for standard error.",
                ) from error
            if self._tracing is None:
                self.observers.append(_adopt_trace_id)
            self.observers.append(self._access_log.take)

    def close(self) -> None:
        """Tell what has not been told, within bounds."""
        for part in (self._access_log, self._tracing):
            if part is not None:
                part.close(LAST_WORDS_S)


def _adopt_trace_id(record: Record) -> None:
    if record.traceparent:
        record.trace_id = tracing.trace_id_of(record.traceparent)
