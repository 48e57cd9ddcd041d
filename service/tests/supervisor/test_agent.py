"""What a balancer is told of a host's speed."""

from __future__ import annotations

import selectors
import socket
from typing import List, Tuple

import pytest

from hotpath.config import ServerConfig
from hotpath.core import Refusal
from hotpath.metrics.table import Row, Table
from hotpath.supervisor import agent, ports


def engines(*each: Tuple[bool, float, float]) -> List[Row]:
    """Rows of engines: whether they are warm, seconds of an image, pace."""
    rows = Table(1, [f"{seat}/cpu" for seat in range(len(each))], 8, ["colours"]).engines
    for row, (warm, seconds, pace) in zip(rows, each):
        row.set("hotpath_engine_ready", float(warm))
        row.set("hotpath_engine_unit_seconds", seconds)
        row.set("hotpath_engine_pace_ratio", pace)
    return list(rows)


@pytest.mark.parametrize(
    ("rows", "reference", "told"),
    [
        (engines((True, 0.01, 1.0)), 0.0, 100),
        (engines((True, 0.01, 3.0)), 0.0, 33),
        (engines((True, 0.01, 1.0), (False, 0.01, 1.0)), 0.0, 50),
        (engines((True, 0.01, 1.0), (True, 0.01, 2.0)), 0.0, 75),
        (engines((True, 0.01, 1.0)), 400.0, 25),
        (engines((True, 0.01, 1.0), (True, 0.01, 1.0)), 400.0, 50),
        (engines((True, 0.001, 1.0)), 100.0, agent.MOST),
        (engines((True, 0.01, 900.0)), 0.0, 1),
        (engines((False, 0.0, 0.0)), 0.0, 1),
        ([], 100.0, 1),
    ],
)
def test_a_weight_is_the_speed_in_percent(rows: List[Row], reference: float, told: int) -> None:
    assert agent.percent(rows, reference) == told


def server(port: int) -> ServerConfig:
    return ServerConfig.model_validate({"host": "127.0.0.1", "agent_port": port})


def test_every_caller_gets_one_line_and_the_end() -> None:
    rows = engines((True, 0.01, 1.0))
    port = free_port()
    door = agent.door(server(port), lambda: rows)
    assert door is not None
    with selectors.DefaultSelector() as selector:
        door.register(selector)
        for pace, told in ((1.0, b"up 100%\n"), (4.0, b"up 25%\n")):
            rows[0].set("hotpath_engine_pace_ratio", pace)
            with socket.create_connection(("127.0.0.1", port), 5) as caller:
                for key, _ in selector.select(5.0):
                    key.data()
                assert caller.makefile("rb").read() == told
    door.close()


def test_none_is_told_where_no_port_is_set() -> None:
    assert agent.door(server(0), list) is None


def test_a_port_that_is_taken_is_named() -> None:
    with ports.listen("127.0.0.1", 0) as taken, pytest.raises(Refusal, match=r"server\.agent_port"):
        agent.door(server(taken.getsockname()[1]), list)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
