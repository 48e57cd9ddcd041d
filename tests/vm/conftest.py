"""The machine of these tests, which the roles have tuned. HOTPATH_VM_HOST names one that is there already."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.throwaway import Throwaway, throwaway

PLAYBOOK = "molecule/vm/converge.yml"


@pytest.fixture(scope="session")
def tuned() -> Iterator[Throwaway]:
    if "HOTPATH_VM_HOST" in os.environ:
        yield Throwaway(os.environ["HOTPATH_VM_HOST"])
        return
    with throwaway("vm-tuned") as host:
        converged = host.play(PLAYBOOK)
        assert converged.code == 0, converged.output[-6000:]
        yield host
