"""Three real services on loopback, started once for all tests of the fleet, and HAProxy before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.front_door import Door, fetch
from support.services import Service, build, free_port, serving

HERE = "127.0.0.1"
SECONDS = 0.02  # a batch of the stand-in


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleet")


@pytest.fixture(scope="session")
def photograph(folder: Path, services: list[Service]) -> bytes:
    return (folder / "red.png").read_bytes()


@pytest.fixture(scope="session")
def services(folder: Path) -> Iterator[list[Service]]:
    model = build(folder, SECONDS)
    fleet = [Service(folder, model, f"gpu-{number}", HERE, free_port(), max_batch=2) for number in (1, 2, 3)]
    with serving(*fleet):
        fleet[2].address = "localhost"  # an inventory may name a host as well as give its address
        yield fleet


@pytest.fixture(scope="session")
def binary(folder: Path) -> Path:
    return fetch(folder)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def door(tmp_path: Path, binary: Path, services: list[Service], port: int) -> Iterator[Door]:
    with Door(tmp_path, binary, services, port).open() as opened:
        opened.up(3)
        yield opened
