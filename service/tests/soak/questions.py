"""What is asked, and what is right to answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional

HEADER_LENGTH = b"inference-header-content-length"


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP; names of fields are in small letters."""

    status: int
    fields: Mapping[bytes, bytes]
    body: bytes

    @property
    def header_length(self) -> int:
        """Of its JSON: all of it, but where binary tensors follow."""
        return int(self.fields.get(HEADER_LENGTH, len(self.body)))

    @property
    def document(self) -> Any:
        """Its JSON."""
        return json.loads(self.body[: self.header_length])

    @property
    def service_s(self) -> Optional[float]:
        """How long it took by the service's own clock, where it says that."""
        told = self.document.get("timings_ms")
        return float(told["total"]) / 1000 if told else None


@dataclass(frozen=True)
class Question:
    """A request, and the judge of its answer."""

    kind: str
    """What it is counted under."""
    request: bytes
    read: Callable[[Answer], Any]
    """What of an answer is judged."""
    wrong: Callable[[Any], str]
    """What is wrong with that, in words; empty where it is right."""
    expected: Any
    """What is right."""


def posted(path: str, body: bytes, kind: str, **headers: str) -> bytes:
    """A POST of a body of this type."""
    fields = {"Host": "soak", "Content-Type": kind, **headers, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
