"""An answer's head and body in one piece.

uvicorn writes them one after the other, and uvloop sends each at once: two system calls and two packets for
an answer, of which the first wakes a client that can do nothing with it yet.
"""

from __future__ import annotations

import asyncio
from typing import Any, Optional


class JoinedWrites:
    """A transport that holds one write back for the next one, until the event loop's next turn at most."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._held = b""
        self._flush_soon: Optional[asyncio.Handle] = None

    def __getattr__(self, name: str) -> Any:
        """Everything but writing and ending is the transport's own."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` with what was held back, or hold it back."""
        if self._flush_soon is None:
            self._held = data
            self._flush_soon = self._loop.call_soon(self._flush)
        else:
            self._held += data
            self._flush()

    def write_eof(self) -> None:
        """Send what was held back, and say that it was the last."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what was held back, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._flush_soon is not None:
            self._flush_soon.cancel()
            self._flush_soon = None
            if not self._transport.is_closing():
                self._transport.write(self._held)
            self._held = b""
