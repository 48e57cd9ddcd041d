"""Logs: one line an event, key=value, on standard error."""

from __future__ import annotations

import logging
import sys

_process = "hotpath"


class _Line(logging.Formatter):
    """time=... level=... process=... logger=... message="...\""""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        quoted = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        time = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}"
        level = record.levelname.lower()
        return f'time={time} level={level} process={_process} logger={record.name} message="{quoted}"'


def set_up(level: str) -> None:
    """Log `level` and above. uvicorn's own notes count as debugging ones."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def name_process(name: str) -> None:
    """Every later line of this process carries `name`."""
    global _process
    _process = name


def process_name() -> str:
    """What `name_process` said."""
    return _process
