"""The access log: one JSON object a line, written by a thread of its own."""

from __future__ import annotations

import json
import logging
import logging.handlers
import math
import queue
import random
import sys
import threading
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Optional

from hotpath.config import AccessLogConfig
from hotpath.observing.record import Record

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Lines that may wait for a slow disk; what comes on top is dropped and counted."""
LONGEST_PATH = 256
COMPLAIN_EVERY_S = 60.0
"""How often the log tells at most that lines can't be written."""
FIRST_ERROR = 400
"""Answers from this status on are always logged."""


class AccessLog:
    """Chooses what is logged, and hands it to the thread that writes."""

    def __init__(self, config: AccessLogConfig, process: str, on_drop: Callable[[], None]) -> None:
        self._sample = config.sample
        self._process = process
        self._on_drop = on_drop
        self._handler: logging.Handler = (
            # Opens the file again once it has been moved away (logrotate).
            logging.handlers.WatchedFileHandler(config.path, encoding="utf-8")
            if config.path
            else logging.StreamHandler(sys.stderr)
        )
        self._waiting: queue.Queue[Optional[Record]] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write, name="access-log", daemon=True)
        self._thread.start()

    def take(self, record: Record) -> None:
        """Log a request that is over: always where it failed, else with the configured probability."""
        if record.status < FIRST_ERROR and random.random() >= self._sample:
            return
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._on_drop()

    def close(self, seconds: float) -> None:
        """Write what waits, for at most so long."""
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _write(self) -> None:
        complained = -math.inf
        for record in iter(self._waiting.get, None):
            try:
                line = json.dumps(describe(record, self._process), separators=(",", ":"))
                # As a log record, because a handler flushes and follows the file. What it can't write it
                # tells on standard error; what goes wrong when it opens the file again it raises.
                self._handler.handle(logging.LogRecord("access", logging.INFO, "", 0, line, None, None))
            except Exception as error:
                self._on_drop()
                if time.monotonic() - complained >= COMPLAIN_EVERY_S:
                    complained = time.monotonic()
                    log.error("a line of the access log can't be written: %s", error)


def describe(record: Record, process: str) -> Dict[str, Any]:
    """The line of a request. docs/observing.md explains the fields; what does not apply is left out."""
    started = datetime.now(timezone.utc).timestamp() - (time.monotonic() - record.started)
    stages = record.slowest
    fields: Dict[str, Any] = {
        "type": "access",
        "time": datetime.fromtimestamp(started, timezone.utc).isoformat(timespec="milliseconds"),
        "process": process,
        "request_id": record.id,
        "trace_id": record.trace_id,
        "client": record.client,
        "scheme": record.scheme,
        "key": record.key,
        "method": record.method,
        "path": record.path[:LONGEST_PATH],
        "route": record.route,
        "status": record.status,
        "error": record.error,
        "body_bytes": record.body_bytes,
        "model": record.model,
        "version": record.version,
        "images": len(record.images),
        "batch_size": stages.batch_size if stages is not None else 0,
        "duration_ms": _milliseconds(record.ended - record.started),
        **{f"{name}_ms": _milliseconds(value) for name, value in record.seconds().items()},
    }
    return {name: value for name, value in fields.items() if value != "" and value != 0}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
