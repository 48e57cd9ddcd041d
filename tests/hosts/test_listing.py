"""Containers are listed while others come and go."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator

import pytest
from throwaway.engine import containers
from throwaway.hosts import Host
from throwaway.image import ensure_image

PREFIX = "hotpath-listing-"
COMING_AND_GOING = 3
LISTINGS = 20


def podman(*arguments: str) -> None:
    subprocess.run(["podman", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def image() -> str:
    return ensure_image()


@pytest.fixture
def commotion(image: str) -> Iterator[None]:
    """Containers that others make and remove all the time."""
    over = threading.Event()

    def come_and_go(name: str) -> None:
        while not over.is_set():
            podman("create", "--name", name, image, "true")
            podman("rm", "--force", name)

    threads = [threading.Thread(target=come_and_go, args=(f"{PREFIX}{i}",)) for i in range(COMING_AND_GOING)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("commotion")
def test_a_container_that_goes_meanwhile_does_not_fail_the_list() -> None:
    most = max(len([Host.of(listed) for listed in containers(PREFIX)]) for _ in range(LISTINGS))
    assert 0 < most <= COMING_AND_GOING


def test_a_container_that_never_ran_is_a_host_that_does_not_run(image: str) -> None:
    podman("create", "--name", f"{PREFIX}still", "--publish", "127.0.0.1:18999:8000", image)
    try:
        (host,) = map(Host.of, containers(PREFIX))
    finally:
        podman("rm", "--force", f"{PREFIX}still")
    assert (host.container, host.running, host.image, host.port) == (f"{PREFIX}still", False, image, 18999)
