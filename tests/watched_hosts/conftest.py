"""Three throwaway hosts with the service, two balancers before them and a monitor, brought up once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.watched_fleet import WatchedFleet, watched_fleet

# A load falls in minutes here, where a real one takes an hour.
SCALING = {"autoscaler_look_back_s": 60, "autoscaler_pause_s": 15, "autoscaler_look_s": 5}


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    """Each test leaves all hosts in rotation."""
    with watched_fleet(tmp_path_factory.mktemp("watched"), **SCALING) as made:
        yield made
