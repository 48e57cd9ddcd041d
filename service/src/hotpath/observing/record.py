"""What is known about one request: filled in on its way, and told once it is over."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Mapping, MutableMapping, NamedTuple, Optional

_KEY = "hotpath.record"


class Stages(NamedTuple):
    """The way of one image. Times are seconds of the monotonic clock."""

    decode_s: float
    decoded: float
    """When it lay in its slot, and was handed to an engine."""
    queue_s: float
    compute_s: float
    batch_size: int

    @property
    def computed(self) -> float:
        """When its batch was done."""
        return self.decoded + self.queue_s + self.compute_s


class Record:
    """One request. Belongs to the worker's event loop until it is over."""

    __slots__ = (
        "body_bytes",
        "client",
        "ended",
        "error",
        "id",
        "images",
        "key",
        "method",
        "model",
        "path",
        "received",
        "route",
        "scheme",
        "started",
        "status",
        "trace_id",
        "traceparent",
        "tracestate",
        "version",
    )

    def __init__(self, method: str, path: str, route: str, client: str) -> None:
        self.id = ""
        self.method = method
        self.path = path
        self.route = route
        self.scheme = "http"
        """How the client came: http, or https where a trusted proxy says so."""
        self.client = client
        self.started = time.monotonic()
        self.ended = 0.0
        self.received: Optional[float] = None
        """When the body was there."""
        self.body_bytes = 0
        self.status = 0
        self.error = ""
        self.key = ""
        """The name of the key that came with it."""
        self.model = ""
        self.version = ""
        self.images: List[Stages] = []
        self.traceparent = ""
        self.tracestate = ""
        self.trace_id = ""

    def body_is_in(self, size: int) -> float:
        """Note that the whole body, of `size` bytes, was received; when, on the monotonic clock."""
        self.received = time.monotonic()
        self.body_bytes = size
        return self.received

    def answered_by(self, model: str, version: str, images: List[Stages]) -> None:
        """Note what became of a prediction."""
        self.model, self.version, self.images = model, version, images

    @property
    def slowest(self) -> Optional[Stages]:
        """The stages of the image that was done last."""
        if len(self.images) > 1:
            return max(self.images, key=lambda stages: stages.computed)
        return self.images[0] if self.images else None

    def seconds(self) -> Dict[str, float]:
        """The stages that the request went through, by name; of several images, those of the slowest."""
        found: Dict[str, float] = {}
        if self.received is not None:
            found["receive"] = self.received - self.started
        stages = self.slowest
        if stages is not None:
            found.update(decode=stages.decode_s, queue=stages.queue_s, compute=stages.compute_s)
        return found


def server_timing(stages: Mapping[str, float], total: float) -> str:
    """The value of Server-Timing (https://www.w3.org/TR/server-timing/), in milliseconds; from seconds."""
    told = [f"{name};dur={seconds * 1000:.3f}" for name, seconds in stages.items()]
    return ", ".join([*told, f"total;dur={total * 1000:.3f}"])


Observer = Callable[[Record], None]
"""Takes a request that is over."""


def put(scope: MutableMapping[str, Any], record: Record) -> None:
    """Let what handles the request find its record."""
    scope[_KEY] = record


def record_of(scope: MutableMapping[str, Any]) -> Record:
    """The record of the request that an ASGI scope belongs to."""
    record: Record = scope[_KEY]
    return record
