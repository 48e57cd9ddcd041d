"""The control socket: one JSON object a line. A connection asks once and reads until the line that ends it.

Only root and the user that the service runs as are heard.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import socket
import struct
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from hotpath import json_text
from hotpath.core import HotpathError, Refusal
from hotpath.supervisor.door import Door

log = logging.getLogger(__name__)

_MOST_BYTES = 65_536
"""Of a question, and of answers that nobody reads."""
_LONGEST_PATH = 107  # sockaddr_un of unix(7), less the final NUL

Question = Dict[str, Any]


class Caller:
    """One connection."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._heard = b""
        self._unsent = b""
        self._ended = False

    def fileno(self) -> int:
        """For selectors."""
        return self._end.fileno()

    @property
    def over(self) -> bool:
        """Whether everything was said and sent."""
        return self._ended and not self._unsent

    @property
    def events(self) -> int:
        """What to wait for."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)

    def tell(self, text: str) -> None:
        """A line of progress."""
        self._send({"text": text})

    def end(self, ok: bool, text: str, **more: Any) -> None:
        """The last line."""
        if not self._ended:
            self._send({"ok": ok, "text": text, **more})
            self._ended = True

    def read(self) -> Optional[Question]:
        """The question once it is whole. Raises ConnectionError when it left, ValueError on nonsense."""
        try:
            data = self._end.recv(_MOST_BYTES)
        except BlockingIOError:
            return None
        if not data:
            raise ConnectionResetError
        self._heard += data
        line, newline, _ = self._heard.partition(b"\n")
        if len(self._heard) > _MOST_BYTES:
            raise ValueError(f"the question is longer than {_MOST_BYTES} bytes")
        if not newline:
            return None
        self._heard = b""
        question = json_text.parse(line)
        if not isinstance(question, dict):
            raise ValueError("the question is no JSON object")
        return question

    def flush(self) -> None:
        """Send what fits. Raises ConnectionError when the caller left."""
        with contextlib.suppress(BlockingIOError):
            while self._unsent:
                self._unsent = self._unsent[self._end.send(self._unsent) :]

    def close(self) -> None:
        """Hang up; what is said from now on is said to nobody."""
        self._ended = True
        self._end.close()

    def _send(self, line: Dict[str, Any]) -> None:
        if self._ended or len(self._unsent) > _MOST_BYTES:
            return
        self._unsent += json.dumps(line).encode() + b"\n"
        with contextlib.suppress(ConnectionError):
            self.flush()


class Control:
    """The listening socket and everybody who calls."""

    def __init__(self, path: str, answer: Callable[[Question, Caller], None]) -> None:
        self._path = path
        self._answer = answer
        self._door = Door(_listen(path), "an operator", self._let_in) if path else None
        self._callers: List[Caller] = []

    def register(self, selector: selectors.BaseSelector) -> None:
        """Wait for callers, and for those that there are."""
        self._selector = selector
        if self._door is not None:
            self._door.register(selector)

    def turn(self) -> None:
        """Send what waits, and hang up where all is said. To be called every few seconds at least."""
        if self._door is not None:
            self._door.turn()
        for caller in list(self._callers):
            try:
                caller.flush()
            except ConnectionError:
                self._drop(caller)
                continue
            if caller.over:
                self._drop(caller)
            elif self._selector.get_key(caller).events != caller.events:
                self._selector.modify(caller, caller.events, self._selector.get_key(caller).data)

    def close(self) -> None:
        """Hear nobody any more; the socket's name goes too."""
        self.leave_to_parent()
        if self._door is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def leave_to_parent(self) -> None:
        """In a child: these descriptors are not its own."""
        for caller in self._callers:
            caller.close()
        if self._door is not None:
            self._door.close()

    def _let_in(self, end: socket.socket) -> None:
        _, user, _ = struct.unpack("3i", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user not in (0, os.geteuid()):
            log.warning("user %d may not control this service", user)
            end.close()
            return
        caller = Caller(end)
        self._callers.append(caller)
        self._selector.register(caller, selectors.EVENT_READ, lambda: self._hear(caller))

    def _hear(self, caller: Caller) -> None:
        try:
            question = caller.read()
            if question is not None:
                self._answer(question, caller)
        except ConnectionError:
            self._drop(caller)
        except (ValueError, TypeError, KeyError) as error:
            caller.end(False, f"The question can't be understood ({type(error).__name__}: {error}).")
        except HotpathError as error:
            caller.end(False, str(error))
        except Exception as error:  # whatever it is, no question may end the service
            log.exception("a question could not be answered")
            caller.end(False, f"{type(error).__name__}: {error}. The service's log says where.")

    def _drop(self, caller: Caller) -> None:
        if caller in self._callers:
            self._callers.remove(caller)
            self._selector.unregister(caller)
            caller.close()


def _listen(path: str) -> socket.socket:
    """A socket that only the owner may open. Raises Refusal."""
    remedy = (
        "Set server.control to a path in a directory that the service may write to, or to an empty string."
    )
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise Refusal(f"server.control = {path!r} is longer than {_LONGEST_PATH} bytes.", remedy)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if Path(
            path
        ).is_socket():  # left by one that was killed; a second service would have failed at its port
            os.unlink(path)
        mask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(16)
    except OSError as error:
        listener.close()
        raise Refusal(f"server.control = {path!r} can't be made ({error.strerror}).", remedy) from error
    return listener
