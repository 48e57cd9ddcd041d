"""Three throwaway hosts with the service and two balancers before them, brought up once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.fleet import Fleet
from support.fleet import fleet as fleet_of


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Each test leaves all hosts in rotation, with what they had."""
    with fleet_of(tmp_path_factory.mktemp("hosts")) as made:
        yield made
