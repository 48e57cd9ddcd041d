"""A balancer is told how fast this host is now: HAProxy's agent check.

The word is a weight. HAProxy would let `drain` and `ready` override what operators set of a host, and
`/readyz` says those already; `up` is for a host that joined while HAProxy ran, and leaves health checks
their say.
https://docs.haproxy.org/2.8/configuration.html#5.2-agent-check
"""

from __future__ import annotations

import contextlib
import socket
from typing import Callable, Iterable, Optional

from hotpath.config import ServerConfig
from hotpath.metrics.table import Row
from hotpath.supervisor import ports
from hotpath.supervisor.door import Door

MOST = 256
"""HAProxy's largest weight."""


def speed(engines: Iterable[Row]) -> float:
    """Units of work in a second, images are one each, of those engines that are warm, at their pace now."""
    return sum(
        1.0 / (row.get("hotpath_engine_unit_seconds") * row.get("hotpath_engine_pace_ratio"))
        for row in _warm(engines)
    )


def by_warm_up(engines: Iterable[Row]) -> float:
    """The same, had each of the engines the pace of the warm-up, those that are not warm too."""
    rows = list(engines)
    rates = [1.0 / row.get("hotpath_engine_unit_seconds") for row in _warm(rows)]
    return sum(rates) * len(rows) / len(rates) if rates else 0.0


def percent(engines: Iterable[Row], reference: float) -> int:
    """The weight, 1 to MOST: the speed in percent of `reference` units/s; 0: of its own by the warm-up."""
    rows = list(engines)
    whole = reference or by_warm_up(rows)
    return max(1, min(MOST, round(100 * speed(rows) / whole))) if whole else 1


def door(server: ServerConfig, engines: Callable[[], Iterable[Row]]) -> Optional[Door]:
    """Where a balancer asks, None where no port is set; `engines` are those that answer. Raises Refusal."""
    if not server.agent_port:
        return None

    def tell(end: socket.socket) -> None:
        with contextlib.closing(end), contextlib.suppress(OSError):
            end.send(f"up {percent(engines(), server.agent_reference)}%\n".encode())

    return Door(ports.listen(server.host, server.agent_port, "server.agent_port"), "a balancer", tell)


def _warm(engines: Iterable[Row]) -> Iterable[Row]:
    return (
        row for row in engines if row.get("hotpath_engine_ready") and row.get("hotpath_engine_unit_seconds")
    )
