"""What happens to one of three hosts under load costs no request but what it had; healed, it is back by itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.front_door import Clients, Door, fetch
from support.services import Service, build, free_port, serving

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk small enough to be filled")
HERE = "127.0.0.1"
ANSWER_S = 7.0  # after which what a host had is given up; an engine that stands still is known for it before


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def disk(folder: Path) -> Iterator[Path]:
    """One so small that it can be filled, and that what clients ask meanwhile does not fill it."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "hotpath-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture(scope="module")
def services(folder: Path, disk: Path) -> Iterator[list[Service]]:
    model = build(folder, seconds=0.02)
    log = disk / "access.log"
    fleet = [
        Service(folder, model, f"gpu-{number}", HERE, free_port(), max_batch=2, access_log=log) for number in (1, 2, 3)
    ]
    with serving(*fleet):
        yield fleet


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, folder: Path, services: list[Service]) -> Iterator[Door]:
    root = tmp_path_factory.mktemp("door")
    with Door(root, fetch(folder), services, free_port(), load_balancer_answer_s=ANSWER_S).open() as opened:
        opened.up(3)
        yield opened


@contextmanager
def killed(service: Service) -> Iterator[None]:
    service.kill()
    yield
    service.start()


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    service.signal(signal.SIGSTOP)
    yield
    service.signal(signal.SIGCONT)


@contextmanager
def engine_still(service: Service) -> Iterator[None]:
    """It is ended for it after a while, and followed by another, if nobody wakes it before."""
    (engine,) = service.children("engine")
    os.kill(engine, signal.SIGSTOP)
    yield


@pytest.mark.parametrize("fault", [killed, frozen, engine_still])
def test_a_fault_costs_what_the_host_had(
    door: Door, services: list[Service], folder: Path, fault: Callable[[Service], AbstractContextManager[None]]
) -> None:
    service = services[0]
    with Clients(door, (folder / "red.png").read_bytes()) as clients:
        clients.more(30)
        with fault(service):
            door.up(2)
            clients.more(60)
        door.up(3)
        clients.more(30)
    assert len(clients.failed()) <= service.connections, clients.met


def test_a_full_disk_costs_nothing(door: Door, folder: Path, disk: Path) -> None:
    """Of all hosts at once: lines of the access log are dropped, and counted."""
    with Clients(door, (folder / "red.png").read_bytes()) as clients:
        with (disk / "rest").open("wb", buffering=0) as rest, pytest.raises(OSError):
            while rest.write(bytes(4096)):
                pass
        clients.more(60)
        (disk / "rest").unlink()
        clients.more(10)
    assert len(clients.failed()) == 0, clients.met


def test_a_clock_that_is_wrong_by_an_hour_costs_nothing(
    door: Door, services: list[Service], folder: Path, disk: Path
) -> None:
    """It comes back from a reboot with its clock ahead."""
    service = services[1]
    with Clients(door, (folder / "red.png").read_bytes()) as clients:
        clients.more(10)
        service.kill()
        door.up(2)  # a start may be quicker than the checks that tell a host is gone
        service.start(LD_PRELOAD="/usr/$LIB/faketime/libfaketime.so.1", FAKETIME="+1h")
        door.up(3)
        before = len(clients.failed())
        clients.more(60)
    assert len(clients.failed()) == before <= service.connections, clients.met
    # Where the disk was full, a line may have been written in part.
    times = re.findall(r'"time": ?"([^"]+)"', (disk / "access.log").read_text())
    told = [datetime.fromisoformat(time) for time in times]
    assert max(told) > datetime.now(UTC) + timedelta(minutes=50), "its clock was right"
