"""`site.yml --check --diff` passes on a host that nothing has touched, and leaves it untouched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.throwaway import Throwaway, throwaway
from support.untouched import state_of


@pytest.fixture(scope="module")
def untouched() -> Iterator[Throwaway]:
    with throwaway("untouched") as made:
        yield made


def test_check_mode_passes_and_changes_nothing(untouched: Throwaway) -> None:
    before = state_of(untouched)
    checked = untouched.play("site.yml", "--check", "--diff")
    assert checked.code == 0, checked.output[-4000:]
    # It foretells changes, so it was no empty run.
    recap = re.search(rf"{untouched.name}\s+: ok=(\d+)\s+changed=(\d+)", checked.output)
    assert recap and int(recap[1]) > 20 and int(recap[2]) > 5, checked.output[-2000:]
    changed = sorted(set(before) ^ set(state_of(untouched)))
    assert changed == []
